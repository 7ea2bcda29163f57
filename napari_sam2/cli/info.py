"""`napari-sam2 info`: what is understood of an image, before anything is done with it."""

import warnings
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from napari_sam2.cli.options import AS_SEEN, Image, Viewing
from napari_sam2.errors import ImageWarning, SeveralImages

if TYPE_CHECKING:
    from napari_sam2.frames import Frames

Fingerprint = Annotated[
    bool, Parameter(negative="", help="Also print what names the image in a session, wherever it lies.")
]
_SPOKEN = {"t": "time points", "z": "slices"}


def info(
    image: Image,
    /,
    *,
    reading: Viewing = AS_SEEN,
    fingerprint: Fingerprint = False,
) -> None:
    """Say what is understood of an image: axes, sizes, units, channels, contrast.

    For example:

        napari-sam2 info movie.mp4
        napari-sam2 info dicom_folder
        napari-sam2 info dicom_folder --series 3
        napari-sam2 info movie.tif --axis t --pixel-size 0.65 --step 30

    Where something is wrong or missing, the same options that `track` and
    `measure` take put it right. A file or folder with several images is listed:
    choose one with --series.
    """
    try:
        # told below, with the rest
        with warnings.catch_warnings(action="ignore", category=ImageWarning):
            frames = reading.open(image)
    except SeveralImages as several:
        print(f"{image} holds {len(several.choices)} images; choose one with --series:")
        for number, about in several.choices.items():
            print(f"  {number:<8}{about}")
        return
    with frames:
        print(image)
        for name, value in _lines(frames):
            print(f"  {name:<14}{value}")
        if fingerprint:
            print(f"  {'fingerprint':<14}{frames.fingerprint()}")


def _lines(frames: "Frames") -> list[tuple[str, str]]:
    """What is known, name by name."""
    n, height, width = frames.shape
    shown = [frames.channel_names[channel] for channel in frames.shown_channels]
    size, step = "unknown", "unknown"
    if frames.pixel_size is not None:
        deep = "" if frames.depth is None else f"{frames.depth:.6g} x "
        size = f"{deep}{frames.pixel_size[0]:.6g} x {frames.pixel_size[1]:.6g} {frames.unit}"
    if frames.step is not None:
        step = f"{frames.step:.6g} {frames.step_unit}"
    if frames.axis == "zt":
        count = f"{n // frames.n_slices} time points of {frames.n_slices} slices"
    else:
        count = f"{n} {_SPOKEN[frames.axis]}"
    contrast = frames.contrast
    windows = [f"{low:.6g} to {high:.6g}" for low, high in zip(contrast.low, contrast.high, strict=True)]
    return [
        ("kind", frames.kind),
        ("axes", f"{frames.letters}, {_times(frames.source_shape)}"),
        ("frames", f"{count} ({frames.axis}) of {height} x {width} pixels"),
        ("type", str(frames.dtype)),
        ("channels", ", ".join(frames.channel_names)),
        *([] if len(shown) == frames.n_channels else [("shown", ", ".join(shown))]),
        ("pixel size", size),
        ("step", step),
        ("contrast", ", ".join(dict.fromkeys(windows))),
        *(("remark", remark) for remark in frames.remarks),
    ]


def _times(sizes: tuple[int, ...]) -> str:
    return " x ".join(str(size) for size in sizes)
