"""Palette PNGs, the masks of DAVIS and YouTube-VOS: one image a frame, the colour's index is the object."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from napari_sam2.analysis.errors import MeasureError
from napari_sam2.analysis.exports.files import Path_, whole_folder
from napari_sam2.analysis.exports.labels import ReadLabels, survey, survey_into
from napari_sam2.analysis.exports.problems import Problems
from napari_sam2.analysis.stack import LazyStack

_LARGEST_ID = 255


def _make_palette() -> list[int]:
    """The colours of PASCAL VOC: the bits of the index, in threes, from the highest bit of each channel."""
    index = np.arange(256)[:, None]
    colours = np.zeros((256, 3), np.int64)
    for bit in range(8):
        colours |= (index >> (3 * bit + np.arange(3)) & 1) << (7 - bit)
    return colours.ravel().tolist()


def write_davis(labels: LazyStack, folder: Path_) -> Path:
    """Write masks as palette PNGs, as DAVIS 2017 and YouTube-VOS have them.

    Parameters
    ----------
    labels : sequence of int arrays (y, x)
        Ids up to 255; 0 is background.
    folder : path
        Is made; gets 00000.png, 00001.png, ...

    Returns
    -------
    Path
        Of the folder.

    Raises
    ------
    MeasureError
        The labels cannot be written, or the folder is not empty.
    OSError
        It cannot be written.
    """
    survey(labels, dims=(2,), largest=_LARGEST_ID, holder="a palette PNG")
    palette = _make_palette()
    with whole_folder(folder) as partial:
        for frame in range(len(labels)):
            image = Image.fromarray(np.asarray(labels[frame]).astype(np.uint8))
            image.putpalette(palette)
            image.save(partial / f"{frame:05d}.png", optimize=False)
    return Path(folder)


def read_davis(folder: Path_) -> tuple[ReadLabels, tuple[int, ...]]:
    """Read a folder of palette PNGs.

    Parameters
    ----------
    folder : path
        With PNGs named by number, such as 00000.png; YouTube-VOS has every fifth.

    Returns
    -------
    labels : ReadLabels
        (images, y, x), read from the files one at a time.
    frames : tuple of int
        The number of each image.

    Raises
    ------
    MeasureError
        There are no such images, or with everything that is wrong with them.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise MeasureError(f"There is no folder {folder}.")
    files = _numbered(folder)
    if not files:
        raise MeasureError(f"{folder} has no PNGs named by number, such as 00000.png.")
    frames, paths = zip(*files, strict=True)

    def read(index: int) -> NDArray[Any]:
        path = paths[index]
        try:
            with Image.open(path) as image:
                if image.mode not in ("P", "L", "1"):
                    raise MeasureError(
                        f"{path.name} has the colour mode {image.mode}; masks have a palette or one channel."
                    )
                return np.asarray(image).astype(np.uint8)
        except (OSError, SyntaxError) as error:  # Pillow calls a broken PNG a syntax error
            raise MeasureError(f"{path.name} cannot be read as PNG ({error}).") from error

    labels = ReadLabels((len(paths),), np.dtype(np.uint8), read)
    problems = Problems(str(folder))
    found = survey_into(problems, labels, dims=(2,), largest=_LARGEST_ID, holder="a palette PNG")
    problems.raise_if_any()
    return ReadLabels((len(paths), *found.shape), labels.dtype, read), frames


def holds_davis(folder: Path_) -> bool:
    """Whether a folder has PNGs with a palette that are named by number."""
    files = _numbered(Path(folder))
    if not files:
        return False
    with suppress(OSError, SyntaxError), Image.open(files[0][1]) as image:
        return bool(image.mode == "P")
    return False


def _numbered(folder: Path) -> list[tuple[int, Path]]:
    return sorted((int(path.stem), path) for path in folder.glob("*.png") if path.stem.isdecimal())
