"""Where masks go: one label image a frame, written as frames come and readable all the while."""

import operator
import os
import threading
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import zarr
from numpy.typing import NDArray
from zarr.codecs import ZstdCodec

from napari_sam2.errors import InputError
from napari_sam2.models.results import FrameResult, MaskPatch
from napari_sam2.outputs import writing
from napari_sam2.score_log import ScoreLog

_CACHED_FRAMES = 4
_FAINTEST = np.finfo(np.float16).smallest_subnormal
_STRONGEST = np.finfo(np.float16).max


class LabelStore:
    """Label images of a stack, in memory or in a zarr folder; make one with `in_memory` or `on_disk`.

    Where objects overlap, the larger mask logit wins, and at a tie the smaller id, also between
    results that reach a frame in different passes: beside the labels the store keeps the logit that
    won each pixel. Any thread may read while another writes.

    A frame is written labels first, then logits, then the line in the score log. A process killed in
    between leaves whole chunks, and writing the same result again gives what an undisturbed run
    would have given.

    Attributes
    ----------
    labels : int32 array (frames, y, x)
        numpy or zarr; 0 is background. To look at, not to write to.
    """

    def __init__(self, labels: Any, logits: Any, scores: ScoreLog, *, new: bool = False) -> None:
        self.labels = labels
        self._logits = logits
        self._scores = scores
        # Frames that are known to be empty without a look at the disk.
        self._untouched = np.full(labels.shape[0], new)
        self._recent: OrderedDict[int, NDArray[np.int32]] = OrderedDict()
        self._lock = threading.RLock()

    @classmethod
    def in_memory(cls, shape: tuple[int, int, int]) -> Self:
        """An empty store of shape (frames, y, x) that lives as long as the process."""
        return cls(np.zeros(shape, np.int32), np.zeros(shape, np.float16), ScoreLog.in_memory())

    @classmethod
    def on_disk(cls, folder: str | os.PathLike[str], shape: tuple[int, int, int]) -> Self:
        """The store in a zarr folder: the one that is there, or a new one.

        Parameters
        ----------
        folder : path
            Its arrays `labels` (int32) and `logits` (float16) hold one frame a chunk.
        shape : (int, int, int)
            (frames, y, x).

        Raises
        ------
        InputError
            When the folder holds something else or cannot be written.
        """
        folder = Path(folder)
        with writing(folder):
            new = not folder.exists()
            try:
                group = zarr.open_group(folder, mode="a", zarr_format=3)
                labels, logits = (
                    group.require_array(
                        name,
                        shape=shape,
                        dtype=dtype,
                        chunks=(1, *shape[1:]),
                        compressors=ZstdCodec(level=1, checksum=True),
                        fill_value=0,
                        # To see whether a frame is empty takes longer than to write it.
                        config={"write_empty_chunks": True},
                    )
                    for name, dtype in (("labels", np.int32), ("logits", np.float16))
                )
            except (TypeError, ValueError, KeyError) as error:
                raise InputError(
                    f"{folder} is no label store for {shape[0]} frames of {shape[1]} x {shape[2]} pixels; "
                    "choose another folder or remove it"
                ) from error
            return cls(labels, logits, ScoreLog.on_disk(folder / "scores.jsonl"), new=new)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(frames, y, x)."""
        frames, height, width = self.labels.shape
        return frames, height, width

    @property
    def dtype(self) -> np.dtype[np.int32]:
        """Always int32."""
        return np.dtype(np.int32)

    @property
    def results_written(self) -> int:
        """How many results this store has taken in, over all runs that wrote to it."""
        return self._scores.results

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, frame: int) -> NDArray[np.int32]:
        """Labels of one frame, int32 (y, x), as they are now; read-only."""
        frame = self._checked(frame)
        with self._lock:
            if frame not in self._recent:
                self._remember(frame, self._read(self.labels, frame))
            self._recent.move_to_end(frame)
            return self._recent[frame]

    def object_mask(self, object_id: int, frame: int) -> NDArray[np.bool_]:
        """Pixels that the object has on a frame, bool (y, x)."""
        mask: NDArray[np.bool_] = self[frame] == object_id
        return mask

    def scores(self) -> pd.DataFrame:
        """What the decoder said of each mask.

        Returns
        -------
        DataFrame
            object_id, frame, predicted_iou, object_score: one row for each object and frame written
            and not deleted, the latest where it was written again; sorted by object and frame.
        """
        with self._lock:
            return self._scores.table()

    def write(self, result: FrameResult) -> None:
        """Take in the masks of one frame.

        The objects of the result first lose the pixels they had on the frame. With `keep_others` they
        then take background only, and otherwise every pixel that they win.

        Raises
        ------
        InputError
            When the disk is full or a write is refused; earlier results stay.
        """
        if result.shape != self.shape[1:]:
            raise ValueError(f"a result of shape {result.shape} for frames of shape {self.shape[1:]}")
        frame = self._checked(result.frame)
        with self._lock:
            labels_hw, logits_hw = self.arrays(frame)
            merge(labels_hw, logits_hw, result.patches, result.keep_others)
            self.put(frame, labels_hw, logits_hw)
            self._scores.add(result)

    def arrays(self, frame: int) -> tuple[NDArray[np.int32], NDArray[np.float16]]:
        """Labels of one frame and the logits that won them, (y, x), as copies to change and `put` back."""
        frame = self._checked(frame)
        with self._lock:
            return self[frame].copy(), self._read(self._logits, frame)

    def put(self, frame: int, labels_hw: NDArray[np.int32], logits_hw: NDArray[np.float16]) -> None:
        """Replace a frame; the arrays are the store's from now on. Scores stay as they are.

        Raises
        ------
        InputError
            When the disk is full or a write is refused.
        """
        frame = self._checked(frame)
        with self._lock, writing(f"frame {frame} of the label store"):
            self._untouched[frame] = False
            self.labels[frame] = labels_hw
            self._logits[frame] = logits_hw
            self._remember(frame, labels_hw)

    def delete_object(self, object_id: int, frame: int) -> None:
        """Make the object's pixels on a frame background and forget its scores there."""
        frame = self._checked(frame)
        with self._lock:
            own_hw = self[frame] == object_id
            if own_hw.any():
                labels_hw, logits_hw = self.arrays(frame)
                labels_hw[own_hw] = 0
                logits_hw[own_hw] = 0
                self.put(frame, labels_hw, logits_hw)
            self._scores.delete(object_id, frame)

    def _checked(self, frame: int) -> int:
        frame = operator.index(frame)
        if not -len(self) <= frame < len(self):
            raise IndexError(f"frame {frame} of a store of {len(self)} frames")
        return frame % len(self)

    def _read(self, array: Any, frame: int) -> NDArray[Any]:
        if self._untouched[frame]:
            return np.zeros(self.shape[1:], array.dtype)
        try:
            return np.array(array[frame])
        except (RuntimeError, ValueError) as error:
            raise InputError(
                f"frame {frame} of {array.store_path} is damaged; remove the folder and run again"
            ) from error

    def _remember(self, frame: int, labels_hw: NDArray[np.int32]) -> None:
        # Replaced when the frame is written, never changed in place: readers may keep what they got.
        labels_hw.flags.writeable = False
        self._recent[frame] = labels_hw
        while len(self._recent) > _CACHED_FRAMES:
            self._recent.popitem(last=False)


