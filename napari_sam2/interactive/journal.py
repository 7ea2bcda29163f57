"""Everything that ever happened to the masks, appended to a file: undo reads it, and so does a restart."""

import json
import os
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

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

    Parameters
    ----------
    path : Path or None
        An existing file is gone on with. None takes a temporary file, which goes with the journal.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        with writing(path or "a temporary file"):
            self._file = tempfile.TemporaryFile() if path is None else open(path, "a+b")
        self._places: dict[int, list[int]] = defaultdict(list)
        self._end = 0
        for place, record in self._scan():
            self._places[record.head["step"]].append(place)
        self._file.truncate(self._end)

    def append(self, head: dict[str, Any], data: bytes) -> None:
        """Add a record.

        Raises
        ------
        InputError
            When the disk is full or a write is refused; the journal is then as before.
        """
        text = json.dumps({**head, "size": len(data)}, separators=(",", ":")).encode()
        with writing(self.path or "a temporary file"):
            try:
                self._file.seek(self._end)
                self._file.write(text + b"\n" + data)
                self._file.flush()
            except OSError:
                os.truncate(self._file.fileno(), self._end)
                raise
        self._places[head["step"]].append(self._end)
        self._end += len(text) + 1 + len(data)

    def records(self, step: int) -> list[Record]:
        """The records of a step, in their order."""
        return [self._read(place)[0] for place in self._places.get(step, ())]

    def last_step(self) -> int:
        """The largest number of a step; 0 when there is none."""
        return max(self._places, default=0)

    def close(self) -> None:
        """Close the file; idempotent."""
        self._file.close()

    def _scan(self) -> Iterator[tuple[int, Record]]:
        """All whole records; leaves `_end` behind the last."""
        size = self._file.seek(0, os.SEEK_END)
        while self._end < size:
            try:
                record, end = self._read(self._end)
            except (ValueError, KeyError):
                return
            if end > size:
                return
            yield self._end, record
            self._end = end

    def _read(self, place: int) -> tuple[Record, int]:
        self._file.seek(place)
        line = self._file.readline()
        head = json.loads(line)
        size = head.pop("size")
        return Record(head, self._file.read(size)), place + len(line) + size
