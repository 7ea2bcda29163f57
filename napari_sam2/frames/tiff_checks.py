"""Is a TIFF whole? Readers fill what is missing with zeros, or pass over it in silence."""

import logging
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from typing import TYPE_CHECKING

from napari_sam2.errors import InputError

if TYPE_CHECKING:
    import tifffile


@contextmanager
def quiet() -> Iterator[None]:
    """Keep tifffile's log lines from a person's screen: what matters in them is raised as an error."""
    drop = logging.Filter()
    drop.filter = lambda record: False  # type: ignore[method-assign]
    logger = logging.getLogger("tifffile")
    logger.addFilter(drop)
    try:
        yield
    finally:
        logger.removeFilter(drop)


def check_whole(tif: "tifffile.TiffFile", series: "tifffile.TiffPageSeries", path: str) -> None:
    """Check that every page of a series, and the file's own directory, lie within the file.

    Raises
    ------
    InputError
        Something lies beyond the end of the file, or a page is missing; names the first such page.
    """
    page_size = max(1, prod(series.keyframe.shape))
    page_bytes = page_size * series.dtype.itemsize
    n_pages = prod(series.get_shape(squeeze=False)) // page_size
    if series.dataoffset is not None:
        whole = (tif.filehandle.size - series.dataoffset) // page_bytes
        if whole < n_pages:
            raise _truncated(path, max(0, whole), f" of {n_pages}")
    else:
        for number, page in enumerate(series):
            if page is None:
                raise InputError(
                    f"{path} is incomplete: page {number} of {n_pages} that its metadata tell of is missing; "
                    "keep all files of the image together, or export it again"
                )
            if not _is_within_file(page):
                raise _truncated(path, number, f" of {n_pages}")
    if tif.is_imagej and series.kind in ("generic", "uniform"):
        # tifffile gives up on the metadata of an ImageJ stack that is not all there
        told = int((tif.imagej_metadata or {}).get("images", 1))
        if told > len(tif.pages):
            offset = series.keyframe.dataoffsets[0]
            raise _truncated(path, (tif.filehandle.size - offset) // page_bytes, f" of {told}")
    if not _ends_properly(tif):
        raise _truncated(path, _first_cut_page(tif), "")
    if not _has_all_tags(tif):
        raise InputError(
            f"{path} is truncated: the description of its pages is cut off; copy or export it again"
        )


def _truncated(path: str, page: int, of: str) -> InputError:
    return InputError(
        f"{path} is truncated: page {page}{of} (counted from 0) is cut off; copy or export the file again"
    )


def _is_within_file(page: "tifffile.TiffPage | tifffile.TiffFrame") -> bool:
    size = page.parent.filehandle.size
    if len(page.dataoffsets) == 0:
        return False
    return all(
        offset + count <= size for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False)
    )


def _first_cut_page(tif: "tifffile.TiffFile") -> int:
    import tifffile

    number = 0
    try:
        for page in tif.pages:
            if not _is_within_file(page):
                break
            number += 1
    except tifffile.TiffFileError:  # the page's own entry is cut
        pass
    return number


def _ends_properly(tif: "tifffile.TiffFile") -> bool:
    """Whether the chain of pages ends with the mark of its end, not with a page beyond the file."""
    import tifffile

    layout, file = tif.tiff, tif.filehandle
    try:
        last = tif.pages[len(tif.pages) - 1].offset
        file.seek(last)
        (n_tags,) = struct.unpack(layout.tagnoformat, file.read(layout.tagnosize))
        file.seek(last + layout.tagnosize + n_tags * layout.tagsize)
        (following,) = struct.unpack(layout.offsetformat, file.read(layout.offsetsize))
        # some writers link the last page to an earlier one
        return bool(following == 0 or following in {page.offset for page in tif.pages})
    except (struct.error, tifffile.TiffFileError):
        return False


def _has_all_tags(tif: "tifffile.TiffFile") -> bool:
    """Whether the values that the first page refers to, its description among them, lie within the file."""
    import tifffile

    layout, file = tif.tiff, tif.filehandle
    file.seek(tif.pages[0].offset)
    (n_tags,) = struct.unpack(layout.tagnoformat, file.read(layout.tagnosize))
    for _ in range(n_tags):
        _code, kind, count, value = struct.unpack(layout.tagheaderformat, file.read(layout.tagsize))
        size = count * struct.calcsize(tifffile.TIFF.DATA_FORMATS.get(kind, "B"))
        if size > layout.tagoffsetthreshold:
            (offset,) = struct.unpack(layout.offsetformat, value[: layout.offsetsize])
            if offset + size > file.size:
                return False
    return True
