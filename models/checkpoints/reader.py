"""Weights of any SAM 2 checkpoint, under the network's own names and checked against its shapes."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from napari_sam2.models.checkpoints import huggingface
from napari_sam2.models.checkpoints.compare import closest_known, enumerate_some, expected_shapes, problems
from napari_sam2.models.checkpoints.files import read_file
from napari_sam2.models.config import Sam2Config
from napari_sam2.models.errors import ModelError

_META_MARKER = "image_encoder.trunk."


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What a weights file holds.

    Attributes
    ----------
    config : Sam2Config
        Sizes of the network that it fits.
    layout : str
        "meta", "huggingface" or "napari-sam2".
    state : dict of str to Tensor
        Every tensor of the network, by its name there; on the CPU, possibly mapped from the file.
    """

    config: Sam2Config
    layout: str
    state: dict[str, Tensor]


def read_checkpoint(path: Path, config: Sam2Config | None = None) -> Checkpoint:
    """Read Meta's `.pt`, `transformers`' safetensors, or our own safetensors.

    Fine-tunes are read too: plain state dicts, training checkpoints with an optimizer in them, and
    names that a training framework has prefixed.

    Parameters
    ----------
    path : Path
        The weights file.
    config : Sam2Config, optional
        What the file must fit. By default what its metadata says, else the known network that its
        tensors resemble most.

    Raises
    ------
    ModelError
        The file cannot be read, or tensors are missing, misshapen or unknown; the first are named.
    """
    content, metadata = read_file(path)
    tensors = max(_state_dicts(content), key=len, default={})
    if not tensors:
        raise ModelError(f"{path} holds no tensors: it is not a model's weights.")
    layout, state = _under_meta_names(path, tensors)
    network = "the network"
    if "config" in metadata:
        layout, written = "napari-sam2", _config_of(path, metadata["config"])
        config = config or written
    if config is None:
        name, config = closest_known(state)
        network = f"{name}, the nearest known network"
    found = problems(state, config)
    if found:
        raise ModelError(f"{path} does not fit {network}: {enumerate_some(found)}; choose another file.")
    return Checkpoint(config, layout, state)


def _state_dicts(content: Any, depth: int = 3) -> Iterator[dict[str, Tensor]]:
    """Every mapping of names to tensors inside an unpickled object."""
    if not isinstance(content, Mapping) or not depth:
        return
    yield {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
    for value in content.values():
        yield from _state_dicts(value, depth - 1)


def _under_meta_names(path: Path, tensors: dict[str, Tensor]) -> tuple[str, dict[str, Tensor]]:
    for layout, marker in (("meta", _META_MARKER), ("huggingface", huggingface.MARKER)):
        prefix = next((name.partition(marker)[0] for name in tensors if marker in name), None)
        if prefix is None:
            continue
        state = {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
        if layout == "meta":
            return layout, state
        try:
            return layout, huggingface.to_meta_names(state)
        except ValueError as error:
            raise ModelError(f"{path} cannot be used: {error}.") from error
    raise ModelError(
        f"{path} is not a SAM 2 checkpoint: its tensors have other names ({enumerate_some(list(tensors))})."
    )


def _config_of(path: Path, text: str) -> Sam2Config:
    try:
        config = Sam2Config.from_dict(json.loads(text))
        expected_shapes(config)  # sizes of which no network can be made fail here
    except (ValueError, TypeError, AttributeError, RuntimeError) as error:
        raise ModelError(
            f"the network's sizes in {path} cannot be used ({error}): write the file again."
        ) from error
    return config
