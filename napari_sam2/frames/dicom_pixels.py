"""The pixels of a DICOM file: where each frame lies, how it is decoded, and its real values."""

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_sam2.errors import InputError
from napari_sam2.frames.dicom_files import DicomFiles

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.pixels.decoders.base import Decoder

PIXEL_TAGS = {0x7FE00008: "FloatPixelData", 0x7FE00009: "DoubleFloatPixelData", 0x7FE00010: "PixelData"}
DEFLATED = "1.2.840.10008.1.2.1.99"

MAX_INFLATED = 2**31
"""Bytes of a deflated data set, which has to be unpacked as a whole for each frame."""

INSTALL = "pip install 'napari-sam2[dicom]'"
_PREFERRED = ("pydicom", "pillow", "pylibjpeg", "pyjpegls", "gdcm")
_ITEM_HEAD = 8
_ITEM, _END_OF_ITEMS = (0xFFFE, 0xE000), (0xFFFE, 0xE0DD)
_NEW_IMAGE = (b"\xff\xd8", b"\xff\x4f")
"""What a JPEG and a JPEG 2000 image begin with."""


@dataclass(frozen=True, eq=False)
class Pixels:
    """How a file stores its image.

    Attributes
    ----------
    name : str
        Of the file.
    syntax : str
        UID of the transfer syntax.
    start : int
        Where the pixels begin, in bytes, when the file is unpacked.
    length : int or None
        Bytes of pixels; None where they come in pieces, as compressed ones do.
    options : dict
        What pydicom's decoders want to know.
    lookup : Dataset or None
        The tables of colours or values, where pixels are places in such a table.
    """

    name: str
    syntax: str
    start: int
    length: int | None
    options: dict[str, Any]
    lookup: "Dataset | None" = field(repr=False)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return int(self.options["rows"]), int(self.options["columns"])

    @property
    def n_frames(self) -> int:
        """Images in the file."""
        return int(self.options["number_of_frames"])

    @property
    def photometric(self) -> str:
        """Such as MONOCHROME2, RGB, YBR_FULL."""
        return str(self.options["photometric_interpretation"])

    @property
    def is_colour(self) -> bool:
        """A pixel has red, green and blue."""
        return int(self.options["samples_per_pixel"]) == 3 or self.photometric == "PALETTE COLOR"

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the values as they are stored, or of those in the table."""
        keyword, bits = self.options["pixel_keyword"], int(self.options["bits_allocated"])
        if keyword != "PixelData":
            return np.dtype(np.float32 if keyword == "FloatPixelData" else np.float64)
        if self.lookup is not None:
            holder = self.lookup.get("ModalityLUTSequence", [self.lookup])[0]
            described = holder.get("LUTDescriptor") or holder.RedPaletteColorLookupTableDescriptor
            return np.dtype(np.uint8 if described[2] == 8 else np.uint16)
        kind = "i" if self.options.get("pixel_representation") == 1 else "u"
        return np.dtype(f"{kind}{max(1, bits // 8)}")

    @property
    def limits(self) -> tuple[int, int]:
        """The lowest and the highest value that whole numbers of so many bits can have."""
        if self.lookup is not None:
            return 0, int(np.iinfo(self.dtype).max)
        bits = int(self.options.get("bits_stored") or self.options["bits_allocated"])
        return (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if self.dtype.kind == "i" else (0, 2**bits - 1)


Places = tuple[tuple[int, int], ...]
"""Where each compressed image of a file begins and ends, in bytes."""


@contextmanager
def open_pixels(files: DicomFiles, pixels: Pixels) -> Iterator[IO[bytes]]:
    """Open a file, unpacked if need be, and stand at its pixels."""
    with files.open(pixels.name) as file:
        content = unpack(file)[0] if pixels.syntax == DEFLATED else file
        content.seek(pixels.start)
        yield content


def check_promise(pixels: Pixels, size: int, where: str) -> None:
    """Check that a file of a size can hold as many images as it says, before anything is made of each.

    Raises
    ------
    InputError
        It is truncated.
    """
    there = size - pixels.start if pixels.length is None else min(size - pixels.start, pixels.length)
    least = _bits_of_frame(pixels) if pixels.length is not None else 8 * _ITEM_HEAD
    if 8 * there < least * pixels.n_frames:
        raise _truncated(where, max(0, 8 * there) // least, pixels.n_frames)


def find_frames(files: DicomFiles, pixels: Pixels) -> Places | None:
    """Find each compressed image; None where pixels are not compressed.

    Raises
    ------
    InputError
        The file is truncated, or does not say where each image begins.
    """
    if pixels.length is not None:
        return None
    where = called(files, pixels.name)
    with open_pixels(files, pixels) as content:
        items, end = _items(content, pixels, where)
        starts = _starts(content, pixels, items)
    if len(starts) != pixels.n_frames:
        raise InputError(
            f"{where} should hold {pixels.n_frames} frames but {len(starts)} are found; "
            "export it again, uncompressed if the program offers it"
        )
    return tuple(zip(starts, (*starts[1:], end), strict=True))


def find_pieces(files: DicomFiles, pixels: Pixels) -> Places:
    """Where each piece of compressed pixels begins and ends, whatever is in it.

    Raises
    ------
    InputError
        The file is truncated.
    """
    with open_pixels(files, pixels) as content:
        items, _ = _items(content, pixels, called(files, pixels.name))
    return tuple((at + 8, at + 8 + length) for at, length in items[1:])


def decode(content: IO[bytes], pixels: Pixels, places: Places | None, frame: int) -> NDArray[Any]:
    """Decode one image of a file: (y, x), or (y, x, 3) in red, green and blue.

    Parameters
    ----------
    content : file
        From `open_pixels`.
    pixels : Pixels
        How it is stored.
    places : Places or None
        From `find_frames`.
    frame : int
        Which image.
    """
    from pydicom.pixels import get_decoder

    decoder = get_decoder(pixels.syntax)
    if places is None:
        image, found = decoder.as_array(content, index=frame, raw=True, validate=False, **pixels.options)
    else:
        start, end = places[frame]
        content.seek(start)
        # a basic offset table without entries comes first
        data = struct.pack("<HHL", *_ITEM, 0) + content.read(end - start)
        options = {**pixels.options, "number_of_frames": 1}
        image, found = _first_that_can(decoder, data, options)
    if not image.dtype.isnative:
        image = image.astype(image.dtype.newbyteorder("="))
    return _look_up(image, str(found["photometric_interpretation"]), pixels.lookup)


def check_decoder(pixels: Pixels, where: str) -> None:
    """Check that the pixels can be decoded here.

    Raises
    ------
    InputError
        They cannot; says what to install where that helps.
    """
    from pydicom.pixels import get_decoder
    from pydicom.uid import UID

    name = UID(pixels.syntax).name
    try:
        decoder = get_decoder(pixels.syntax)
    except NotImplementedError as error:
        raise InputError(
            f"{where} stores its pixels as '{name}', which is not read here; "
            "convert it to an uncompressed transfer syntax, for instance with gdcmconv --raw"
        ) from error
    if not decoder.is_available:
        raise InputError(
            f"{where} is compressed as '{name}', which needs a decoder that is not installed; "
            f"install it with: {INSTALL}"
        )


def called(files: DicomFiles, name: str) -> str:
    """What a file is called in an error."""
    return files.where if len(files.names) == 1 else f"{name} in {files.where}"


def unpack(file: IO[bytes]) -> "tuple[IO[bytes], Dataset | None]":
    """What a deflated file unpacks to, with its file meta information; other files as they are."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.filereader import read_dataset

    file.seek(0)
    if file.read(132)[128:] == b"DICM":
        meta = read_dataset(file, False, True, stop_when=lambda tag, vr, length: tag.group != 2)
        if meta.get("TransferSyntaxUID") == DEFLATED:
            unpacked = zlib.decompressobj(-zlib.MAX_WBITS).decompress(file.read(), MAX_INFLATED)
            if len(unpacked) == MAX_INFLATED:
                raise InputError(f"it unpacks to more than {MAX_INFLATED / 1e9:.3g} GB")
            return BytesIO(unpacked), FileMetaDataset(meta)
    file.seek(0)
    return file, None


