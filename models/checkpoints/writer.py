"""Our own weights file: safetensors with Meta's tensor names and the config in its metadata."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from napari_sam2.models.errors import ModelError
from napari_sam2.models.network.sam2 import Sam2


def save_weights(
    path: Path, network: Sam2, *, half: bool = False, notes: Mapping[str, str] | None = None
) -> None:
    """Write a network's weights; the file appears only when it is whole.

    Parameters
    ----------
    path : Path
        File to write, by custom `.safetensors`.
    network : Sam2
        Its weights and config are written.
    half : bool
        Store matrices as float16, which halves the file. Vectors and the positional matrix stay
        float32: they weigh nothing, and layer scales are too small for float16.
    notes : mapping, optional
        More metadata, for example how the weights were trained.

    Raises
    ------
    ModelError
        The file cannot be written.
    """
    buffers = {name for name, _ in network.named_buffers()}
    state = {
        name: tensor.detach()
        .to("cpu", torch.float16 if half and tensor.ndim > 1 and name not in buffers else torch.float32)
        .contiguous()
        for name, tensor in network.state_dict().items()
    }
    metadata = dict(notes or {}) | {"config": json.dumps(network.config.to_dict())}
    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        save_file(state, beside, metadata)
        beside.replace(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path} cannot be written ({error}): choose another folder.") from error
    finally:
        beside.unlink(missing_ok=True)
