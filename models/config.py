"""Every width and depth of a SAM 2 network in one frozen object, and the published sizes."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from types import MappingProxyType
from typing import Any

STRIDE = 16
"""Input pixels for one token of the coarsest feature map that the network keeps."""


@dataclass(frozen=True)
class Sam2Config:
    """Sizes of one network; the defaults are what all published SAM 2.1 models share.

    Attributes
    ----------
    embed_dim, heads : int
        Channels and attention heads of the image encoder's first stage; both double at each stage.
    blocks : tuple of 4 int
        Transformer blocks in each stage (strides 4, 8, 16, 32).
    global_blocks : tuple of int
        Blocks, counted over all stages, that attend over the whole image.
    windows : tuple of 4 int
        Side of the attention windows of each stage, in tokens.
    background_size : int
        Side of the learned grid of positional embeddings before interpolation.
    image_size : int
        Side of the square input, in pixels; a multiple of 32.
    hidden_dim : int
        Channels of the image features, prompts, decoder and object pointers.
    mem_dim : int
        Channels of one memory.
    decoder_heads, decoder_mlp, iou_hidden : int
        Widths inside the mask decoder.
    memory_layers, memory_mlp : int
        Depth of memory attention and width of its feed-forward layers.
    num_maskmem : int
        Slots for spatial memories: one kind for conditioning frames, the rest for recent frames.
    max_pointers : int
        Object pointers reach back at most this many frames.
    max_conditioning : int
        Conditioning frames that are read at once, the nearest ones; -1 for all, as published.
    occlusion_embedding, pointer_time : bool
        What SAM 2.1 added to SAM 2: an embedding on memories of frames where the object is hidden,
        and a projected temporal encoding of object pointers.
    """

    embed_dim: int = 96
    heads: int = 1
    blocks: tuple[int, int, int, int] = (1, 2, 7, 2)
    global_blocks: tuple[int, ...] = (5, 7, 9)
    windows: tuple[int, int, int, int] = (8, 4, 14, 7)
    background_size: int = 7
    image_size: int = 1024
    hidden_dim: int = 256
    mem_dim: int = 64
    decoder_heads: int = 8
    decoder_mlp: int = 2048
    iou_hidden: int = 256
    memory_layers: int = 4
    memory_mlp: int = 2048
    num_maskmem: int = 7
    max_pointers: int = 16
    max_conditioning: int = -1
    occlusion_embedding: bool = True
    pointer_time: bool = True

    def __post_init__(self) -> None:
        if self.image_size % 32:
            raise ValueError(f"image_size must be a multiple of 32, not {self.image_size}")
        if self.hidden_dim % self.mem_dim:
            raise ValueError(f"mem_dim {self.mem_dim} must divide hidden_dim {self.hidden_dim}")

    @property
    def stage_dims(self) -> tuple[int, ...]:
        """Channels of the four encoder stages, finest first."""
        return tuple(self.embed_dim * 2**stage for stage in range(4))

    @property
    def grid(self) -> int:
        """Tokens along one side of the coarsest kept feature map."""
        return self.image_size // STRIDE

    def at_size(self, image_size: int) -> "Sam2Config":
        """The same weights at another input size; positional encodings follow."""
        return replace(self, image_size=image_size)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for a weights file's metadata."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Sam2Config":
        """The config that `to_dict` wrote; lists become tuples, unknown names raise ValueError."""
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ValueError(f"unknown config entries: {', '.join(unknown)}")
        entries: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        return cls(**entries)


_TINY = Sam2Config()
_SMALL = replace(_TINY, blocks=(1, 2, 11, 2), global_blocks=(7, 10, 13))
_BASE_PLUS = replace(
    _TINY, embed_dim=112, heads=2, blocks=(2, 3, 16, 3), global_blocks=(12, 16, 20), background_size=14
)
_LARGE = replace(
    _TINY, embed_dim=144, heads=2, blocks=(2, 6, 36, 4), global_blocks=(23, 33, 43), windows=(8, 4, 16, 8)
)
_V21 = {"tiny": _TINY, "small": _SMALL, "base_plus": _BASE_PLUS, "large": _LARGE}

PUBLISHED: Mapping[str, Sam2Config] = MappingProxyType(
    {f"sam2.1_{size}": config for size, config in _V21.items()}
    | {
        f"sam2_{size}": replace(config, occlusion_embedding=False, pointer_time=False)
        for size, config in _V21.items()
    }
)
"""Configs of Meta's eight published checkpoints, by name."""

NANO = Sam2Config(
    embed_dim=48,
    heads=1,
    blocks=(1, 2, 5, 1),
    global_blocks=(5, 7),
    windows=(8, 4, 8, 4),
    background_size=8,
    image_size=256,
    hidden_dim=128,
    decoder_heads=4,
    decoder_mlp=512,
    iou_hidden=128,
    memory_layers=2,
    memory_mlp=512,
    max_conditioning=4,
)
"""The bundled model: the same network, small enough for a laptop's processor."""
