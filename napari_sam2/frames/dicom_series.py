"""Which images belong together, and in which order: series of DICOM files, and their places in z and t."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import numpy as np
from numpy.typing import NDArray

from napari_sam2.errors import InputError, SeveralImages
from napari_sam2.frames.dicom_header import Header
from napari_sam2.frames.dicom_planes import Plane
from napari_sam2.frames.folder import natural_order

SAME_PLACE = 1e-3
"""Slices closer than this, in mm, lie at one position."""

SAME_DIRECTION = 1e-3
"""Largest difference of the direction cosines of images that are parallel."""

GAP = 1.5
"""A distance of so many usual ones leaves room for a slice that is not there."""

UNEVEN = 0.1
"""Distances that differ by more than this share of the usual one are told."""


@dataclass(frozen=True, eq=False)
class Series:
    """Images that were taken together: single ones in several files, or those of one file.

    Attributes
    ----------
    number : int
        What it is chosen by.
    uid : str
        The other name that it is chosen by.
    headers : tuple of Header
        Of its files.
    """

    number: int
    uid: str
    headers: tuple[Header, ...]

    @property
    def n_images(self) -> int:
        """How many there are."""
        return sum(len(header.planes) for header in self.headers)

    @property
    def about(self) -> str:
        """What it is, in a few words."""
        height, width = self.headers[0].pixels.size
        images = f"{self.n_images} images" if self.n_images > 1 else "1 image"
        return f"{self.headers[0].modality or 'unknown modality'}, {images} of {height} x {width}"

    def __str__(self) -> str:
        return f"{self.number} ({self.about})"


@dataclass(frozen=True, eq=False)
class Arrangement:
    """The images of a series in their order.

    Attributes
    ----------
    letters : str
        What the dimensions of `order` are: "", "T", "Z", "TZ" or, for what nobody says, "Q", "QZ".
    order : int array
        Numbers of the images, counted through all files.
    spacing : dict
        As in `Stack`.
    remarks : tuple of str
        As in `Stack`.
    """

    letters: str
    order: NDArray[np.intp]
    spacing: dict[str, tuple[float, str]]
    remarks: tuple[str, ...]


def group_series(headers: Iterable[Header]) -> list[Series]:
    """Sort files by the series they belong to; a file of several images is one by itself."""
    groups: dict[tuple[str, str], list[Header]] = {}
    seen = set()
    for header in headers:
        if header.instance and header.instance in seen:
            continue  # a copy
        seen.add(header.instance)
        alone = header.pixels.name if header.pixels.n_frames > 1 else ""
        groups.setdefault((header.series, alone), []).append(header)
    ordered = sorted(
        groups.values(), key=lambda group: (group[0].series_number or 0, natural_order(group[0].pixels.name))
    )
    numbers = [group[0].series_number for group in ordered]
    if None in numbers or len(set(numbers)) < len(numbers):
        numbers = list(range(1, len(ordered) + 1))
    uids = Counter(group[0].series for group in ordered)
    return [
        Series(
            number=number or 0,
            uid=group[0].series if uids[group[0].series] == 1 else group[0].instance,
            headers=tuple(group),
        )
        for number, group in zip(numbers, ordered, strict=True)
    ]


def choose_series(found: Sequence[Series], asked: int | str | None, where: str) -> Series:
    """The series that a person asks for, by number or by the first characters of its UID.

    Raises
    ------
    InputError
        There are several and none is asked for, or there is no such series, or several of that name.
    """
    listed = ", ".join(str(one) for one in found)
    if asked is None:
        if len(found) == 1:
            return found[0]
        raise SeveralImages(
            f"{where} holds {len(found)} DICOM series: {listed}; "
            f"choose one with series, such as series {found[0].number}",
            {one.number: one.about for one in found},
        )
    text = str(asked)
    fitting = [one for one in found if str(one.number) == text] or [
        one for one in found if "." in text and one.uid.startswith(text)
    ]
    if len(fitting) != 1:
        several = f"{len(fitting)} series" if fitting else "no series"
        raise InputError(f"{where} has {several} {text}; it holds {listed}: give one of these numbers")
    return fitting[0]


def arrange(series: Series, where: str) -> Arrangement:
    """Put the images of a series in order: by position, else by number, else by name.

    Raises
    ------
    InputError
        They differ in size or direction, or positions are missing for some times.
    """
    _check_alike(series.headers, where)
    planes = [plane for header in series.headers for plane in header.planes]
    spacing = {}
    if series.headers[0].pixel_size is not None:
        y, x = series.headers[0].pixel_size
        spacing = {"y": (y, "mm"), "x": (x, "mm")}
    if len(planes) == 1:
        return Arrangement("", np.zeros((), np.intp), spacing, ())
    heights = _heights(planes, where, in_one_file=len(series.headers) == 1)
    if heights is None:
        return _in_sequence(series, planes, spacing)
    return _by_position(series, planes, heights, spacing, where)


def _check_alike(headers: Sequence[Header], where: str) -> None:
    sizes = Counter((*header.pixels.size, header.pixels.is_colour) for header in headers)
    if len(sizes) > 1:
        (usual, _), (odd, _) = sizes.most_common()[0], sizes.most_common()[-1]
        name = next(h.pixels.name for h in headers if (*h.pixels.size, h.pixels.is_colour) == odd)
        raise InputError(
            f"{where} mixes images of {_described(usual)} with images of {_described(odd)}, such as {name}; "
            "put those of one size into a folder of their own"
        )


def _described(size: tuple[int, int, bool]) -> str:
    return f"{size[0]} x {size[1]}{' in colour' if size[2] else ''}"


def _heights(planes: Sequence[Plane], where: str, in_one_file: bool) -> NDArray[np.float64] | None:
    """Positions along the normal of the images in mm, in steps of `SAME_PLACE`; None where unknown."""
    if any(plane.position is None or plane.orientation is None for plane in planes):
        return None
    orientations = np.array([plane.orientation for plane in planes])
    if np.abs(orientations - orientations[0]).max() > SAME_DIRECTION:
        if in_one_file:
            return None  # the views of a camera that moves around
        raise InputError(
            f"{where} mixes images of several directions, as scouts do; "
            "put those of one direction into a folder of their own"
        )
    normal = np.cross(orientations[0, :3], orientations[0, 3:])
    heights = np.array([plane.position for plane in planes]) @ normal
    return np.asarray(np.round(heights / SAME_PLACE) * SAME_PLACE)


def _by_position(
    series: Series,
    planes: Sequence[Plane],
    heights: NDArray[np.float64],
    spacing: dict[str, tuple[float, str]],
    where: str,
) -> Arrangement:
    levels = np.unique(heights)
    instances = _instances(series)
    stacks = [
        sorted(
            np.flatnonzero(heights == level).tolist(),
            key=lambda number: (planes[number].temporal, planes[number].moment or 0.0, instances[number]),
        )
        for level in levels
    ]
    counts = {len(stack) for stack in stacks}
    if len(counts) > 1:
        raise InputError(
            f"{where} has {min(counts)} images at some positions and {max(counts)} at others; "
            "put a complete set, one image for each position and time, into a folder of its own"
        )
    order_zt = np.array(stacks)
    remarks: tuple[str, ...] = ()
    if len(levels) > 1:
        step = median(np.diff(levels).tolist())
        spacing = {**spacing, "z": (float(f"{step:.6g}"), "mm")}
        remarks = _gaps(levels, step)
    if len(levels) == 1:
        sequence = order_zt[0]
        letter, times = _times([planes[number].moment for number in sequence])
        return Arrangement(letter, sequence, spacing | times, ())
    if order_zt.shape[1] == 1:
        return Arrangement("Z", order_zt[:, 0], spacing, remarks)
    moments = [_earliest(planes[number] for number in stack) for stack in order_zt.T]
    letter, times = _times(moments)
    counted = any(plane.temporal for plane in planes)
    return Arrangement(("T" if counted else letter) + "Z", order_zt.T, spacing | times, remarks)


def _in_sequence(
    series: Series, planes: Sequence[Plane], spacing: dict[str, tuple[float, str]]
) -> Arrangement:
    """Without positions: by the numbers that the files have, or in the order of a file's own frames."""
    remarks: tuple[str, ...] = ()
    instances = _instances(series)
    order = np.array(sorted(range(len(planes)), key=lambda number: instances[number]), np.intp)
    first = series.headers[0]
    if len(series.headers) > 1:
        remarks = _missing_numbers([header.instance_number for header in series.headers])
    if first.is_depth:
        step = {"z": (first.between, "mm")} if first.between else {}
        return Arrangement("Z", order, spacing | step, remarks)
    letter, times = _times([planes[number].moment for number in order])
    return Arrangement(letter, order, spacing | times, remarks)


