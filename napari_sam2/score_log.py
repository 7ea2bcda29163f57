"""The decoder's scores of every mask, as lines appended when the mask is written."""

import io
import json
import os
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from napari_sam2.models.results import FrameResult
from napari_sam2.outputs import writing


class ScoreLog:
    """Append-only lines, one a result, in a file or in memory; make one with `in_memory` or `on_disk`.

    A line cut off by a killed process or a full disk is dropped, so a result is in the log as a
    whole or not at all.

    Attributes
    ----------
    results : int
        Lines of results, over all runs that wrote to the log.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._memory = bytearray()
        self.results = sum(b'"scores"' in line for line in self._lines())

    @classmethod
    def in_memory(cls) -> Self:
        """An empty log that lives as long as the process."""
        return cls(None)

    @classmethod
    def on_disk(cls, path: Path) -> Self:
        """The log in a file: the one that is there, or a new one.

        Raises
        ------
        InputError
            When the file cannot be written.
        """
        with writing(path), path.open("ab+") as file:
            file.seek(0)
            text = file.read()
            file.truncate(text.rfind(b"\n") + 1)
        return cls(path)

    def add(self, result: FrameResult) -> None:
        """Append the scores of a result."""
        rows = [
            (patch.object_id, float(patch.predicted_iou), float(patch.object_score))
            for patch in result.patches
        ]
        self._append({"frame": result.frame, "scores": rows})
        self.results += 1

    def delete(self, object_id: int, frame: int) -> None:
        """Append that an object is no longer on a frame."""
        self._append({"frame": frame, "deleted": object_id})

    def table(self) -> pd.DataFrame:
        """The latest scores of each object and frame that were not deleted since."""
        # Flat and in doubles: hours of video have hundreds of thousands of rows.
        flat = array("d")
        for line in self._lines():
            entry = json.loads(line)
            for row in entry.get("scores", ()):
                flat.extend((*row, entry["frame"], True))
            if "deleted" in entry:
                flat.extend((entry["deleted"], np.nan, np.nan, entry["frame"], False))
        columns = ["object_id", "predicted_iou", "object_score", "frame", "kept"]
        table = pd.DataFrame(np.array(flat).reshape(-1, 5), columns=columns)
        table = table.astype({"object_id": np.int64, "frame": np.int64, "kept": bool})
        table = table.drop_duplicates(["object_id", "frame"], keep="last")
        table = table[table["kept"]].sort_values(["object_id", "frame"], ignore_index=True)
        return table[["object_id", "frame", "predicted_iou", "object_score"]]

    def _lines(self) -> Iterator[bytes]:
        with io.BytesIO(self._memory) if self._path is None else self._path.open("rb") as file:
            yield from file

    def _append(self, entry: dict[str, Any]) -> None:
        line = json.dumps(entry, separators=(",", ":")).encode() + b"\n"
        if self._path is None:
            self._memory += line
            return
        with writing(self._path):
            # Opened for each line: an open file would keep Windows from renaming its folder.
            size = self._path.stat().st_size
            try:
                with self._path.open("ab") as file:
                    file.write(line)
            except OSError:
                os.truncate(self._path, size)
                raise
