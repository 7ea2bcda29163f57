"""The difference between two states of one frame's masks, small and exactly invertible."""

from dataclasses import dataclass
from typing import Self

import imagecodecs
import numpy as np
from numpy.typing import NDArray

_LENGTH = np.dtype("<u4")


@dataclass(frozen=True)
class Change:
    """What turns one state of a frame into another, and, applied again, back.

    The pixels that changed, as runs within their bounding box, with the exclusive or of their labels
    and of the bits of their logits before and after.

    Attributes
    ----------
    box : (int, int, int, int)
        (y0, x0, y1, x1) of the changed pixels; all 0 when nothing changed.
    data : bytes
        Compressed runs, labels and logits.
    """

    box: tuple[int, int, int, int]
    data: bytes

    @classmethod
    def between(
        cls,
        before: tuple[NDArray[np.int32], NDArray[np.float16]],
        after: tuple[NDArray[np.int32], NDArray[np.float16]],
    ) -> Self:
        """The difference of two states, each (labels, logits) of shape (y, x)."""
        labels_hw = before[0] ^ after[0]
        logits_hw = before[1].view(np.uint16) ^ after[1].view(np.uint16)
        changed_hw = (labels_hw != 0) | (logits_hw != 0)
        ys, xs = np.flatnonzero(changed_hw.any(1)), np.flatnonzero(changed_hw.any(0))
        if not len(ys):
            return cls((0, 0, 0, 0), b"")
        y0, x0, y1, x1 = int(ys[0]), int(xs[0]), int(ys[-1]) + 1, int(xs[-1]) + 1
        region = slice(y0, y1), slice(x0, x1)
        inside = changed_hw[region].ravel()
        turns = np.flatnonzero(np.diff(inside, prepend=False)).astype(_LENGTH)
        values = labels_hw[region].ravel()[inside].astype("<i4"), logits_hw[region].ravel()[inside]
        raw = np.array([len(turns)], _LENGTH).tobytes() + turns.tobytes()
        raw += values[0].tobytes() + values[1].astype("<u2").tobytes()
        return cls((y0, x0, y1, x1), imagecodecs.zstd_encode(raw, level=1))

    def apply(self, labels_hw: NDArray[np.int32], logits_hw: NDArray[np.float16]) -> None:
        """Turn one of the two states into the other, in place."""
        if not self.data:
            return
        y0, x0, y1, x1 = self.box
        raw = imagecodecs.zstd_decode(self.data)
        n_turns = int(np.frombuffer(raw, _LENGTH, 1)[0])
        turns = np.frombuffer(raw, _LENGTH, n_turns, _LENGTH.itemsize)
        flips = np.zeros((y1 - y0) * (x1 - x0), np.uint8)
        flips[turns] = 1
        inside_hw = np.bitwise_xor.accumulate(flips).astype(bool).reshape(y1 - y0, x1 - x0)
        count = int(inside_hw.sum())
        start = _LENGTH.itemsize * (1 + n_turns)
        labels_hw[y0:y1, x0:x1][inside_hw] ^= np.frombuffer(raw, "<i4", count, start)
        bits_hw = logits_hw.view(np.uint16)
        bits_hw[y0:y1, x0:x1][inside_hw] ^= np.frombuffer(raw, "<u2", count, start + 4 * count)
