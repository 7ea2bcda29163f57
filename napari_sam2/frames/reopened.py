"""Files that a library shows as an array: opened when first read, and again in another process."""

import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

OpenArray = Callable[[], Any]
"""Opens a file: gives something that indexes like an array and can be closed; can be pickled."""


class ReopenedReader:
    """Reads parts of an array in a file, one thread after the other."""

    def __init__(self, open_array: OpenArray) -> None:
        self._open_array = open_array
        self._reset()
        array = self._opened()
        self.shape = tuple(int(size) for size in array.shape)
        self.dtype = np.dtype(array.dtype).newbyteorder("=")

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._array: Any = None
        self._closer: weakref.finalize[Any, ReopenedReader] | None = None

    def read(self, key: tuple[int | slice, ...]) -> NDArray[Any]:
        """Read a part."""
        with self._lock:
            return np.asarray(self._opened()[key]).astype(self.dtype, copy=False)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._closer is not None:
                self._array = None
                self._closer()

    def _opened(self) -> Any:
        if self._array is None:
            self._array = self._open_array()
            self._closer = weakref.finalize(self, self._array.close)
        return self._array

    def __getstate__(self) -> dict[str, Any]:
        return {"_open_array": self._open_array, "shape": self.shape, "dtype": self.dtype}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._reset()
