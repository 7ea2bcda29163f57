"""What a DICOM file says of its image; nothing that says whose it is is ever read."""

import io
import struct
import warnings
from dataclasses import dataclass
from functools import partial
from typing import IO, TYPE_CHECKING

from napari_sam2.errors import InputError
from napari_sam2.frames.dicom_files import DicomFiles, is_dicom_file
from napari_sam2.frames.dicom_pixels import PIXEL_TAGS, Pixels, called, check_promise, unpack
from napari_sam2.frames.dicom_planes import Plane, look_up, read_planes
from napari_sam2.frames.dicom_values import as_integer, as_list, as_pair, as_positive

if TYPE_CHECKING:
    from pydicom import Dataset

# Only these are read from a file: patients, people, places and dates of birth are not among them.
_KEYWORDS = """
    SOPClassUID SOPInstanceUID Modality SeriesInstanceUID SeriesNumber InstanceNumber
    AcquisitionDateTime AcquisitionDate AcquisitionTime TemporalPositionIdentifier TriggerTime
    ImagePositionPatient ImageOrientationPatient PixelSpacing SpacingBetweenSlices GridFrameOffsetVector
    FrameTime FrameTimeVector CineRate RecommendedDisplayFrameRate FrameIncrementPointer
    SequenceOfUltrasoundRegions SharedFunctionalGroupsSequence PerFrameFunctionalGroupsSequence
    SamplesPerPixel PhotometricInterpretation PlanarConfiguration NumberOfFrames Rows Columns BitsAllocated
    BitsStored HighBit PixelRepresentation RescaleSlope RescaleIntercept ModalityLUTSequence
    WindowCenter WindowWidth VOILUTFunction
    RedPaletteColorLookupTableDescriptor GreenPaletteColorLookupTableDescriptor
    BluePaletteColorLookupTableDescriptor RedPaletteColorLookupTableData GreenPaletteColorLookupTableData
    BluePaletteColorLookupTableData SegmentedRedPaletteColorLookupTableData
    SegmentedGreenPaletteColorLookupTableData SegmentedBluePaletteColorLookupTableData
    ExtendedOffsetTable ExtendedOffsetTableLengths EncryptedAttributesSequence
""".split()
_LUT_KEYWORDS = [keyword for keyword in _KEYWORDS if "LUTSequence" in keyword or "LookupTable" in keyword]

_SLICE_VECTOR = 0x00540080
_UNDEFINED = 0xFFFFFFFF
_MOST_ELEMENTS = 10_000
"""Before the pixels: images have some hundred. A small zip can hold a file that has millions."""
_CENTIMETRES = 3
"""The code of that unit in the regions of an ultrasound image."""


@dataclass(frozen=True, eq=False)
class Header:
    """A file with an image in it.

    Attributes
    ----------
    pixels : Pixels
        How they are stored.
    series, instance : str
        UIDs.
    series_number, instance_number : int or None
        As the file has them.
    modality : str
        Such as "CT".
    planes : tuple of Plane
        One for each frame.
    pixel_size : (float, float) or None
        (y, x) in mm.
    between : float or None
        From slice to slice in mm, where the file says so.
    is_depth : bool
        The frames of this file are slices although they say nothing of their position.
    """

    pixels: Pixels
    series: str
    instance: str
    series_number: int | None
    instance_number: int | None
    modality: str
    planes: tuple[Plane, ...]
    pixel_size: tuple[float, float] | None
    between: float | None
    is_depth: bool


def read_header(files: DicomFiles, name: str) -> Header | None:
    """Read what a file says of its image; None where it is not DICOM, or of another kind than images.

    Raises
    ------
    InputError
        The file is DICOM but damaged, or an image without pixels.
    """
    from pydicom.datadict import tag_for_keyword
    from pydicom.filereader import read_dataset, read_partial
    from pydicom.uid import UID

    try:
        with files.open(name) as file, warnings.catch_warnings():
            # pydicom warns of each small breach of the standard
            warnings.simplefilter("ignore")
            if not is_dicom_file(file, name) or _is_command(file):
                return None
            content, meta = unpack(file)
            tags = [tag_for_keyword(keyword) for keyword in _KEYWORDS]
            if meta is None:
                dataset = read_partial(content, _BeforePixels(), force=True, specific_tags=tags)
            else:
                dataset = read_dataset(content, False, True, stop_when=_BeforePixels(), specific_tags=tags)
                dataset.file_meta = meta
            pixels = _pixels(dataset, content, name)
            if pixels is not None:
                size = files.size(name) if meta is None else content.seek(0, io.SEEK_END)
                check_promise(pixels, size, called(files, name))
                return _header(dataset, pixels)
    except Exception as error:  # a broken file ends in errors of many kinds
        if isinstance(error, InputError) or (isinstance(error, OSError) and error.errno is not None):
            raise
        raise InputError(
            f"{called(files, name)} cannot be read as DICOM ({error}); "
            "it may be truncated: copy or export it again"
        ) from error
    if "EncryptedAttributesSequence" in dataset:
        raise InputError(
            f"{called(files, name)} is encrypted; decrypt it where it comes from, or export it anew"
        )
    kind = dataset.get("SOPClassUID") or dataset.file_meta.get("MediaStorageSOPClassUID")
    if "Rows" in dataset or "Image Storage" in UID(kind or "").name:
        raise InputError(
            f"{called(files, name)} says that it is an image but has no pixels; "
            "it may be truncated: copy or export it again"
        )
    return None


