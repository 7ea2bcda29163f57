"""The memory bank: what is kept of each object, so that memory does not grow with the video.

SAM 2 reads the memories of the conditioning frames, of the last few frames, and the pointers of a few
more. Everything else is dropped as soon as it cannot be read again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from napari_sam2.models.config import Sam2Config

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Memory:
    """What is remembered of one object on one frame.

    Attributes
    ----------
    pointer_c : Tensor
        Object pointer.
    spatial_chw : Tensor or None
        Spatial memory in bfloat16, as the reference stores it; None once only the pointer can be
        read again.
    level : float
        Of a given mask: the level at which masks that are followed from it are cut, see `level`.
    """

    pointer_c: "Tensor"
    spatial_chw: "Tensor | None"
    level: float = 0.0


@dataclass(frozen=True, eq=False)
class Reading:
    """What one object attends to on one frame, before batching.

    Attributes
    ----------
    spatial : list of Tensor (c, h, w)
        Spatial memories.
    ages : list of int
        0 for a conditioning frame, else how many frames ago.
    pointers : list of Tensor (c,)
        Object pointers.
    offsets : list of int
        How many frames ago each pointer was made.
    level : float
        At which the mask that is found with it is cut.
    """

    spatial: list["Tensor"]
    ages: list[int]
    pointers: list["Tensor"]
    offsets: list[int]
    level: float = 0.0

    @classmethod
    def of(cls, memory: Memory) -> "Reading":
        """One memory of a given mask, read on its own frame."""
        assert memory.spatial_chw is not None
        return cls([memory.spatial_chw], [0], [memory.pointer_c], [0])

    @property
    def layout(self) -> tuple[int, int]:
        """Objects of equal layout can attend in one batch."""
        return len(self.spatial), len(self.pointers)


@dataclass(eq=False)
class MemoryBank:
    """All memories of one object.

    Attributes
    ----------
    conditioning : dict of int to Memory
        Frames on which the object was given.
    recent : dict of int to Memory
        Frames on which it was followed.
    """

    conditioning: dict[int, Memory] = field(default_factory=dict)
    recent: dict[int, Memory] = field(default_factory=dict)

    def write(self, frame: int, memory: Memory, conditioning: bool) -> None:
        """Remember a frame; a frame has one memory, the latest."""
        self.recent.pop(frame, None)
        self.conditioning.pop(frame, None)
        (self.conditioning if conditioning else self.recent)[frame] = memory

    def read(self, frame: int, direction: int, n_frames: int, config: Sam2Config) -> Reading:
        """What SAM 2 attends to on `frame`, walking in `direction`.

        Pointers of conditioning frames that lie ahead are left out, as in the reference's evaluation.
        """
        chosen = nearest(self.conditioning, frame, config.max_conditioning)
        others = self.recent | {f: m for f, m in self.conditioning.items() if f not in chosen}
        spatial, ages, pointers, offsets = [], [], [], []
        for memory in chosen.values():
            if memory.spatial_chw is not None:
                spatial.append(memory.spatial_chw)
                ages.append(0)
        for age in range(config.num_maskmem - 1, 0, -1):
            memory_or_none = others.get(frame - direction * age)
            if memory_or_none is not None and memory_or_none.spatial_chw is not None:
                spatial.append(memory_or_none.spatial_chw)
                ages.append(age)
        for given_frame, memory in chosen.items():
            offset = (frame - given_frame) * direction
            if offset >= 0:
                pointers.append(memory.pointer_c)
                offsets.append(offset)
        for offset in range(1, min(n_frames, config.max_pointers)):
            memory_or_none = others.get(frame - direction * offset)
            if memory_or_none is not None:
                pointers.append(memory_or_none.pointer_c)
                offsets.append(offset)
        level = sum(memory.level for memory in chosen.values()) / max(len(chosen), 1)
        return Reading(spatial, ages, pointers, offsets, level)

    def forget(self, frame: int, direction: int, config: Sam2Config, turn: int | None = None) -> None:
        """Drop what no later frame of this walk, nor a walk back from `turn`, can read.

        Parameters
        ----------
        frame : int
            The frame just written.
        direction : int
            Of the walk.
        config : Sam2Config
            How far back the network reads.
        turn : int or None
            Frame from which a backward walk will go on later with this memory; the frames that it
            will read, those just after `turn`, are kept.
        """
        for seen in list(self.recent):
            behind = (frame - seen) * direction
            pointer_needed = behind < config.max_pointers - 1
            spatial_needed = behind < config.num_maskmem - 1
            if turn is not None and seen > turn:
                pointer_needed |= seen - turn < config.max_pointers - 1
                spatial_needed |= seen - turn < config.num_maskmem - 1
            if not (pointer_needed or spatial_needed):
                del self.recent[seen]
            elif not spatial_needed:
                self.recent[seen] = replace(self.recent[seen], spatial_chw=None)


def nearest(conditioning: Mapping[int, Memory], frame: int, limit: int) -> dict[int, Memory]:
    """The conditioning frames that are read at `frame`: all, or the `limit` nearest ones.

    As in SAM 2, the nearest before and the nearest at or after come first, then the others by
    distance.
    """
    if limit < 0 or len(conditioning) <= limit:
        return dict(conditioning)
    before = max((f for f in conditioning if f < frame), default=None)
    after = min((f for f in conditioning if f >= frame), default=None)
    first = [f for f in (before, after) if f is not None]
    rest = sorted((f for f in conditioning if f not in first), key=lambda f: abs(f - frame))
    return {f: conditioning[f] for f in (first + rest)[:limit]}
