"""Masks as COCO's run-length encoding, which COCO and SA-V files hold.

Runs of background and of object take turns, column by column, beginning with background. In the
compressed form a run is written, five bits a character, as its difference from the run two before.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_sam2.analysis.errors import MeasureError


def encode_objects(labels_yx: NDArray[np.integer[Any]]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Id and run-length encoding of each object of a label image, by ascending id."""
    from pycocotools import mask as coco

    # pycocotools takes uint8 of 0 and 1 in Fortran order only.
    columns_yx = np.asfortranarray(labels_yx)
    for object_id in np.unique(labels_yx[labels_yx > 0]).tolist():
        yield object_id, as_json(coco.encode((columns_yx == object_id).view(np.uint8)))


def encode_nothing(shape: tuple[int, int]) -> dict[str, Any]:
    """The encoding of a mask (y, x) that is empty."""
    from pycocotools import mask as coco

    return as_json(coco.encode(np.zeros(shape, np.uint8, order="F")))


def as_json(rle: Mapping[str, Any]) -> dict[str, Any]:
    """An encoding of pycocotools, as it stands in a file."""
    return {"size": [int(side) for side in rle["size"]], "counts": rle["counts"].decode("ascii")}


def decode(rle: Any) -> NDArray[np.bool_]:
    """The mask, bool (y, x), of an encoding, compressed or not.

    Not by pycocotools, which gives unwritten memory for runs that are too short.

    Raises
    ------
    MeasureError
        The encoding is broken; the sentence says how, without a capital letter and a full stop.
    """
    try:
        height, width = map(int, rle["size"])
        counts = rle["counts"]
        runs = _read_runs(counts) if isinstance(counts, str) else np.array(counts, np.int64)
    except (TypeError, KeyError, ValueError, UnicodeError) as error:
        raise MeasureError("it is no run-length encoding with a size and counts") from error
    if np.any(runs < 0) or runs.sum() != height * width:
        raise MeasureError(f"its runs cover {runs.sum()} pixels and not {height} x {width}")
    inside = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return inside.reshape(width, height).T


def _read_runs(counts: str) -> NDArray[np.int64]:
    characters = np.frombuffer(counts.encode("ascii"), np.uint8).astype(np.int64) - 48
    if len(characters) == 0 or characters.min() < 0 or characters.max() > 63 or characters[-1] & 32:
        raise ValueError("not compressed runs")
    ends = np.flatnonzero(characters & 32 == 0)
    starts = np.append(0, ends[:-1] + 1)
    lengths = ends - starts + 1
    if lengths.max() > 12:
        raise ValueError("a run beyond 60 bits")
    place = np.arange(len(characters)) - np.repeat(starts, lengths)
    values = np.add.reduceat((characters & 31) << 5 * place, starts)
    values -= np.where(characters[ends] & 16, np.int64(1) << 5 * lengths, 0)
    for first in (1, 2):
        values[first::2] = np.cumsum(values[first::2])
    return values
