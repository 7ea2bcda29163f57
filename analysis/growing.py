"""Columns that grow by parts, each in one piece of memory."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LEAST_ROWS = 4096


class Growing:
    """The columns of a table whose rows come a frame at a time.

    Parts kept in a list and joined at the end take twice the memory of the table.
    """

    def __init__(self) -> None:
        self._columns: dict[str, NDArray[Any]] = {}
        self._n = 0

    def __len__(self) -> int:
        return self._n

    def add(self, part: Mapping[str, NDArray[Any]]) -> None:
        """Append rows; the first part says which columns there are, and their types. None do nothing."""
        if not part:
            return
        end = self._n + len(next(iter(part.values())))
        for name, values in part.items():
            column = self._columns.setdefault(name, np.empty(0, values.dtype))
            if len(column) < end:
                column.resize(max(end, len(column) * 9 // 8, _LEAST_ROWS), refcheck=False)
            column[self._n : end] = values
        self._n = end

    def take(self) -> dict[str, NDArray[Any]]:
        """Hand the columns over and begin anew."""
        columns = self._columns
        for column in columns.values():
            column.resize(self._n, refcheck=False)
        self._columns, self._n = {}, 0
        return columns
