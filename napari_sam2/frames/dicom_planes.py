"""The planes of a DICOM file: where and when each was taken, and what its values mean."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam2.frames.dicom_values import as_floats, as_integer, as_number, as_positive

if TYPE_CHECKING:
    from pydicom import Dataset


@dataclass(frozen=True)
class Plane:
    """One image of a file.

    Attributes
    ----------
    frame : int
        Which of the file's.
    position : (float, float, float) or None
        Of its first pixel in the patient, in mm.
    orientation : tuple of 6 floats or None
        Directions of a row and of a column.
    moment : float or None
        When it was taken, in seconds from any time.
    temporal : int
        Which of several at the same position, as far as the file counts them; 0 where it does not.
    slope, intercept : float
        From stored to real values.
    window : (float, float) or None
        Real values to be shown as black and as white.
    """

    frame: int
    position: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    moment: float | None
    temporal: int
    slope: float
    intercept: float
    window: tuple[float, float] | None


def read_planes(dataset: "Dataset", n_frames: int) -> tuple[Plane, ...]:
    """What a file says of each of its images."""
    moments = _moments(dataset, n_frames)
    offsets = as_floats(dataset.get("GridFrameOffsetVector"))
    planes = []
    for frame in range(n_frames):
        look = partial(look_up, dataset, frame)
        position = as_floats(look("PlanePositionSequence", "ImagePositionPatient"))
        orientation = as_floats(look("PlaneOrientationSequence", "ImageOrientationPatient"))
        if position and orientation and offsets and len(offsets) == n_frames > 1:
            # the slices of a dose are told by their distances from the first
            normal = np.cross(orientation[:3], orientation[3:])
            # if the first is not 0 they are places along the patient (PS3.3 C.8.8.3.2)
            along = normal if offsets[0] == 0 else np.array([0, 0, 1])
            position = tuple(np.add(position, along * (offsets[frame] - offsets[0])).tolist())
        planes.append(
            Plane(
                frame=frame,
                position=position if position and len(position) == 3 else None,
                orientation=orientation if orientation and len(orientation) == 6 else None,
                moment=moments[frame] if moments else _moment(look),
                temporal=as_integer(look("FrameContentSequence", "TemporalPositionIndex"))
                or as_integer(dataset.get("TemporalPositionIdentifier"))
                or 0,
                slope=as_number(look("PixelValueTransformationSequence", "RescaleSlope"), 1.0),
                intercept=as_number(look("PixelValueTransformationSequence", "RescaleIntercept"), 0.0),
                window=_window(look),
            )
        )
    return tuple(planes)


def look_up(dataset: "Dataset", frame: int, sequence: str, keyword: str) -> Any:
    """What is said of one frame: in its own group, in the one that all frames share, or of the file."""
    groups = dataset.get("PerFrameFunctionalGroupsSequence") or []
    shared = dataset.get("SharedFunctionalGroupsSequence") or []
    for holder in (*groups[frame : frame + 1], *shared[:1]):
        for item in (holder.get(sequence) or [])[:1]:
            if item.get(keyword) not in (None, ""):
                return item.get(keyword)
    return dataset.get(keyword)


def _moments(dataset: "Dataset", n_frames: int) -> list[float] | None:
    """When each frame of a cine was taken, in seconds from the first."""
    vector = as_floats(dataset.get("FrameTimeVector"))
    if vector and len(vector) == n_frames:
        return [float(moment) / 1000 for moment in np.cumsum(vector)]
    interval = as_positive(dataset.get("FrameTime"))
    rate = as_positive(dataset.get("CineRate")) or as_positive(dataset.get("RecommendedDisplayFrameRate"))
    if n_frames > 1 and (interval or rate):
        step = interval / 1000 if interval else 1 / rate  # type: ignore[operator]
        return [frame * step for frame in range(n_frames)]
    return None


def _moment(look: Callable[[str, str], Any]) -> float | None:
    """When an image was taken, in seconds from any time."""
    from pydicom.valuerep import DT

    trigger = look("CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime")
    trigger = as_number(trigger if trigger is not None else look("", "TriggerTime"))
    if trigger is not None:
        return trigger / 1000
    texts = (
        look("FrameContentSequence", "FrameReferenceDateTime"),
        look("FrameContentSequence", "FrameAcquisitionDateTime"),
        look("", "AcquisitionDateTime"),
        f"{look('', 'AcquisitionDate') or '19700101'}{look('', 'AcquisitionTime') or ''}",
    )
    for text in texts:
        if text and len(str(text)) > len("19700101"):
            try:
                moment = DT(str(text))
            except ValueError:
                continue
            if moment is not None:
                return (moment - datetime(1970, 1, 1, tzinfo=moment.tzinfo)).total_seconds()
    return None


def _window(look: Callable[[str, str], Any]) -> tuple[float, float] | None:
    """The first window of values to show (PS3.3 C.11.2.1.2)."""
    centre = as_floats(look("FrameVOILUTSequence", "WindowCenter"))
    width = as_floats(look("FrameVOILUTSequence", "WindowWidth"))
    if not centre or not width:
        return None
    low, high = centre[0] - width[0] / 2, centre[0] + width[0] / 2
    if str(look("FrameVOILUTSequence", "VOILUTFunction") or "LINEAR") == "LINEAR":
        high -= 1
    return (low, high) if low < high else None
