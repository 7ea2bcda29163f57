"""What OME-TIFF and ImageJ write about sizes, times and channels."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from napari_sam2.frames.units import physical_unit

if TYPE_CHECKING:
    import tifffile


@dataclass(frozen=True)
class ImageMetadata:
    """See the attributes of the same names of `Stack`."""

    spacing: dict[str, tuple[float, str]] = field(default_factory=dict)
    channel_names: tuple[str, ...] = ()


def read_metadata(tif: "tifffile.TiffFile", series: "tifffile.TiffPageSeries") -> ImageMetadata:
    """Read what the file's own kind of metadata says about its image; nothing is guessed."""
    if series.kind == "ome" and tif.ome_metadata:
        return parse_ome(tif.ome_metadata, tif.series.index(series))
    if series.kind == "imagej":
        return _imagej(tif.imagej_metadata or {}, series.keyframe)
    return ImageMetadata()


def parse_ome(xml: str, image_index: int = 0) -> ImageMetadata:
    """Read an OME-XML description.

    Parameters
    ----------
    xml : str
        The description.
    image_index : int
        Which of its images.
    """
    try:
        images = list(_named(ElementTree.fromstring(xml), "Image"))
        pixels = next(_named(images[image_index], "Pixels"))
    except (ElementTree.ParseError, IndexError, StopIteration):
        return ImageMetadata()
    spacing: dict[str, tuple[float, str]] = {}
    for letter in "xyz":
        size = pixels.get(f"PhysicalSize{letter.upper()}")
        unit = physical_unit(pixels.get(f"PhysicalSize{letter.upper()}Unit", "µm"))
        _note(spacing, letter, size, unit)
    if pixels.get("TimeIncrement"):
        _note(spacing, "t", pixels.get("TimeIncrement"), physical_unit(pixels.get("TimeIncrementUnit", "s")))
    else:
        _note(spacing, "t", *_interval(pixels))
    channels = list(_named(pixels, "Channel"))
    return ImageMetadata(spacing, tuple(channel.get("Name", "") for channel in channels))


def _interval(pixels: ElementTree.Element) -> tuple[float | None, str | None]:
    """Median time between the planes of the first channel and slice, where each says when it was taken."""
    planes = [plane for plane in _named(pixels, "Plane") if plane.get("TheC") == plane.get("TheZ") == "0"]
    planes = sorted(
        (plane for plane in planes if plane.get("DeltaT")), key=lambda plane: int(plane.get("TheT", 0))
    )
    if len(planes) < 2 or len(planes) != int(pixels.get("SizeT", 0)):
        return None, None
    times = [float(plane.get("DeltaT", "nan")) for plane in planes]
    steps = [later - earlier for earlier, later in pairwise(times)]
    return median(steps), physical_unit(planes[0].get("DeltaTUnit", "s"))


def _imagej(metadata: dict[str, Any], page: "tifffile.TiffPage") -> ImageMetadata:
    spacing: dict[str, tuple[float, str]] = {}
    unit = physical_unit(metadata.get("unit"))
    for letter, tag in (("x", "XResolution"), ("y", "YResolution")):
        numerator, denominator = page.tags.valueof(tag, (0, 1))
        # ImageJ writes pixels per unit
        _note(spacing, letter, denominator / numerator if numerator else None, unit)
    _note(spacing, "z", metadata.get("spacing"), physical_unit(metadata.get("zunit")) or unit)
    _note(spacing, "t", metadata.get("finterval"), physical_unit(metadata.get("tunit", "sec")))
    return ImageMetadata(spacing)


def _note(spacing: dict[str, tuple[float, str]], letter: str, size: Any, unit: str | None) -> None:
    """Keep a distance that is a positive number and has a physical unit."""
    try:
        number = float(size)
    except (TypeError, ValueError):
        return
    if unit is not None and 0 < number < float("inf"):
        spacing[letter] = (number, unit)


def _named(element: ElementTree.Element, tag: str) -> Iterator[ElementTree.Element]:
    """Children with a tag, in whichever version of the OME namespace."""
    return (child for child in element if child.tag.rpartition("}")[2] == tag)
