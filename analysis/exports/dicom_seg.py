"""DICOM SEG: masks as a segmentation that belongs to the DICOM images they were made on."""

import warnings
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pydicom

from napari_sam2.analysis.errors import MeasureError
from napari_sam2.analysis.exports.dicom_source import read_source
from napari_sam2.analysis.exports.files import Path_, whole_file
from napari_sam2.analysis.exports.labels import survey
from napari_sam2.analysis.extras import need
from napari_sam2.analysis.stack import LazyStack

if TYPE_CHECKING:
    from highdicom.seg import SegmentDescription

_MOST_SEGMENTS = 2**16 - 1
_SERIES_NUMBER = 100


def write_dicom_seg(
    labels: LazyStack,
    path: Path_,
    *,
    source: Path_ | Sequence[Path_],
    names: Mapping[int, str] | None = None,
) -> Path:
    """Write masks as a DICOM segmentation.

    Each object is a segment of its own, numbered from 1 by ascending id, with one binary mask for each
    image, empty ones too: what viewers read. All masks are held in memory.

    Parameters
    ----------
    labels : sequence of int arrays (y, x)
        One for each image of `source`; 0 is background.
    path : path
        Is replaced when the whole file has been written.
    source : path or sequence of path
        The images: a folder with one series or one file of many frames, of which the masks are in
        ascending order of position along the normal, as `open_frames` has them; or files in the order of
        the masks.
    names : mapping of int to str, optional
        Labels of the segments, of up to 64 characters; "object 7" for an object that is not in it.

    Returns
    -------
    Path
        Of the file.

    Raises
    ------
    MeasureError
        Masks and images do not belong together, there is no object, the images have no place in space,
        as films of ultrasound or endoscopy, or the package highdicom is missing.
    OSError
        It cannot be written.
    """
    need("highdicom", "Writing DICOM SEG", "exports")
    import highdicom

    found = survey(labels, dims=(2,))
    if not 1 <= len(found.ids) <= _MOST_SEGMENTS:
        raise MeasureError(
            f"There are {len(found.ids)} objects; a DICOM SEG holds between 1 and {_MOST_SEGMENTS}."
        )
    images, order = read_source(source)
    _check_fit(images, len(order), len(labels), found.shape, source)
    images = [_mend(image) for image in images]
    number_of = np.array([0, *found.ids])
    segments = np.zeros((len(labels), *found.shape), np.uint16)
    for frame, place in enumerate(order):
        segments[place] = np.searchsorted(number_of, labels[frame])
    # highdicom warns of what the source says of the patient, which is not for us to mend.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            segmentation = highdicom.seg.Segmentation(
                source_images=images,
                pixel_array=segments,
                segmentation_type=highdicom.seg.SegmentationTypeValues.BINARY,
                segment_descriptions=_describe(found.ids, names or {}),
                series_instance_uid=highdicom.UID(),
                series_number=_SERIES_NUMBER,
                sop_instance_uid=highdicom.UID(),
                instance_number=1,
                manufacturer="napari-sam2",
                manufacturer_model_name="napari-sam2",
                software_versions=_version(),
                device_serial_number="0",
                content_label="MASKS",
                series_description="napari-sam2 masks",
                # Viewers expect a mask for every image and segment.
                omit_empty_frames=False,
            )
        except (ValueError, AttributeError, TypeError, KeyError) as error:
            raise MeasureError(f"No DICOM SEG can be made on {source}: {error}") from error
        with whole_file(path) as partial:
            segmentation.save_as(partial)
    return Path(path)


def _mend(image: pydicom.Dataset) -> pydicom.Dataset:
    """Take out what highdicom stumbles over: an empty character set, which means the default one."""
    if "SpecificCharacterSet" in image and not image.SpecificCharacterSet:
        del image.SpecificCharacterSet
    return image


def _check_fit(
    images: Sequence[pydicom.Dataset], n_images: int, n_masks: int, shape: tuple[int, ...], source: object
) -> None:
    if n_images != n_masks:
        raise MeasureError(f"There are {n_masks} masks and {n_images} images in {source}; give one each.")
    size = (int(images[0].Rows), int(images[0].Columns))
    if size != shape:
        raise MeasureError(
            f"The masks are {shape} and the images in {source} {size}; they must be of one size."
        )
    if n_images > 1 and not images[0].get("FrameOfReferenceUID"):
        raise MeasureError(
            f"{source} has no frame of reference, as films of ultrasound or endoscopy have none; a DICOM SEG "
            "needs images with a place in space."
        )


def _describe(ids: Sequence[int], names: Mapping[int, str]) -> "list[SegmentDescription]":
    import highdicom
    from pydicom.sr.codedict import codes

    algorithm = highdicom.AlgorithmIdentificationSequence(
        name="napari-sam2", family=codes.DCM.ArtificialIntelligence, version=_version()
    )
    return [
        highdicom.seg.SegmentDescription(
            segment_number=number,
            segment_label=names.get(object_id, f"object {object_id}")[:64],
            segmented_property_category=codes.SCT.Tissue,
            segmented_property_type=codes.SCT.Tissue,
            algorithm_type=highdicom.seg.SegmentAlgorithmTypeValues.SEMIAUTOMATIC,
            algorithm_identification=algorithm,
            tracking_id=f"object {object_id}",
            tracking_uid=highdicom.UID(),
        )
        for number, object_id in enumerate(ids, start=1)
    ]


def _version() -> str:
    try:
        return version("napari-sam2")
    except PackageNotFoundError:  # running from a checkout that was never installed
        return "0"
