"""Prompts from a file: a CSV of points and boxes, or a label image."""

import os
from pathlib import Path

from napari_sam2.errors import InputError
from napari_sam2.session.csv_prompts import add_csv_prompts
from napari_sam2.session.label_prompts import LabelFile, add_label_prompts
from napari_sam2.session.session import Session


def read_prompts(path: str | os.PathLike[str], session: Session) -> None:
    """Add the prompts of a file to a session, as one step of undo.

    Parameters
    ----------
    path : path
        A CSV with the columns `csv_prompts.COLUMNS`, or a label image (TIFF, PNG, npy, zarr): one frame,
        which is frame 0, or a stack of the image's shape, where each label on its first frame is a mask
        prompt. For volumes in time a CSV has the columns `csv_prompts.VOLUME_COLUMNS`, and a label image
        is one volume, the first, or all of them.
    session : Session
        Gets the prompts; when the file cannot be used it stays as it was.

    Raises
    ------
    InputError
        With all problems of a CSV, by line, or the one of a label image.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"there is no prompts file {path}; check the path")
    try:
        if path.suffix.lower() == ".csv":
            add_csv_prompts(session, path)
        else:
            with LabelFile(path) as labels:
                add_label_prompts(session, labels)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
