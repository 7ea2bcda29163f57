"""How large is the object that was clicked? Finds the window for a prompt."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_sam2.models.prompts import Prompt
from napari_sam2.models.results import MaskPatch
from napari_sam2.models.scene import Scene
from napari_sam2.models.solver import Solver, Task
from napari_sam2.models.windows import Window, around, candidates, full

if TYPE_CHECKING:
    from napari_sam2.models.tracker import Framing

FITS = (0.1, 0.75)
"""A mask between these shares of its window's side was seen at a size that the network is used to."""
WELL_SEEN = (0.3, 0.5)
"""Shares of a window's side at which an object of a known extent is looked for first."""
GOOD = 0.6
"""Worth of an answer, the product of three numbers from 0 to 1, that needs no further windows."""


def window_for(
    solver: Solver, scene: Scene, prompt: Prompt, framing: "Framing", extent: float | None = None
) -> Window:
    """The window in which to decode an initial prompt.

    A box or a mask tells the object's size. Clicks do not: the object is decoded in windows of
    several sizes, and the size at which the answer is confident, fits its window and agrees with the
    answers of the neighbouring sizes is taken. Where the extent of similar objects is known, in pixels,
    windows in which such an object is well seen are tried first, and the others only if none is good.
    """
    if framing == "frame":
        return full(scene.shape)
    if prompt.mask is not None:
        ys, xs = np.nonzero(prompt.mask)
        box = (float(ys.min()), float(xs.min()), float(ys.max()), float(xs.max()))
        return around(box, scene.shape, framing)
    if prompt.box is not None:
        return around(prompt.box, scene.shape, framing)
    windows = candidates(prompt.points, scene.shape, framing)
    if extent is not None:
        smallest, largest = WELL_SEEN
        near = [window for window in windows if smallest <= extent / window.side <= largest]
        if near:
            window, worth = _best(solver, scene, prompt, framing, near)
            if worth >= GOOD:
                return window
    return _best(solver, scene, prompt, framing, windows)[0]


def _best(
    solver: Solver, scene: Scene, prompt: Prompt, framing: "Framing", windows: list[Window]
) -> tuple[Window, float]:
    """The window around the best answer that any of these windows gives, and how good that is, 0 to 1."""
    tasks = [Task(1, window.view(scene.shape), prompt=prompt) for window in windows]
    patches = [seen.patch for seen in solver.solve(scene, tasks)]
    worth = [
        patch.predicted_iou * _fit(patch, task.view.height) * _agreement(i, patches)
        for i, (patch, task) in enumerate(zip(patches, tasks, strict=True))
    ]
    best = int(np.argmax(worth))
    patch = patches[best]
    height, width = patch.logits_hw.shape
    if not height:
        return windows[best], 0.0
    box = (patch.top, patch.left, patch.top + height - 1, patch.left + width - 1)
    return around(box, scene.shape, framing), worth[best]


def window_of_found(found_hw: NDArray[np.bool_], prompt: Prompt, framing: "Framing") -> Window:
    """A window around a mask found before, wide enough for the prompt that corrects it."""
    ys, xs = (list(axis.astype(float)) for axis in np.nonzero(found_hw))
    if prompt.mask is not None:
        more_ys, more_xs = np.nonzero(prompt.mask)
        ys, xs = ys + list(more_ys), xs + list(more_xs)
    for y, x in prompt.points:
        ys.append(y)
        xs.append(x)
    if prompt.box is not None:
        y0, x0, y1, x1 = prompt.box
        ys += [y0, y1]
        xs += [x0, x1]
    box = (float(min(ys)), float(min(xs)), float(max(ys)), float(max(xs)))
    return around(box, (found_hw.shape[0], found_hw.shape[1]), framing)


def _fit(patch: MaskPatch, side: int) -> float:
    """1 for a mask of a usual size in its window, less beyond, 0 for no mask."""
    share = max(patch.logits_hw.shape) / side
    smallest, largest = FITS
    if share == 0:
        return 0.0
    return min(1.0, share / smallest, (largest / share) ** 2)


def _agreement(i: int, patches: list[MaskPatch]) -> float:
    """Mean IoU of a candidate's mask with those of the next smaller and larger windows."""
    near = [patches[j] for j in (i - 1, i + 1) if 0 <= j < len(patches)]
    return float(np.mean([patch_iou(patches[i], other) for other in near])) if near else 1.0


def patch_iou(a: MaskPatch, b: MaskPatch) -> float:
    """Intersection over union of two masks; 0 when either is empty."""
    top, left = max(a.top, b.top), max(a.left, b.left)
    bottom = min(a.top + a.logits_hw.shape[0], b.top + b.logits_hw.shape[0])
    right = min(a.left + a.logits_hw.shape[1], b.left + b.logits_hw.shape[1])
    if bottom <= top or right <= left:
        return 0.0
    a_mask, b_mask = (
        (p.logits_hw > 0)[top - p.top : bottom - p.top, left - p.left : right - p.left] for p in (a, b)
    )
    both = int((a_mask & b_mask).sum())
    either = int((a.logits_hw > 0).sum() + (b.logits_hw > 0).sum()) - both
    return both / either if either else 0.0
