"""Which network a set of weights belongs to, and what is wrong with it."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

from torch import Tensor

from napari_sam2.models.config import NANO, PUBLISHED, Sam2Config
from napari_sam2.models.network.hollow import hollow

_NAMED = 3  # how many tensors a message names


@lru_cache(maxsize=16)
def expected_shapes(config: Sam2Config) -> Mapping[str, tuple[int, ...]]:
    """Name and shape of every tensor of a network, in its order."""
    return MappingProxyType(
        {name: tuple(tensor.shape) for name, tensor in hollow(config).state_dict().items()}
    )


def closest_known(state: Mapping[str, Tensor]) -> tuple[str, Sam2Config]:
    """Name and config of the known network with which most tensors agree in name and shape.

    SAM 2 and 2.1 differ by a few tensors only, so their presence decides between the two.
    """

    def disagreement(item: tuple[str, Sam2Config]) -> int:
        shapes = expected_shapes(item[1])
        agreeing = sum(shapes.get(name) == tuple(tensor.shape) for name, tensor in state.items())
        return len(shapes) + len(state) - 2 * agreeing

    return min((*PUBLISHED.items(), ("nano", NANO)), key=disagreement)


def problems(state: Mapping[str, Tensor], config: Sam2Config) -> list[str]:
    """What keeps these weights from being loaded: missing and misshapen tensors, then unknown ones."""
    shapes = expected_shapes(config)
    found = []
    for name, shape in shapes.items():
        if name not in state:
            found.append(f"{name} is missing")
        elif tuple(state[name].shape) != shape:
            found.append(f"{name} is {_sides(state[name].shape)} instead of {_sides(shape)}")
    return found + [f"{name} is unknown to SAM 2" for name in state if name not in shapes]


def enumerate_some(items: Sequence[str]) -> str:
    """The first few items, and how many more there are."""
    rest = len(items) - _NAMED
    return ", ".join(items[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _sides(shape: Iterable[int]) -> str:
    return "x".join(map(str, shape)) or "a single number"