def _instances(series: Series) -> list[tuple[object, ...]]:
    """What images are sorted by where nothing else tells them apart."""
    numbered = all(header.instance_number is not None for header in series.headers)
    return [
        (header.instance_number if numbered else 0, natural_order(header.pixels.name), plane.frame)
        for header in series.headers
        for plane in header.planes
    ]


def _times(moments: Sequence[float | None]) -> tuple[str, dict[str, tuple[float, str]]]:
    """T and the mean interval in seconds where images say when they were taken, in order; else Q."""
    known = [moment for moment in moments if moment is not None]
    if len(known) < len(moments) or any(later <= earlier for earlier, later in pairwise(known)):
        return "Q", {}
    return "T", {"t": (float(f"{(known[-1] - known[0]) / (len(known) - 1):.6g}"), "s")}


def _earliest(planes: Iterable[Plane]) -> float | None:
    moments = [plane.moment for plane in planes]
    return None if None in moments else min(moment for moment in moments if moment is not None)


def _gaps(levels: NDArray[np.float64], step: float) -> tuple[str, ...]:
    """What is wrong with the distances between slices."""
    between = np.diff(levels)
    wide = np.flatnonzero(between > GAP * step)
    missing = int((np.round(between[wide] / step) - 1).sum())
    if missing:
        after = int(wide[0])
        slices = f"{missing} slices are" if missing > 1 else "1 slice is"
        return (
            f"has a gap, as if {slices} missing: slices {after} and {after + 1} (counted from 0) are "
            f"{between[after]:.4g} mm apart, most others {step:.4g} mm, so that volumes come out too small",
        )
    if between.max() - between.min() > UNEVEN * step:
        return (
            f"has slices that are {between.min():.4g} to {between.max():.4g} mm apart: "
            f"the step of {step:.4g} mm is their median",
        )
    return ()


def _missing_numbers(numbers: Sequence[int | None]) -> tuple[str, ...]:
    known = sorted(number for number in numbers if number is not None)
    if len(known) < len(numbers) or len(set(known)) < len(known):
        return ()
    steps = [later - earlier for earlier, later in pairwise(known)]
    if max(steps) == min(steps):
        return ()
    after = known[steps.index(max(steps))]
    return (f"has a gap: the image with the number {after} is followed by {after + max(steps)}",)
