"""Files and folders that are whole or not there."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from napari_sam2.analysis.errors import MeasureError

Path_ = str | os.PathLike[str]


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.{uuid4().hex[:8]}.partial")


@contextmanager
def whole_file(path: Path_) -> Iterator[Path]:
    """Yield a path to write to, which takes the place of `path` only when the block ends well.

    Raises
    ------
    MeasureError
        A folder stands there.
    OSError
        It cannot be written.
    """
    path = Path(path)
    if path.is_dir():
        raise MeasureError(f"{path} is a folder; give the name of a file.")
    partial = _beside(path)
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path_) -> Iterator[Path]:
    """Yield a new folder to fill, which becomes `path` only when the block ends well.

    What is there already is never touched: a person may keep other things in it.

    Raises
    ------
    MeasureError
        `path` is a file, or a folder with something in it.
    OSError
        It cannot be written.
    """
    path = Path(path)
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise MeasureError(f"{path} exists already; give the name of a new folder, or remove it first.")
    partial = _beside(path)
    partial.mkdir()
    try:
        yield partial
        if path.exists():
            path.rmdir()
        partial.rename(path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
