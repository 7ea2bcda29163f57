"""Open a weights file of any kind without running what is in it."""

import pickle
import re
import warnings
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from napari_sam2.models.errors import ModelError

_MAX_HEADER = 100_000_000  # the safetensors format's own limit, in bytes


def read_file(path: Path) -> tuple[Any, dict[str, str]]:
    """What a `.pt` or `.safetensors` file holds, recognised by its first bytes and not by its name.

    Returns
    -------
    content, metadata
        The unpickled object of a `.pt` file, or the tensors by name of a safetensors file; and the
        latter's metadata. Tensors are on the CPU, mapped from the file where its kind allows.

    Raises
    ------
    ModelError
        The file is not there, is of another kind, is cut short, or wants to run code.
    """
    if path.is_dir():
        raise ModelError(f"{path} is a folder: name the weights file inside it.")
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(512)
    except FileNotFoundError as error:
        raise ModelError(f"there is no weights file {path}: check the path.") from error
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror}): check its permissions.") from error
    if not size:
        raise ModelError(f"{path} is empty: download or copy it again.")
    # Asked first: the length that a safetensors file begins with may look like the others' first byte.
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < _MAX_HEADER:
        return _read_safetensors(path)
    if head.startswith(b"PK\x03\x04"):
        return _read_torch(path, mmap=True), {}
    if head.startswith(b"\x80"):
        return _read_torch(path, mmap=False), {}  # what torch wrote before 1.6 cannot be mapped
    if head.isascii() and b"\0" not in head:
        raise ModelError(f"{path} is a text file, not model weights: download the weights themselves.")
    raise ModelError(f"{path} holds neither PyTorch weights (.pt) nor safetensors: check the file.")


def _read_torch(path: Path, mmap: bool) -> Any:
    try:
        with warnings.catch_warnings():
            # A pickle protocol that torch did not write is read all the same, or refused below.
            warnings.simplefilter("ignore", UserWarning)
            return torch.load(path, map_location="cpu", weights_only=True, mmap=mmap)
    except pickle.UnpicklingError as error:
        wanted = re.search(r"GLOBAL (\S+)", str(error))
        asks = f"it asks for {wanted[1]}" if wanted else "torch.save did not write it"
        raise ModelError(
            f"{path} holds more than tensors ({asks}) and could run code when opened, so it is refused: "
            "save the weights alone, as torch.save(model.state_dict(), file)."
        ) from error
    except Exception as error:
        # What a damaged file raises depends on where it is cut.
        raise ModelError(_damaged(path)) from error


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}
    except SafetensorError as error:
        raise ModelError(_damaged(path)) from error


def _damaged(path: Path) -> str:
    return (
        f"{path} ({path.stat().st_size:,} bytes) is cut short, damaged or not model weights: "
        "download or copy it again."
    )
