"""Where DICOM files lie: alone, in a folder and its subfolders, or in a zip, which is read in place."""

import os
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any, Protocol

from napari_sam2.errors import InputError
from napari_sam2.frames.folder import natural_order

SUFFIXES = frozenset({".dcm", ".dicom", ".ima"})

MAX_FILES = 100_000
"""In a folder or zip: the largest studies have some ten thousand images."""

LOOKED_AT = 200
"""Files of a folder that are opened to see whether it is one of DICOM."""

MAX_ZIP_RATIO, SMALL_ZIP = 200, 2**30
"""How many times its own size a zip may unpack to, when that is more than so many bytes: images shrink to a
half or a third, an attack to a thousandth."""

_ENTRY_OVERHEAD = 30
_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


class DicomFiles(Protocol):
    """Some files under one roof, read by any number of threads."""

    where: str
    names: tuple[str, ...]

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """Open one of them for reading and seeking."""

    def size(self, name: str) -> int:
        """The size of one in bytes, when unpacked."""

    def close(self) -> None:
        """Let go of what is open."""


class LooseFiles:
    """One file, or those of a folder; holds none open."""

    def __init__(self, root: Path, names: tuple[str, ...], where: str) -> None:
        self.root = root.absolute()
        self.names = names
        self.where = where

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """See `DicomFiles`."""
        with open(self.root / name, "rb") as file:
            yield file

    def size(self, name: str) -> int:
        """See `DicomFiles`."""
        return (self.root / name).stat().st_size

    def close(self) -> None:
        """Nothing to let go of."""


class ZippedFiles:
    """The members of a zip, unpacked in memory as far as they are read.

    The member read last stays open, so that the frames of a cine are not unpacked from its beginning for
    each.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.where = str(path)
        self._reset()
        with self._lock:
            self._sizes = _checked_sizes(self._open_zip(), self.where, path.stat().st_size)
        self.names = tuple(sorted(self._sizes, key=natural_order))

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._zip: zipfile.ZipFile | None = None
        self._last: tuple[str, IO[bytes]] | None = None

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """See `DicomFiles`; threads take turns."""
        with self._lock:
            try:
                if self._last is None or self._last[0] != name:
                    self._close_last()
                    self._last = name, self._open_zip().open(name)
                self._last[1].seek(0)
                yield self._last[1]
            except BaseException:
                self._close_last()  # a damaged member cannot be read on
                raise

    def size(self, name: str) -> int:
        """See `DicomFiles`."""
        return self._sizes[name]

    def close(self) -> None:
        """See `DicomFiles`."""
        with self._lock:
            self._close_last()
            if self._zip is not None:
                self._zip.close()
                self._zip = None

    def _open_zip(self) -> zipfile.ZipFile:
        if self._zip is None:
            try:
                self._zip = zipfile.ZipFile(self.path)
            except zipfile.BadZipFile as error:
                raise InputError(
                    f"{self.where} cannot be read as a zip ({error}); it may be truncated: copy it again"
                ) from error
        return self._zip

    def _close_last(self) -> None:
        if self._last is not None:
            self._last[1].close()
            self._last = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_lock": None, "_zip": None, "_last": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._reset()


def dicom_files(path: Path) -> DicomFiles:
    """All files that a path stands for: itself, those in a zip, or those in a folder and its subfolders.

    Raises
    ------
    InputError
        There are too many, or the zip is damaged, locked, or made to fill a memory.
    """
    if path.name == "DICOMDIR":
        path = path.parent
    if path.is_dir():
        names: list[str] = []
        for file in walk(path):
            if len(names) == MAX_FILES:
                raise InputError(
                    f"the folder {path} holds more than {MAX_FILES} files; give the folder of one series"
                )
            names.append(os.path.relpath(file, path))
        return LooseFiles(path, tuple(names), str(path))
    if path.suffix.lower() == ".zip":
        return ZippedFiles(path)
    return LooseFiles(path.parent, (path.name,), str(path))


def walk(folder: Path) -> Iterator[Path]:
    """Files in a folder and its subfolders in natural order; each folder once, however links lead to it."""
    seen = set()
    waiting = [folder]
    while waiting:
        inside = waiting.pop()
        status = inside.stat()
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        children = [child for child in inside.iterdir() if not child.name.startswith(".")]
        children.sort(key=lambda child: natural_order(child.name))
        waiting += [child for child in reversed(children) if child.is_dir()]
        yield from (child for child in children if child.is_file())


def holds_dicom(folder: Path) -> bool:
    """Whether there is a DICOM file among the first files of a folder and its subfolders."""
    for path in islice(walk(folder), LOOKED_AT):
        with open(path, "rb") as file:
            if is_dicom_file(file, path.name):
                return True
    return False


def is_dicom_file(file: IO[bytes], name: str) -> bool:
    """Whether a file begins as DICOM does, or is named like it."""
    return file.read(132)[128:] == b"DICM" or os.path.splitext(name)[1].lower() in SUFFIXES


def _checked_sizes(archive: zipfile.ZipFile, where: str, size: int) -> dict[str, int]:
    """Sizes of the members, when what the zip declares is plausible; nothing has been unpacked."""
    members = [info for info in archive.infolist() if not info.is_dir()]
    if len(members) > MAX_FILES:
        raise InputError(f"{where} holds more than {MAX_FILES} files; unpack it and give one series")
    unpacked = sum(info.file_size for info in members)
    packed = sum(info.compress_size + _ENTRY_OVERHEAD for info in members)
    if packed > size or unpacked > max(SMALL_ZIP, MAX_ZIP_RATIO * size):
        raise InputError(
            f"{where} has {size / 1e6:.3g} MB but says that it unpacks to {unpacked / 1e9:.3g} GB, "
            "as zips do that are made to fill a memory; unpack it yourself if you trust it"
        )
    for info in members:
        if info.flag_bits & 1:
            raise InputError(
                f"{where} is locked with a password ({info.filename}); unpack it and give the folder"
            )
        if info.compress_type not in _PACKINGS:
            raise InputError(
                f"{where} is packed in a way that is not read here ({info.filename}); "
                "unpack it and give the folder"
            )
    hidden = [info for info in members if os.path.basename(info.filename).startswith(".")]
    return {info.filename: info.file_size for info in members if info not in hidden}