def _is_command(file: IO[bytes]) -> bool:
    """Whether a message lies where an image should, as zeros look too: pydicom reads them to their end."""
    file.seek(0)
    start = 132 if file.read(132)[128:] == b"DICM" else 0
    file.seek(start)
    first = file.read(12)
    if first[:4] == b"\x02\0\0\0":  # the length of the description of the file
        start += 12 + int.from_bytes(first[8:], "little")
        file.seek(start)
        first = file.read(2)
    file.seek(0)
    return first[:2] == b"\0\0"


class _BeforePixels:
    """Ends the reading of a file at its pixels, or where they do not come."""

    def __init__(self) -> None:
        self._n_elements = 0

    def __call__(self, tag: int, vr: str | None, length: int) -> bool:
        self._n_elements += 1
        if self._n_elements > _MOST_ELEMENTS:
            raise ValueError(f"it has more than {_MOST_ELEMENTS} elements before its pixels")
        return tag in PIXEL_TAGS


def _pixels(dataset: "Dataset", content: IO[bytes], name: str) -> Pixels | None:
    """How the image is stored that a file stands at; None where there is none."""
    from pydicom import Dataset
    from pydicom.pixels.utils import as_pixel_options

    is_implicit, is_little = dataset.original_encoding
    order = "<" if is_little else ">"
    head = content.read(8)
    if len(head) < 8 or "Rows" not in dataset:
        return None
    group, element, vr, length = struct.unpack(f"{order}HH2sH", head)
    tag = group << 16 | element
    if tag not in PIXEL_TAGS:
        return None
    if is_implicit or not vr.isalpha():  # as some write compressed pixels into explicit files
        vr = b"OW"
        (length,) = struct.unpack(f"{order}L", head[4:])
    else:
        (length,) = struct.unpack(f"{order}L", content.read(4))
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    if not syntax:
        syntax = "1.2.840.10008.1.2" + ("" if is_implicit else ".1" if is_little else ".2")
    options = as_pixel_options(
        dataset, transfer_syntax_uid=syntax, pixel_keyword=PIXEL_TAGS[tag], pixel_vr=vr.decode()
    )
    options = {"samples_per_pixel": 1, "photometric_interpretation": "MONOCHROME2", **options}
    lookup = Dataset()
    lookup.set_original_encoding(is_implicit, is_little)
    for keyword in _LUT_KEYWORDS:
        if keyword in dataset:
            lookup.add(dataset[keyword])
    return Pixels(
        name=name,
        syntax=str(syntax),
        start=content.tell(),
        length=None if length == _UNDEFINED else length,
        options=options,
        lookup=lookup if len(lookup) else None,
    )


def _header(dataset: "Dataset", pixels: Pixels) -> Header:
    measured = partial(look_up, dataset, 0, "PixelMeasuresSequence")
    return Header(
        pixels=pixels,
        series=str(dataset.get("SeriesInstanceUID", "")),
        instance=str(dataset.get("SOPInstanceUID", "")),
        series_number=as_integer(dataset.get("SeriesNumber")),
        instance_number=as_integer(dataset.get("InstanceNumber")),
        modality=str(dataset.get("Modality", "")),
        planes=read_planes(dataset, pixels.n_frames),
        pixel_size=as_pair(measured("PixelSpacing")) or _ultrasound_size(dataset),
        between=as_positive(measured("SpacingBetweenSlices")),
        is_depth=_SLICE_VECTOR in as_list(dataset.get("FrameIncrementPointer")),
    )


def _ultrasound_size(dataset: "Dataset") -> tuple[float, float] | None:
    """Size of a pixel in mm, where all regions of an ultrasound image that show space agree."""
    sizes = {
        (abs(region.PhysicalDeltaY) * 10, abs(region.PhysicalDeltaX) * 10)
        for region in dataset.get("SequenceOfUltrasoundRegions") or []
        if region.get("PhysicalUnitsXDirection") == region.get("PhysicalUnitsYDirection") == _CENTIMETRES
    }
    return as_pair(sizes.pop()) if len(sizes) == 1 else None
