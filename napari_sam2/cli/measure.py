"""`napari-sam2 measure`: tables from label images that exist already."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from napari_sam2.cli.options import (
    Axes,
    AxisOrBoth,
    Image,
    Index,
    Out,
    Overwrite,
    PixelSize,
    Progress,
    Series,
    Step,
    read_index,
    read_pixel_size,
)
from napari_sam2.cli.progress import bars

Labels = Annotated[
    Path,
    Parameter(
        help="Label images of the same frames: the value of a pixel is the object's id, 0 is background."
    ),
]


def measure(
    image: Image,
    labels: Labels,
    /,
    *,
    out: Out,
    series: Series = None,
    axis: AxisOrBoth = None,
    axes: Axes = None,
    index: Index = None,
    pixel_size: PixelSize = None,
    step: Step = None,
    overwrite: Overwrite = False,
    progress: Progress = None,
) -> None:
    """Measure the objects of label images that you have already.

    No model is needed. For example:

        napari-sam2 measure movie.tif labels.tif --out tables
        napari-sam2 measure movie.tif labels.tif --out tables --pixel-size 0.65 --step 30

    Written into the folder:

        regions.csv    one row for each object on each frame: area, position,
                       shape, intensity of each channel
        tracks.csv     one row for each object: first and last frame, gaps,
                       path length, displacement, speed

    Beside each table, NAME.csv.json says what each column means, its unit, and
    the version and parameters it was made with.
    """
    from napari_sam2.frames import open_frames
    from napari_sam2.label_planes import LabelPlanes
    from napari_sam2.run import measure_to_folder

    with (
        open_frames(
            image,
            series=series,
            axis=axis,
            axes=axes,
            index=read_index(index),
            pixel_size=read_pixel_size(pixel_size),
            step=step,
        ) as frames,
        open_frames(labels, axis=axis) as label_frames,
        bars("frame", progress) as show,
    ):
        planes = LabelPlanes(label_frames)
        results = measure_to_folder(frames, planes, out, overwrite=overwrite, inputs=[labels], progress=show)
    n_frames = results.regions["frame"].nunique()
    print(f"{len(results.tracks)} objects measured on {n_frames} frames: {results.folder}")
