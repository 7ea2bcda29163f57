"""From a name or a path to a network that is ready to run."""

import os
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch

from napari_sam2.models.cache import cache_folder, sha256_of
from napari_sam2.models.cards import CARDS, ModelCard
from napari_sam2.models.checkpoints import read_checkpoint
from napari_sam2.models.config import PUBLISHED, Sam2Config
from napari_sam2.models.download import Progress, download_weights, progress_bar, verified, weights_path
from napari_sam2.models.errors import ModelError
from napari_sam2.models.network.compiled import compile_parts
from napari_sam2.models.network.hollow import hollow
from napari_sam2.models.network.kernels import has_fast_bfloat16
from napari_sam2.models.network.sam2 import Sam2

Precision = Literal["float32", "bfloat16"]

CHEAP_INPUT = 256
"""Up to this input size, in pixels, first answers are averaged unless asked otherwise."""

_SUFFIXES = {".pt", ".pth", ".ckpt", ".safetensors"}


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A network with its weights, and where they come from.

    Attributes
    ----------
    name : str
        The name of its card, or the stem of its file.
    network : Sam2
        On `device`, in evaluation mode, without gradients.
    config : Sam2Config
        Sizes of the network.
    device : torch.device
        Where it runs.
    path : Path
        The weights file.
    sha256 : str
        Checksum of the weights file, which identifies the model in a session.
    card : ModelCard or None
        None for weights that were given by path.
    average : bool
        Whether first answers are the mean over several views, and all agree with their prompts.
    options : dict
        What `load_model` was asked for besides the name and the device, where it was not the default.
    """

    name: str
    network: Sam2
    config: Sam2Config
    device: torch.device
    path: Path
    sha256: str
    card: ModelCard | None
    average: bool
    options: dict[str, Any] = field(default_factory=dict)

    def averages(self, framing: str) -> bool:
        """Whether answers are averaged and made to agree; with framing "frame" they never are."""
        return self.average and framing != "frame"


def load_model(
    name_or_path: str | os.PathLike[str] = "nano",
    device: str | torch.device = "auto",
    *,
    image_size: int | None = None,
    precision: Precision = "float32",
    average: bool | None = None,
    compiled: bool = False,
    progress: Progress | None = None,
) -> LoadedModel:
    """Load a model by its name, or any SAM 2 weights by their path.

    A published model is downloaded on first use.

    Parameters
    ----------
    name_or_path : str or path
        A name in `CARDS`; or a file in Meta's, `transformers`' or our own layout, fine-tunes such as
        MedSAM2 included.
    device : str or torch.device
        "cpu", "cuda", "cuda:1", "mps"; "auto" takes a GPU where there is one.
    image_size : int, optional
        Side of the network's square input in pixels, a multiple of 32, for weights that were trained
        at another size than their file says (Meta's layout says none: 1024 is assumed; MedSAM2 is 512).
    precision : {"float32", "bfloat16"}
        Of the image encoder and the memory, which take nearly all of the time; the mask decoder is
        always float32. bfloat16 has 8 significant bits: masks differ by a few pixels on their edges,
        and processors and GPUs that calculate in it are up to twice as fast. Other processors take many
        times as long, and a warning says so.
    average : bool, optional
        Decode clicks and boxes in four views, of three sizes and mirrored, take the mean, and make the mask
        agree with what was said; by default with input sizes up to 256 pixels, where a view costs little
        and the network is small. Framing "frame" is exactly SAM 2 and does neither.
    compiled : bool
        Have PyTorch's compiler make code of the network for this device: masks are the same to rounding,
        and no session needs to know. It takes minutes the first time, for each number of objects a
        little again, and is kept in the cache folder. It needs a compiler, on a GPU also Triton, and is
        meant for GPUs: a processor gains next to nothing (`docs/performance.md`).
    progress : callable, optional
        Called during a download with the bytes that are there and those there will be; by default a
        bar is drawn on the terminal.

    Raises
    ------
    ModelError
        Unknown name, no such device, weights that cannot be fetched or do not fit, or no compiler.
    """
    options = {"image_size": image_size, "precision": precision, "average": average}
    asked = {name: value for name, value in options.items() if value not in (None, "float32")}
    chosen = pick_device(device)
    if precision == "bfloat16" and chosen.type == "cpu" and not has_fast_bfloat16():
        warnings.warn(
            "this processor does not calculate in bfloat16 and will take many times as long: load the "
            "model with precision float32",
            RuntimeWarning,
            stacklevel=2,
        )
    card = CARDS.get(os.fspath(name_or_path))
    path = _path_of(name_or_path) if card is None else _path_of_card(card, progress)
    checkpoint = read_checkpoint(path, PUBLISHED.get(card.config) if card else None)
    config = checkpoint.config if image_size is None else _at_size(checkpoint.config, image_size)
    try:
        # The values are copied straight from the file.
        network = hollow(config).to_empty(device=chosen)
        network.load_state_dict(checkpoint.state)
        network.to_precision(getattr(torch, precision)).eval().requires_grad_(False)
        if compiled:
            _compile(network)
    except torch.cuda.OutOfMemoryError as error:
        raise ModelError(
            f"{path.name} does not fit into the memory of {chosen}: choose a smaller model or device cpu."
        ) from error
    return LoadedModel(
        name=card.name if card else path.stem,
        network=network,
        config=config,
        device=chosen,
        path=path,
        sha256=sha256_of(path),
        card=card,
        average=config.image_size <= CHEAP_INPUT if average is None else average,
        options=asked,
    )


def pick_device(device: str | torch.device = "auto") -> torch.device:
    """The device that a name stands for.

    Raises
    ------
    ModelError
        PyTorch knows no such device, or this machine has none.
    """
    if device == "auto":
        best = "mps" if torch.backends.mps.is_available() else "cpu"
        return torch.device("cuda" if torch.cuda.is_available() else best)
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise ModelError(f"there is no device '{device}': choose auto, cpu, cuda or mps.") from error
    present = {
        "cpu": 1,
        "cuda": torch.cuda.device_count() if torch.cuda.is_available() else 0,
        "mps": int(torch.backends.mps.is_available()),
    }
    if (chosen.index or 0) >= present.get(chosen.type, 0):
        raise ModelError(f"this machine has no device '{device}' that PyTorch can use: choose auto or cpu.")
    return chosen


def _compile(network: Sam2) -> None:
    try:
        compile_parts(network, cache_folder() / "compiled")
    except torch.cuda.OutOfMemoryError:
        raise
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelError(
            f"the model cannot be compiled here ({reason}): install a C++ compiler, for a GPU also Triton, "
            "or load it without compiled."
        ) from error


def _path_of_card(card: ModelCard, progress: Progress | None) -> Path:
    path = weights_path(card)
    if path.is_file():
        return verified(card, path)
    if not card.urls:
        raise ModelError(
            f"the bundled model {card.name} is missing from this installation (no {path}): "
            "install napari-sam2 again, or choose another model."
        )
    if progress is not None:
        return download_weights(card, progress=progress)
    with progress_bar(card.name) as draw:
        return download_weights(card, progress=draw)


def _path_of(name_or_path: str | os.PathLike[str]) -> Path:
    path = Path(name_or_path).expanduser()
    if len(path.parts) > 1 or path.suffix.lower() in _SUFFIXES or path.exists():
        return path
    raise ModelError(
        f"there is no model named '{name_or_path}': choose one of {', '.join(CARDS)}, "
        "or give the path of a weights file."
    )


def _at_size(config: Sam2Config, image_size: int) -> Sam2Config:
    try:
        return config.at_size(image_size)
    except ValueError as error:
        raise ModelError(f"the network cannot take this input size: {error}.") from error
