"""Options that several commands share, each described once."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from napari_sam2.errors import InputError

if TYPE_CHECKING:
    from napari_sam2.frames import Frames

Image = Annotated[
    str,
    Parameter(
        help="The stack: a TIFF (OME, ImageJ, BigTIFF), a Zarr or OME-Zarr, also by its address, a video, "
        "DICOM as a file, folder or zip, a NIfTI, ND2, CZI or LIF, or a folder of images.",
    ),
]
Series = Annotated[
    str | None,
    Parameter(help="Which of several images in a file or folder; `napari-sam2 info` lists them."),
]
Out = Annotated[Path, Parameter(help="The folder to write; it appears when everything is in it.")]
Axis = Annotated[
    Literal["t", "z"] | None,
    Parameter(help="What the frames follow, time or depth, where the file leaves it open."),
]
AxisOrBoth = Annotated[
    Literal["t", "z", "zt"] | None,
    Parameter(
        help="What the frames follow, time or depth, where the file leaves it open; zt for volumes in time."
    ),
]
Axes = Annotated[
    str | None,
    Parameter(help="The meaning of each dimension, such as TZCYX, in place of what the file says."),
]
Index = Annotated[
    list[str] | None,
    Parameter(
        consume_multiple=True,
        negative="",
        help="Where to stay on an axis that is not followed, such as z=3.",
    ),
]
Channels = Annotated[
    list[str] | None,
    Parameter(
        consume_multiple=True,
        negative="",
        help="The one, two or three channels that the model sees, by number from 0 or by name; the first "
        "three when not given.",
    ),
]
PixelSize = Annotated[
    list[float] | None,
    Parameter(
        consume_multiple=True,
        negative="",
        help="Size of a pixel, one number or height and width (with --axis zt also depth, height and width), "
        "in place of what the file says; in the file's unit, else in µm.",
    ),
]
Step = Annotated[
    float | None,
    Parameter(
        help="Frame interval or slice spacing, in place of what the file says; in the file's unit, else in "
        "seconds or µm.",
    ),
]
Overwrite = Annotated[
    bool,
    Parameter(negative="", help="Replace the results of an earlier run when the new ones are complete."),
]
Workers = Annotated[
    int,
    Parameter(help="Processes that measure frames at the same time."),
]
Progress = Annotated[
    bool | None,
    Parameter(help="Draw a progress bar, or none; by default one is drawn on a terminal."),
]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Reading:
    """How an image is read, where its file leaves something open or is wrong; each field is an option."""

    series: Series = None
    axis: AxisOrBoth = None
    axes: Axes = None
    index: Index = None
    pixel_size: PixelSize = None
    step: Step = None

    def open(self, image: str) -> "Frames":
        """Open an image so; `open_frames` says what is raised."""
        from napari_sam2.frames import open_frames

        return open_frames(image, **self._said())

    def _said(self) -> dict[str, Any]:
        return {
            "series": self.series,
            "axis": self.axis,
            "axes": self.axes,
            "index": read_index(self.index),
            "pixel_size": read_pixel_size(self.pixel_size),
            "step": self.step,
        }


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Viewing(Reading):
    """The same, with the channels that a model sees."""

    channels: Channels = None

    def _said(self) -> dict[str, Any]:
        return {**super()._said(), "channels": self.channels}


AS_READ = Reading()
AS_SEEN = Viewing()
"""What the files say, as they say it."""


def read_index(index: list[str] | None) -> dict[str, int] | None:
    """From `z=3` as typed to what `open_frames` takes.

    Raises
    ------
    InputError
        A word is not an axis and a position.
    """
    if index is None:
        return None
    found = {}
    for word in index:
        axis, _, position = word.partition("=")
        if not axis or not position.isdecimal():
            raise InputError(
                f"--index {word} is not understood; give an axis and a position from 0, such as z=3"
            )
        found[axis] = int(position)
    return found


def read_pixel_size(pixel_size: list[float] | None) -> Any:
    """From numbers as typed to what `open_frames` takes.

    Raises
    ------
    InputError
        There are not one, two or three.
    """
    if pixel_size is None:
        return None
    if len(pixel_size) not in (1, 2, 3):
        raise InputError(f"--pixel-size has {len(pixel_size)} numbers; give one, or the height and the width")
    return pixel_size[0] if len(pixel_size) == 1 else tuple(pixel_size)