def _first_that_can(
    decoder: "Decoder", data: bytes, options: dict[str, Any]
) -> tuple[NDArray[Any], dict[str, Any]]:
    """Decode with the decoder that everyone has, where it can, so that everyone gets the same values."""
    errors = []
    for plugin in sorted(decoder.available_plugins, key=_PREFERRED.index):
        try:
            return decoder.as_array(
                data, index=0, raw=True, validate=False, decoding_plugin=plugin, **options
            )
        except Exception as error:  # each decoder has its own kinds of error
            errors.append(str(error).rpartition("\n")[2].strip())
    mend = "" if "pylibjpeg" in decoder.available_plugins else f"; another decoder may read it: {INSTALL}"
    raise ValueError("; ".join(errors) + mend)


def _look_up(image: NDArray[Any], photometric: str, lookup: "Dataset | None") -> NDArray[Any]:
    """Colours from luminance and chroma, or from a palette; values from a table."""
    from pydicom.pixels import apply_color_lut, apply_modality_lut, convert_color_space

    if photometric in ("YBR_FULL", "YBR_FULL_422"):
        if image.dtype != np.uint8:
            return np.asarray(convert_color_space(image, "YBR_FULL", "RGB"))
        from PIL import Image

        height, width = image.shape[:2]
        # several times faster than numpy, and the same formula (PS3.3 C.7.6.3.1.2, which is JFIF's)
        return np.asarray(Image.frombytes("YCbCr", (width, height), image.tobytes()).convert("RGB"))
    if lookup is not None and photometric == "PALETTE COLOR":
        return np.asarray(apply_color_lut(image, lookup))
    if lookup is not None and "ModalityLUTSequence" in lookup:
        return np.asarray(apply_modality_lut(image, lookup))
    return image


