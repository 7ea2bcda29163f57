"""Cell Tracking Challenge folders, written: a mask a frame and the table of tracks.

The layout is that of the challenge's "Naming and file content conventions" (celltrackingchallenge.net).
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import tifffile

from napari_sam2.analysis.errors import MeasureError
from napari_sam2.analysis.exports.files import Path_, whole_folder
from napari_sam2.analysis.exports.labels import survey
from napari_sam2.analysis.exports.tracklets import Tracklet, check_parents, cut_into_tracklets
from napari_sam2.analysis.stack import LazyStack

LARGEST_LABEL = 2**16 - 1


def write_ctc(
    labels: LazyStack, folder: Path_, *, parents: Mapping[int, int] | None = None, truth: bool = False
) -> Path:
    """Write tracks as a Cell Tracking Challenge folder.

    A track of the challenge has no gaps and ends where it divides. An object keeps its id up to its
    first gap or its first child; each later piece gets a new id and the piece before as its parent.

    Parameters
    ----------
    labels : sequence of int arrays (y, x) or (z, y, x)
        Ids up to 65535; 0 is background. All frames in time order.
    folder : path
        Is made. A result gets ``mask000.tif`` ... and ``res_track.txt``, as the challenge's ``01_RES``;
        a truth gets ``TRA/man_track000.tif`` ... with ``TRA/man_track.txt`` and ``SEG/man_seg000.tif``
        ..., as its ``01_GT``.
    parents : mapping of int to int, optional
        From child to parent.
    truth : bool
        Write the layout of a ground truth.

    Returns
    -------
    Path
        Of the folder.

    Raises
    ------
    MeasureError
        The labels or the lineage do not fit the format, or the folder is not empty.
    OSError
        It cannot be written.
    """
    holder = "a Cell Tracking Challenge folder"
    found = survey(labels, largest=LARGEST_LABEL, holder=holder)
    check_parents(found.frames_of, parents or {})
    tracklets = cut_into_tracklets(found.frames_of, parents or {})
    if max((piece.label for piece in tracklets), default=0) > LARGEST_LABEL:
        raise MeasureError(
            f"The tracks have to be cut into {len(tracklets)} pieces, which need ids above {LARGEST_LABEL}, "
            f"and {holder} has none; number the objects anew, for example with "
            "skimage.segmentation.relabel_sequential."
        )
    digits = max(3, len(str(len(labels) - 1)))
    renamed = _find_renamed(tracklets)
    with whole_folder(folder) as partial:
        masks, table = [partial / "mask"], partial / "res_track.txt"
        if truth:
            masks = [partial / "TRA" / "man_track", partial / "SEG" / "man_seg"]
            table = partial / "TRA" / "man_track.txt"
            for mask in masks:
                mask.parent.mkdir()
        for frame in range(len(labels)):
            given = np.asarray(labels[frame])
            written = given.astype(np.uint16)
            for object_id, label in renamed.get(frame, {}).items():
                written[given == object_id] = label
            for mask in masks:
                tifffile.imwrite(
                    f"{mask}{frame:0{digits}d}.tif", written, photometric="minisblack", metadata=None
                )
        table.write_text(_format_table(tracklets), encoding="ascii", newline="\n")
    return Path(folder)


def _find_renamed(tracklets: Iterable[Tracklet]) -> dict[int, dict[int, int]]:
    """By frame, the objects that have another label there."""
    found: dict[int, dict[int, int]] = {}
    for piece in tracklets:
        if piece.label != piece.object_id:
            for frame in range(piece.first, piece.last + 1):
                found.setdefault(frame, {})[piece.object_id] = piece.label
    return found


def _format_table(tracklets: Iterable[Tracklet]) -> str:
    return "".join(
        f"{piece.label} {piece.first} {piece.last} {piece.parent}\n"
        for piece in sorted(tracklets, key=lambda piece: piece.label)
    )