def merge(
    labels_hw: NDArray[np.int32],
    logits_hw: NDArray[np.float16],
    patches: Iterable[MaskPatch],
    keep_others: bool,
) -> None:
    """Take patches into a frame, in place, by the rules of `LabelStore.write`."""
    patches = tuple(patches)
    # Most frames come once: they are empty, and passing over all their pixels costs more than the masks.
    if labels_hw.any() or logits_hw.view(np.uint16).any():
        labels_hw[np.isin(labels_hw, [patch.object_id for patch in patches])] = 0
        logits_hw[labels_hw == 0] = 0
    free_hw = labels_hw == 0 if keep_others else None
    for patch in patches:
        allowed_hw = None if free_hw is None else free_hw[patch.region]
        _claim(labels_hw[patch.region], logits_hw[patch.region], patch, allowed_hw)


def _claim(
    labels_hw: NDArray[np.int32],
    logits_hw: NDArray[np.float16],
    patch: MaskPatch,
    allowed_hw: NDArray[np.bool_] | None,
) -> None:
    """Give a patch the pixels it wins in its region of a frame, in place."""
    # A faint logit must not round to 0, which means background, nor a huge one to infinity.
    own_hw = np.clip(patch.logits_hw, _FAINTEST, _STRONGEST).astype(np.float16)
    ties_hw = (own_hw == logits_hw) & (patch.object_id < labels_hw)
    wins_hw = (patch.logits_hw > 0) & ((own_hw > logits_hw) | ties_hw)
    if allowed_hw is not None:
        wins_hw &= allowed_hw
    labels_hw[wins_hw] = patch.object_id
    logits_hw[wins_hw] = own_hw[wins_hw]