def _bits_of_frame(pixels: Pixels) -> int:
    rows, columns = pixels.size
    bits = rows * columns * int(pixels.options["samples_per_pixel"]) * int(pixels.options["bits_allocated"])
    return bits * 2 // 3 if pixels.photometric == "YBR_FULL_422" else bits


def _items(content: IO[bytes], pixels: Pixels, where: str) -> tuple[list[tuple[int, int]], int]:
    """Beginning and length of all pieces, the table of offsets first, and where they end."""
    size = content.seek(0, 2)
    items, at = [], pixels.start
    while at + 8 <= size:
        content.seek(at)
        group, element, length = struct.unpack("<HHL", content.read(8))
        if (group, element) != _ITEM or at + 8 + length > size:
            break
        items.append((at, length))
        at += 8 + length
    # some writers leave out the mark of the end
    if not items or (at != size and (group, element) != _END_OF_ITEMS):
        raise _truncated(where, max(0, min(len(items), pixels.n_frames) - 1), pixels.n_frames)
    return items, at


def _starts(content: IO[bytes], pixels: Pixels, items: list[tuple[int, int]]) -> tuple[int, ...]:
    """Where the first piece of each image begins."""
    (table_at, table_length), *pieces = items
    places = [at for at, _ in pieces]
    if len(pieces) == pixels.n_frames or not pieces:
        return tuple(places)
    if pixels.n_frames == 1:
        return (places[0],)
    content.seek(table_at + 8)
    tables = [np.frombuffer(content.read(table_length // 4 * 4), "<u4")]
    if "extended_offsets" in pixels.options:
        tables.append(np.frombuffer(pixels.options["extended_offsets"][0], "<u8"))
    for table in tables:
        starts = tuple(places[0] + int(offset) for offset in table)
        if len(starts) == pixels.n_frames and set(starts) <= set(places) and list(starts) == sorted(starts):
            return starts
    return tuple(at for at in places if _begins_image(content, at))


def _begins_image(content: IO[bytes], at: int) -> bool:
    content.seek(at + 8)
    return content.read(2) in _NEW_IMAGE


def _truncated(where: str, frame: int, n_frames: int) -> InputError:
    of = f"frame {frame} of {n_frames} (counted from 0)" if n_frames > 1 else "its image"
    return InputError(f"{where} is truncated: {of} is cut off; copy or export the file again")
