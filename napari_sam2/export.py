"""From results or label images to the formats that other tools read, for scripts and the command line."""

from collections.abc import Callable
from contextlib import ExitStack
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_sam2.analysis import exports, measure_tracks
from napari_sam2.analysis.exports.files import whole_folder
from napari_sam2.errors import InputError
from napari_sam2.exportable import Exportable, open_exportable

if TYPE_CHECKING:
    from napari_sam2.frames import Frames

Path_ = str | PathLike[str]
_Writer = Callable[[Exportable, Path, Path | None], Any]


def export(
    source: Path_,
    out: Path_,
    format: str,
    *,
    image: Path_ | None = None,
    axis: str | None = None,
    pixel_size: float | tuple[float, float] | None = None,
    step: float | None = None,
) -> Path:
    """Write results or label images in another format.

    Parameters
    ----------
    source : path
        A folder of results, with ``labels.tif`` or ``regions.csv``; label images as `open_frames` reads
        them; a Cell Tracking Challenge folder, an SA-V file, or a folder of palette PNGs.
    out : path
        The file or folder to write. It must not exist, or be an empty folder.
    format : str
        A key of `WRITERS`.
    image : path, optional
        The image that was segmented: shown by mp4, part of ome-zarr, what a dicom-seg belongs to, where
        nifti takes its place in space from; and where sizes and intensities come from.
    axis, pixel_size, step : optional
        As for `open_frames`, where files do not say it.

    Returns
    -------
    Path
        What was written.

    Raises
    ------
    InputError, MeasureError
        What a person can mend; then nothing was written.
    """
    out, image = Path(out), None if image is None else Path(image)
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise InputError(f"--out {out} exists already; choose another name, or remove it first")
    with ExitStack() as opened:
        given = open_exportable(source, opened, image=image, axis=axis, pixel_size=pixel_size, step=step)
        WRITERS[format](given, out, image)
    return out


def _write_trackmate(given: Exportable, out: Path, image: Path | None) -> None:
    regions = given.tracks_only().regions()
    exports.write_trackmate(regions, out, parents=given.parents, labels=given.flat_labels, image=image)


def _write_dicom_seg(given: Exportable, out: Path, image: Path | None) -> None:
    if image is None:
        raise InputError("a DICOM SEG belongs to DICOM images; add --image with their folder or file")
    exports.write_dicom_seg(given.labels, out, source=image, names=given.names)


def _write_nifti(given: Exportable, out: Path, image: Path | None) -> None:
    affine = _find_affine(image) if image is not None and given.axis == "z" else None
    exports.write_nifti(given.labels, out, axis=given.axis, affine=affine, **given.sizes)


def _find_affine(image: Path) -> Any:
    """Where the image's voxels are, for the kinds of image that say so."""
    from napari_sam2.frames.sources import NIFTI_SUFFIXES, is_dicom

    if image.name.lower().endswith(NIFTI_SUFFIXES):
        import nibabel

        return nibabel.load(image).affine
    return exports.read_affine(image) if is_dicom(image) else None


def _write_mp4(given: Exportable, out: Path, _: Path | None) -> None:
    if given.frames is None:
        raise InputError("a movie shows the image; add --image with the stack that was segmented")
    exports.write_mp4(_Shown(given.frames), given.labels, out, **_pace(given))


def _pace(given: Exportable) -> dict[str, Any]:
    """The time between frames; slices have none."""
    return {key: given.sizes[key] for key in ("step", "step_unit")} if given.axis == "t" else {}


class _Shown:
    """Frames as the model sees them, in 8 bits, (y, x, 3)."""

    def __init__(self, frames: "Frames") -> None:
        self._frames = frames

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        return (255 * self._frames.rgb(index)).round().astype(np.uint8).transpose(1, 2, 0)


def _write_parquet(given: Exportable, out: Path, _: Path | None) -> None:
    tables = given.tables()
    if not tables:
        regions = given.regions()
        tables = {"regions": regions, "tracks": measure_tracks(regions)}
    with whole_folder(out) as partial:
        for name, table in tables.items():
            exports.write_parquet(table, partial / f"{name}.parquet")


WRITERS: dict[str, _Writer] = {
    "ctc": lambda given, out, _: exports.write_ctc(given.tracks_only().labels, out, parents=given.parents),
    "geff": lambda given, out, _: exports.write_geff(
        given.tracks_only().regions(), out, parents=given.parents
    ),
    "trackmate": _write_trackmate,
    "coco": lambda given, out, _: exports.write_coco(given.labels, out, names=given.names),
    "youtube-vis": lambda given, out, _: exports.write_youtube_vis(given.labels, out, names=given.names),
    "sav": lambda given, out, _: exports.write_sav(given.labels, out, **_pace(given)),
    "davis": lambda given, out, _: exports.write_davis(given.labels, out),
    "dicom-seg": _write_dicom_seg,
    "nifti": _write_nifti,
    "ome-zarr": lambda given, out, _: exports.write_ome_zarr(
        given.labels, out, images=given.frames, axis=given.axis, **given.sizes
    ),
    "ome-tiff": lambda given, out, _: exports.write_ome_tiff(
        given.labels, out, axis=given.axis, **given.sizes
    ),
    "mp4": _write_mp4,
    "parquet": _write_parquet,
}
"""One for each format, by its name; each takes what is given, where to write, and the image's path."""
