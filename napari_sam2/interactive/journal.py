"""Everything that ever happened to the masks, appended to a file: undo reads it, and so does a restart."""

import json
import os
import tempfile
import uuid
from collections import defaultdict
from collections.abc import Container, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

from napari_sam2.outputs import writing


class Record(NamedTuple):
    """One entry of the journal.

    Attributes
    ----------
    head : dict
        Plain values; "step" is the number of the step that it belongs to.
    data : bytes
        What is not plain.
    """

    head: dict[str, Any]
    data: bytes


class Journal:
    """An append-only file of records; a record cut off by a killed process is dropped.

    Attributes
    ----------
    name : str
        Tells one journal from another; a session's file says which is its own.
    """

    def __init__(self) -> None:
        self.name = ""
        self._path: Path | None = None
        self._file: IO[bytes] | None = None
        self._places: dict[int, list[int]] = defaultdict(list)
        self._end = 0

    @property
    def is_open(self) -> bool:
        """Whether records can be added."""
        return self._file is not None

    def open(self, path: Path | None) -> None:
        """Go on with the file at `path`, or begin it; None takes a temporary file.

        Raises
        ------
        InputError
            When it cannot be read or written.
        """
        self._path, self._end = path, 0
        self._places.clear()
        with writing(self._where):
            self._file = tempfile.TemporaryFile() if path is None else open(path, "a+b")
            for place, record in self._scan():
                if "name" in record.head:
                    self.name = record.head["name"]
                else:
                    self._places[record.head["step"]].append(place)
            self._file.truncate(self._end)
        if not self._end:
            self.name = uuid.uuid4().hex
            self._write({"name": self.name, "step": -1}, b"")

    def append(self, head: dict[str, Any], data: bytes) -> None:
        """Add a record.

        Raises
        ------
        InputError
            When the disk is full or a write is refused; the journal is then as before.
        """
        place = self._end
        self._write(head, data)
        self._places[head["step"]].append(place)

    def copy(self, path: Path, steps: Container[int]) -> None:
        """Write a journal of the same name with the records of these steps."""
        with open(path, "wb") as file:
            for _, record in self._scan():
                if record.head["step"] in steps or "name" in record.head:
                    file.write(_packed(record.head, record.data))

    def records(self, step: int) -> list[Record]:
        """The records of a step, in their order."""
        return [self._read(place)[0] for place in self._places.get(step, ())]

    def last_step(self) -> int:
        """The largest number of a step; 0 when there is none."""
        return max(self._places, default=0)

    def close(self) -> None:
        """Close the file; idempotent."""
        if self._file is not None:
            self._file.close()
            self._file = None

    @property
    def _where(self) -> str | Path:
        return self._path or "a temporary file"

    def _write(self, head: dict[str, Any], data: bytes) -> None:
        assert self._file is not None, "open it first"
        packed = _packed(head, data)
        with writing(self._where):
            try:
                self._file.seek(self._end)
                self._file.write(packed)
                self._file.flush()
            except OSError:
                self._file.truncate(self._end)
                raise
        self._end += len(packed)

    def _scan(self) -> Iterator[tuple[int, Record]]:
        """All whole records; leaves `_end` behind the last."""
        assert self._file is not None, "open it first"
        size = self._file.seek(0, os.SEEK_END)
        place = 0
        while place < size:
            try:
                record, end = self._read(place)
            except (ValueError, KeyError, TypeError):
                break
            if end > size:
                break
            yield place, record
            place = end
        self._end = place

    def _read(self, place: int) -> tuple[Record, int]:
        assert self._file is not None, "open it first"
        self._file.seek(place)
        line = self._file.readline()
        head = json.loads(line)
        size = head.pop("size")
        return Record(head, self._file.read(size)), place + len(line) + size


def _packed(head: dict[str, Any], data: bytes) -> bytes:
    return json.dumps({**head, "size": len(data)}, separators=(",", ":")).encode() + b"\n" + data
