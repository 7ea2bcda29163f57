"""From patterns to the files and folders that they name."""

import os
import warnings
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from napari_sam2.errors import ImageWarning
from napari_sam2.frames.folder import natural_order
from napari_sam2.frames.sources import MICROSCOPE_SUFFIXES, NIFTI_SUFFIXES, VIDEO_SUFFIXES

_MAGIC = frozenset("*?[")
_STACKS = (
    *VIDEO_SUFFIXES,
    *NIFTI_SUFFIXES,
    *MICROSCOPE_SUFFIXES,
    *(".tif", ".tiff", ".btf", ".tf8", ".zarr"),
)
"""What is an image of its own when a folder is searched. A DICOM file may be one slice of many, and a png
one frame of many: their folder is the image."""


def is_pattern(text: str) -> bool:
    """Whether a path has wildcards."""
    return bool(_MAGIC.intersection(text))


def matches(pattern: Path) -> list[Path]:
    """Files and folders that an absolute glob pattern names, in the order in which a person counts.

    ``*``, ``?`` and ``[...]`` match within a name and ``**`` any number of folders. Names that begin with a
    dot are matched only by patterns that do. Folders named .zarr are images and are not looked into. Links
    are followed; one that leads back to a folder it lies in
    is left out, which loses nothing, and a warning says so.
    """
    n_plain = next(k for k, part in enumerate(pattern.parts) if is_pattern(part))
    root = Path(*pattern.parts[:n_plain])
    found = _matching(root, pattern.parts[n_plain:], ()) if root.is_dir() else iter(())
    return list(dict.fromkeys(found))


def images_in(folder: Path) -> list[Path]:
    """Stacks, volumes and videos in a folder and its subfolders, by their suffixes."""

    def search(folder: Path, within: tuple[str, ...]) -> Iterator[Path]:
        for path in _children(folder):
            if path.name.lower().endswith(_STACKS):
                yield path
            elif path.is_dir() and not _leads_back(path, within):
                yield from search(path, (*within, os.path.realpath(path)))

    return list(search(folder, (os.path.realpath(folder),)))


def _matching(folder: Path, parts: tuple[str, ...], within: tuple[str, ...]) -> Iterator[Path]:
    """Paths below a folder that the parts of a pattern name; `within` are the folders that `**` is in."""
    head, *rest = parts
    if head == "**":
        within = within or (os.path.realpath(folder),)
        yield from _matching(folder, tuple(rest) or ("*",), ())
        for path in _children(folder):
            if path.suffix != ".zarr" and path.is_dir() and not _leads_back(path, within):
                yield from _matching(path, parts, (*within, os.path.realpath(path)))
        return
    for path in _children(folder, hidden=head.startswith(".")):
        if fnmatchcase(path.name, head):
            if not rest:
                yield path
            elif path.is_dir():
                yield from _matching(path, tuple(rest), ())


def _children(folder: Path, hidden: bool = False) -> list[Path]:
    names = (name for name in os.listdir(folder) if hidden or not name.startswith("."))
    return [folder / name for name in sorted(names, key=natural_order)]


def _leads_back(path: Path, within: tuple[str, ...]) -> bool:
    target = os.path.realpath(path)
    if target not in within:
        return False
    warnings.warn(
        f"{path} is a link back to {target}, which it lies in, and is left out: its files are in the batch "
        "already",
        ImageWarning,
        stacklevel=2,
    )
    return True
