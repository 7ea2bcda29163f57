"""A movie to look at: the frames with each object tinted and outlined in its colour."""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_sam2.analysis.colours import paint_objects
from napari_sam2.analysis.errors import MeasureError
from napari_sam2.analysis.exports.files import Path_, whole_file
from napari_sam2.analysis.exports.labels import survey
from napari_sam2.analysis.exports.sizes import read_sizes
from napari_sam2.analysis.extras import need
from napari_sam2.analysis.stack import LazyStack

_SECONDS: Mapping[str, float] = {"µs": 1e-6, "ms": 1e-3, "s": 1.0}
_USUAL_RATE = Fraction(10)
# Outside of these a person sees a slide show or a flicker: then the usual rate it is.
_SLOWEST, _FASTEST = 2, 120
_QUALITY = "18"
"""x264's constant rate factor; at 18 the loss is not seen."""


def write_mp4(
    images: LazyStack,
    labels: LazyStack,
    path: Path_,
    *,
    step: float | None = None,
    step_unit: str = "frame",
) -> Path:
    """Write a movie of the frames with their objects, as H.264 in mp4.

    Parameters
    ----------
    images : sequence of uint8 arrays (y, x) or (y, x, 3)
        Grey, or red, green and blue, as they are to be seen.
    labels : sequence of int arrays (y, x)
        The masks of the same frames; 0 is background.
    path : path
        Is replaced when the whole file has been written.
    step, step_unit : float and str, optional
        Time between frames: footage plays in real time. Ten frames a second where that is unknown, or
        would be slower than 2 or faster than 120.

    Returns
    -------
    Path
        Of the file. An odd last row or column is doubled, as H.264 takes even sizes.

    Raises
    ------
    MeasureError
        Images and masks do not fit, or the package av is missing.
    OSError
        It cannot be written.
    """
    need("av", "Writing a movie", "exports")
    import av

    found = survey(labels, dims=(2,))
    if len(images) != len(labels):
        raise MeasureError(f"There are {len(images)} images and {len(labels)} masks; give as many of each.")
    _see(images, 0, found.shape)
    height, width = (side + side % 2 for side in found.shape)
    rate = _choose_rate(step, step_unit)
    with whole_file(path) as partial:
        with av.open(str(partial), "w", format="mp4", options={"movflags": "faststart"}) as movie:
            stream = movie.add_stream("libx264", rate=rate, options={"crf": _QUALITY})
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            for frame in range(len(labels)):
                painted_yxc = paint_objects(_see(images, frame, found.shape), np.asarray(labels[frame]))
                even_yxc = np.pad(
                    painted_yxc, ((0, height - found.shape[0]), (0, width - found.shape[1]), (0, 0)), "edge"
                )
                movie.mux(stream.encode(av.VideoFrame.from_ndarray(even_yxc, format="rgb24")))
            movie.mux(stream.encode())
    return Path(path)


def _see(images: LazyStack, frame: int, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    image: NDArray[Any] = np.asarray(images[frame])
    if image.ndim == 2:
        image = np.repeat(image[..., None], 3, axis=2)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise MeasureError(
            f"Image {frame} is {image.dtype} {image.shape}; a movie takes 8-bit images (y, x) or (y, x, 3)."
        )
    if image.shape[:2] != shape:
        raise MeasureError(f"Image {frame} has {image.shape[:2]} pixels and its masks {shape}.")
    return image


def _choose_rate(step: float | None, step_unit: str) -> Fraction:
    """Frames a second."""
    sizes = read_sizes(None, "pixel", step, step_unit, "t", 2)
    if sizes.step is None or sizes.step_unit not in _SECONDS:
        return _USUAL_RATE
    rate = 1 / (sizes.step * _SECONDS[sizes.step_unit])
    return Fraction(rate).limit_denominator(1001) if _SLOWEST <= rate <= _FASTEST else _USUAL_RATE
