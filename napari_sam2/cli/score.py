"""`napari-sam2 score`: how well label images agree with a truth."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from napari_sam2.cli.options import Axis

Result = Annotated[
    Path, Parameter(help="Label images, or a folder that `napari-sam2 track` wrote (its labels.tif).")
]
Truth = Annotated[Path, Parameter(help="Label images of the same frames, or such a folder.")]


def score(result: Result, truth: Truth, /, *, axis: Axis = None) -> None:
    """Compare label images with a truth.

    Ids need not agree. For example:

        napari-sam2 score results truth.tif

    Printed are the measures of the Cell Tracking Challenge (SEG, DET, TRA, LNK),
    of tracking in general (IDF1, HOTA, CHOTA) and of video segmentation (J, F and
    J&F), all from 0 to 1, better when larger; `nan` where a measure is not defined.
    """
    from napari_sam2.analysis import score_labels
    from napari_sam2.frames import open_frames
    from napari_sam2.label_planes import LabelPlanes

    with (
        open_frames(_labels_in(result), axis=axis) as found,
        open_frames(_labels_in(truth), axis=axis) as true,
    ):
        table = score_labels(LabelPlanes(found), LabelPlanes(true))
    for name, value in table.iloc[0].items():
        print(f"{name:<16}{value:.4f}" if isinstance(value, float) else f"{name:<16}{value}")


def _labels_in(path: Path) -> Path:
    return path / "labels.tif" if (path / "labels.tif").is_file() else path
