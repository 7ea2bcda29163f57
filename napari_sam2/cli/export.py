"""`napari-sam2 export`: results in the formats that other tools read."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from napari_sam2.cli.options import AxisOrBoth, PixelSize, Step, read_pixel_size

Source = Annotated[
    Path,
    Parameter(
        help="The folder that `track` or `measure` wrote, or label images: a TIFF or Zarr, a Cell Tracking "
        "Challenge folder, an SA-V JSON, or a folder of palette PNGs."
    ),
]
Format = Annotated[
    Literal[
        "ctc",
        "geff",
        "trackmate",
        "coco",
        "youtube-vis",
        "sav",
        "davis",
        "dicom-seg",
        "nifti",
        "ome-zarr",
        "ome-tiff",
        "mp4",
        "parquet",
    ],
    Parameter(help="What to write."),
]
Out = Annotated[Path, Parameter(help="The file or folder to write; it must not exist yet.")]
Image = Annotated[
    Path | None,
    Parameter(
        help="The stack that was segmented: mp4 shows it, ome-zarr holds it, a dicom-seg belongs to it, "
        "nifti takes its place in space from it; sizes and intensities come from it too."
    ),
]


def export(
    source: Source,
    /,
    *,
    format: Format,
    out: Out,
    image: Image = None,
    axis: AxisOrBoth = None,
    pixel_size: PixelSize = None,
    step: Step = None,
) -> None:
    """Write results, or label images, in a format that other tools read.

    For example:

        napari-sam2 export results --format ctc --out 01_RES
        napari-sam2 export results --format mp4 --out look.mp4 --image movie.tif
        napari-sam2 export results --format dicom-seg --out seg.dcm --image series/
        napari-sam2 export labels.tif --format nifti --out masks.nii.gz --axis z

    The formats:

        ctc          Cell Tracking Challenge: a folder of masks and res_track.txt
        geff         graph of tracks and lineage: funtracks, Mastodon, TrackMate
        trackmate    XML for Fiji's TrackMate, with outlines
        coco         COCO JSON, a run-length encoded mask for each object and frame
        youtube-vis  the same with one record for each object, for VIS models
        sav          SA-V masklets, the JSON of SAM 2's own data set
        davis        a palette PNG for each frame: DAVIS, YouTube-VOS
        dicom-seg    DICOM segmentation of the DICOM images given as --image
        nifti        .nii or .nii.gz, at the place of a DICOM or NIfTI --image
        ome-zarr     OME-Zarr 0.5 labels, with the --image where it is given
        ome-tiff     OME-TIFF with pixel size
        mp4          the --image with outlines, to look at
        parquet      the tables, each column with its unit, in a folder

    A lineage.csv in the folder of results goes with the tracks. An object that
    vanishes and comes back, or divides, becomes several tracks in ctc.
    """
    from napari_sam2.export import export as write

    written = write(
        source,
        out,
        format,
        image=image,
        axis=axis,
        pixel_size=read_pixel_size(pixel_size),
        step=step,
    )
    print(written)
