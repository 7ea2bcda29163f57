"""The rule `everything`: a grid of clicks through the model, of whose answers the trustworthy ones stay."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_sam2.models.prompts import Prompt
from napari_sam2.models.results import MaskPatch
from napari_sam2.models.views import View, whole

if TYPE_CHECKING:
    from torch import Tensor

    from napari_sam2.models.load import LoadedModel
    from napari_sam2.models.scene import FrameSource
    from napari_sam2.models.tracker import Framing

Labels = NDArray[np.int32]
Point = tuple[float, float]

WINDOW = 3.5
"""Side of a window in diameters of a typical object."""
PER_WINDOW, PER_FRAME = 6, 16
"""Clicks along a side of a window, and of a whole frame for a network with a small input."""
PER_LARGE_INPUT = 32
"""The same for a network with a large input."""
LARGE_INPUT = 512
MOST_CLICKS, MOST_WINDOWS = 2048, 400
"""Beyond, the grid of clicks becomes coarser, and the windows larger."""
LEAST_IOU, LEAST_STABILITY = 0.6, 0.7
"""What is trusted: the model's own estimate, and the IoU of the masks cut `OFFSET` above and below 0; as
measured with the bundled model."""
LEAST_OF_LARGE = 0.8, 0.95
"""The same for a network with a large input, as SAM 2 has them."""
OFFSET = 1.0
LARGEST = 0.4
"""A mask that covers more of its view than this is the background."""
AT_ONCE = 256
"""Clicks whose windows are encoded and kept together."""
COVERED = 0.3
"""A mask is a duplicate when better ones have this share of its pixels."""


@dataclass(frozen=True, eq=False)
class _Answer:
    """A mask and how good it is."""

    patch: MaskPatch
    worth: float


@dataclass(frozen=True, eq=False)
class _OneFrame:
    """A frame that is read once."""

    shape: tuple[int, int, int]
    image_chw: NDArray[np.float32]

    def rgb(self, index: int) -> NDArray[np.float32]:
        """The frame, whatever the index."""
        return self.image_chw


def find_everything(
    model: "LoadedModel",
    frames: "FrameSource",
    frame: int,
    diameter: float,
    min_size: float,
    framing: "Framing | None" = None,
) -> Labels:
    """Click everywhere on a frame and keep what the model is sure of.

    Small objects are clicked in windows of a few diameters, whose features all clicks within share, and
    large ones in the whole frame. An answer stays when the model's own estimate of its IoU and its
    stability, that it changes little with the threshold, are high, when it does not leave its window, and
    when no better answer is there.

    Parameters
    ----------
    model : LoadedModel
        Whom to ask.
    frames : FrameSource
        The stack.
    frame : int
        Which frame.
    diameter : float
        Of a typical object, in pixels.
    min_size : float
        Smallest area in pixels.
    framing : {"auto", "frame", "window"}, optional
        "frame" and "window" leave out the other; when not given, what `napari_sam2.track` takes.

    Returns
    -------
    int32 array (y, x)
        Numbered from 1.
    """
    from napari_sam2.models.scene import Scene
    from napari_sam2.models.solver import Solver, Task

    shape = frames.shape[1], frames.shape[2]
    is_large = model.config.image_size >= LARGE_INPUT
    framing = framing or ("frame" if is_large else "auto")
    per_frame = PER_LARGE_INPUT if is_large else PER_FRAME
    trusted = LEAST_OF_LARGE if is_large else (LEAST_IOU, LEAST_STABILITY)
    answers: list[_Answer] = []
    solver = Solver(model.network, model.device, 1)
    source = _OneFrame(frames.shape, frames.rgb(frame))
    clicks = list(_clicks(shape, diameter, framing, per_frame))
    for first in range(0, len(clicks), AT_ONCE):
        some = clicks[first : first + AT_ONCE]
        # A scene keeps what it has seen; a new one now and then bounds the memory.
        scene = Scene(model.network, source, 0, model.device)
        tasks = [Task(1, view, prompt=Prompt(points=(point,), labels=(1,))) for view, point in some]
        for (view, _), seen in zip(some, solver.solve(scene, tasks), strict=True):
            answer = _judged(seen.patch, seen.logits_hw, view, shape, min_size, trusted)
            if answer is not None:
                answers.append(answer)
    return _without_duplicates(answers, shape, min_size)


def _clicks(
    shape: tuple[int, int], diameter: float, framing: "Framing", per_frame: int
) -> Iterator[tuple[View, Point]]:
    """The clicks to make, each with what is seen of the frame."""
    area = shape[0] * shape[1]
    side = round(max(WINDOW * diameter, 2 * (area / MOST_WINDOWS) ** 0.5, 32))
    if framing != "window" or side >= max(shape):
        for point in _points((0, 0), shape, max(shape) / per_frame):
            yield whole(shape), point
    if framing == "frame" or side >= max(shape):
        return
    # Each window answers for its middle; half a window around it is context.
    spacing = max(side / PER_WINDOW, (area / MOST_CLICKS) ** 0.5)
    step = max(side // 2, 1)
    for top in range(0, shape[0], step):
        for left in range(0, shape[1], step):
            corner = min(top + step, shape[0]), min(left + step, shape[1])
            view = View(top - (side - step) // 2, left - (side - step) // 2, side, side)
            for point in _points((top, left), corner, spacing):
                yield view, point


def _points(first: tuple[int, int], last: tuple[int, int], spacing: float) -> list[Point]:
    """Clicks on a regular grid within a rectangle, at least one."""
    ys, xs = (
        a + (np.arange(n := max(1, round((b - a) / spacing))) + 0.5) * (b - a) / n - 0.5
        for a, b in zip(first, last, strict=True)
    )
    return [(float(y), float(x)) for y in ys for x in xs]


def _judged(
    patch: MaskPatch,
    logits_hw: "Tensor",
    view: View,
    shape: tuple[int, int],
    min_size: float,
    trusted: tuple[float, float],
) -> _Answer | None:
    """The answer if it can be trusted."""
    mask_hw = patch.logits_hw > 0
    area = int(mask_hw.sum())
    if patch.predicted_iou < trusted[0] or area < max(min_size, 1):
        return None
    rows, columns, _, _ = view.inside(shape)
    if area > LARGEST * (rows.stop - rows.start) * (columns.stop - columns.start):
        return None
    # What goes on beyond its window is seen whole elsewhere; the frame's own border cuts for good.
    bottom, right = patch.top + mask_hw.shape[0], patch.left + mask_hw.shape[1]
    if (
        (patch.top == rows.start > 0)
        or (patch.left == columns.start > 0)
        or (bottom == rows.stop < shape[0])
        or (right == columns.stop < shape[1])
    ):
        return None
    stability = float((logits_hw > OFFSET).sum() / (logits_hw > -OFFSET).sum())
    if stability < trusted[1]:
        return None
    return _Answer(patch, patch.predicted_iou * stability)


def _without_duplicates(answers: list[_Answer], shape: tuple[int, int], min_size: float) -> Labels:
    """Lay down the answers, the best first, each on what is free."""
    labels_hw = np.zeros(shape, np.int32)
    number = 0
    for answer in sorted(answers, key=lambda answer: -answer.worth):
        mask_hw = answer.patch.logits_hw > 0
        below_hw = labels_hw[answer.patch.region]
        free_hw = mask_hw & (below_hw == 0)
        if free_hw.sum() < max((1 - COVERED) * mask_hw.sum(), min_size, 1):
            continue
        number += 1
        below_hw[free_hw] = number
    return labels_hw
