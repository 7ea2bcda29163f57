"""A folder of images of one size: each file is a frame, in the order in which a person counts."""

import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_sam2.errors import InputError
from napari_sam2.frames.base import Stack
from napari_sam2.frames.tiff_checks import quiet

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = {".png": "png", ".jpg": "jpg", ".jpeg": "jpg", ".tif": "tif", ".tiff": "tif"}


def natural_order(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key in which frame_2 comes before frame_10."""
    pieces = re.findall(r"\d+|\D+", name)
    return tuple((0, int(piece), "") if piece.isdecimal() else (1, 0, piece.casefold()) for piece in pieces)


class FolderReader:
    """Reads one file for each frame; holds none open."""

    def __init__(self, files: Sequence[Path], frame_shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.files = tuple(path.absolute() for path in files)
        self.shape = (len(self.files), *frame_shape)
        self.dtype = dtype

    def read(self, key: tuple[int | slice, ...]) -> NDArray[Any]:
        """Read (a part of) the one file that the first index names."""
        path = self.files[int(key[0])]  # type: ignore[arg-type]
        image = read_image(path)
        if image.shape != self.shape[1:] or image.dtype != self.dtype:
            raise InputError(
                f"{path} is {_described(image.shape, image.dtype)} but {self.files[0].name} is "
                f"{_described(self.shape[1:], self.dtype)}; keep images of one kind in a folder"
            )
        return image[key[1:]]

    def close(self) -> None:
        """Nothing to let go of."""


def read_image(path: Path) -> NDArray[Any]:
    """Read one image file: (y, x) or (y, x, colour), an alpha channel left out, a palette resolved.

    Raises
    ------
    InputError
        The file is damaged.
    """
    try:
        image = _DECODERS[SUFFIXES[path.suffix.lower()]](path)
    except Exception as error:  # each codec has its own kinds of error
        raise InputError(
            f"{path} cannot be read ({error}); replace it or take it out of the folder"
        ) from error
    if image.ndim == 3 and image.shape[-1] in (1, 2):
        return image[..., 0]
    return image[..., :3] if image.ndim == 3 and image.shape[-1] == 4 else image


def _read_tif(path: Path) -> NDArray[Any]:
    import tifffile

    with quiet():
        return np.asarray(tifffile.imread(path))


def _read_png(path: Path) -> NDArray[Any]:
    import imagecodecs

    # Pillow would cut 16-bit colours to 8 bits
    return np.asarray(imagecodecs.png_decode(path.read_bytes()))


def _read_jpg(path: Path) -> NDArray[Any]:
    # imagecodecs would fill a truncated file with grey, Pillow tells
    with _open_with_pillow(path) as image:
        return np.asarray(image if image.mode in ("L", "RGB") else image.convert("RGB"))


_DECODERS = {"tif": _read_tif, "png": _read_png, "jpg": _read_jpg}


def read_folder(folder: Path) -> Stack:
    """Describe a folder of images.

    Raises
    ------
    InputError
        The folder has no images, images of several kinds or sizes, or files that are stacks themselves.
    """
    files = sorted(
        (
            path
            for path in folder.iterdir()
            if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
        ),
        key=lambda path: natural_order(path.name),
    )
    if not files:
        raise InputError(
            f"the folder {folder} has no png, jpg or tif images; give a folder of single images, or a TIFF"
        )
    kinds = {SUFFIXES[path.suffix.lower()]: path.name for path in files}
    if len(kinds) > 1:
        examples = " and ".join(kinds.values())
        raise InputError(
            f"the folder {folder} mixes kinds of images, such as {examples}; keep one kind in it"
        )
    first = read_image(files[0])
    if first.ndim != 2 and not (first.ndim == 3 and first.shape[-1] == 3):
        raise InputError(
            f"{files[0]} is itself a stack of shape {first.shape}; give that file, or a folder of images"
        )
    for path in files[1:]:
        size = image_size(path)
        if size != first.shape[:2]:
            raise InputError(
                f"{path} is {size[0]} x {size[1]} pixels but {files[0].name} is "
                f"{first.shape[0]} x {first.shape[1]}; keep images of one size in a folder"
            )
    return Stack(
        FolderReader(files, first.shape, first.dtype),
        letters="QYXS" if first.ndim == 3 else "QYX",
        name=folder.resolve().name,
        where=str(folder),
        source=str(folder),
        kind=f"folder of {SUFFIXES[files[0].suffix.lower()]} images",
    )


def image_size(path: Path) -> tuple[int, int]:
    """Height and width of an image file, from its header alone."""
    try:
        with _open_with_pillow(path) as image:
            return image.height, image.width
    except Exception as error:
        raise InputError(
            f"{path} cannot be read ({error}); replace it or take it out of the folder"
        ) from error


def _open_with_pillow(path: Path) -> "Image.Image":
    from PIL import Image

    with warnings.catch_warnings():
        # Pillow fears large images as attacks; a person's own 100-megapixel frames are none.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        return Image.open(path)


def _described(shape: tuple[int, ...], dtype: np.dtype[Any]) -> str:
    return f"{' x '.join(map(str, shape))} {dtype}"
