"""How a piece of a frame becomes the network's square input, and how masks come back.

A view is a rectangle of the frame. The whole frame is one view (SAM 2's own framing: stretched to a
square), a window that follows an object is another.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor
    from torch import device as Device

IMAGE_MEAN, IMAGE_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Channel statistics (red, green, blue) with which SAM 2 normalises images."""


@dataclass(frozen=True)
class View:
    """A rectangle of pixels; it may reach beyond the frame.

    Attributes
    ----------
    top, left : int
        First row and column.
    height, width : int
        Size in pixels.
    mirrored : (bool, bool)
        Whether the network sees rows and columns in reverse.
    """

    top: int
    left: int
    height: int
    width: int
    mirrored: tuple[bool, bool] = (False, False)

    def to_input(self, y: float, x: float, size: int) -> tuple[float, float]:
        """Frame position (y, x) to network input (x, y); both count from the first pixel's centre."""
        at_x = (x - self.left + 0.5) * size / self.width - 0.5
        at_y = (y - self.top + 0.5) * size / self.height - 0.5
        return (
            size - 1 - at_x if self.mirrored[1] else at_x,
            size - 1 - at_y if self.mirrored[0] else at_y,
        )

    def holds(self, y: float, x: float) -> bool:
        """Whether a frame position lies in the rectangle."""
        return -0.5 <= y - self.top <= self.height - 0.5 and -0.5 <= x - self.left <= self.width - 0.5

    def inside(self, shape: tuple[int, int]) -> tuple[slice, slice, slice, slice]:
        """The part within a frame of this shape: rows and columns of the frame, then of the view."""
        y0, y1 = max(self.top, 0), min(self.top + self.height, shape[0])
        x0, x1 = max(self.left, 0), min(self.left + self.width, shape[1])
        return (
            slice(y0, y1),
            slice(x0, x1),
            slice(y0 - self.top, y1 - self.top),
            slice(x0 - self.left, x1 - self.left),
        )


def whole(shape: tuple[int, int]) -> View:
    """The view of the whole frame."""
    return View(0, 0, *shape)


def look(
    image_chw: "NDArray[np.float32] | Tensor", views: Sequence[View], size: int, device: "Device | str"
) -> "Tensor":
    """Cut views out of a frame and bring them to the network's input.

    Parameters
    ----------
    image_chw : float32 array or Tensor (3, y, x)
        Values 0 to 1.
    views : sequence of View
        What to cut; outside the frame the input is 0, the mean colour.
    size : int
        Side of the input.
    device : torch device
        Where the result goes.

    Returns
    -------
    Tensor (views, 3, size, size)
        Normalised.
    """
    import torch
    import torch.nn.functional as F

    mean_c11 = torch.tensor(IMAGE_MEAN, device=device).view(3, 1, 1)
    std_c11 = torch.tensor(IMAGE_STD, device=device).view(3, 1, 1)
    image = image_chw if isinstance(image_chw, torch.Tensor) else torch.from_numpy(image_chw)
    image = image.to(device)
    looks_bchw = torch.empty(len(views), 3, size, size, device=device)
    of_size: dict[tuple[int, int], list[int]] = defaultdict(list)
    for i, view in enumerate(views):
        of_size[view.height, view.width].append(i)
    for (height, width), indices in of_size.items():
        pieces = mean_c11.repeat(len(indices), 1, height, width)
        for piece, i in zip(pieces, indices, strict=True):
            rows, columns, own_rows, own_columns = views[i].inside(image.shape[1:])  # type: ignore[arg-type]
            piece[:, own_rows, own_columns] = image[:, rows, columns]
        pieces = (pieces - mean_c11) / std_c11
        looks_bchw[indices] = F.interpolate(
            pieces, size=(size, size), mode="bilinear", align_corners=False, antialias=True
        )
    for look_chw, view in zip(looks_bchw, views, strict=True):
        if any(view.mirrored):
            look_chw[:] = mirror(look_chw, view.mirrored)
    return looks_bchw


def look_mask(mask_hw: NDArray[np.bool_], view: View, size: int, device: "Device | str") -> "Tensor":
    """Cut a view out of a mask and bring it to the network's input, (size, size) of 0 to 1."""
    import torch
    import torch.nn.functional as F

    rows, columns, own_rows, own_columns = view.inside(mask_hw.shape)
    piece = torch.zeros(view.height, view.width, device=device)
    piece[own_rows, own_columns] = torch.from_numpy(np.ascontiguousarray(mask_hw[rows, columns])).to(
        device=device, dtype=torch.float32
    )
    look_hw = F.interpolate(
        piece[None, None], size=(size, size), mode="bilinear", align_corners=False, antialias=True
    )[0, 0]
    return mirror(look_hw, view.mirrored)


def mirror(x: "Tensor", mirrored: tuple[bool, bool]) -> "Tensor":
    """The last two axes, rows and columns, in reverse where asked for."""
    return x.flip([axis for axis, reverse in zip((-2, -1), mirrored, strict=True) if reverse])


def put_back(
    logits_hw: NDArray[np.float32], view: View, shape: tuple[int, int]
) -> tuple[int, int, NDArray[np.float32]]:
    """Mask logits of a view, at the frame's resolution, cut to the mask's bounding box.

    Interpolation is bilinear, as in the reference, and done only where a logit can come out above 0, so
    that it costs what the object is large, not the frame.

    Parameters
    ----------
    logits_hw : float32 array
        Any resolution; covers the view.
    view : View
        Where they belong; not a mirrored one.
    shape : (int, int)
        Frame size.

    Returns
    -------
    top, left, logits : int, int, float32 array
        An empty array when no logit is above 0.
    """
    logits_hw = np.asarray(logits_hw, dtype=np.float32)
    positive = logits_hw > 0
    rows, columns, own_rows, own_columns = view.inside(shape)
    height, width = logits_hw.shape
    reached = (
        _reached(np.flatnonzero(positive.any(1)), height, view.height, own_rows),
        _reached(np.flatnonzero(positive.any(0)), width, view.width, own_columns),
    )
    above, below, down_h = _neighbours(height, view.height, reached[0])
    before, after, right_w = _neighbours(width, view.width, reached[1])
    lines_hw = logits_hw[above] * (1 - down_h[:, None]) + logits_hw[below] * down_h[:, None]
    full_hw = lines_hw[:, before] * (1 - right_w) + lines_hw[:, after] * right_w
    top = rows.start + reached[0].start - own_rows.start
    left = columns.start + reached[1].start - own_columns.start
    return tighten(full_hw, top, left)


def _reached(positive_n: NDArray[np.intp], n: int, length: int, own: slice) -> slice:
    """Which of `length` pixels in a row, stretched from `n`, can see one of the positive ones."""
    if not len(positive_n):
        return slice(own.start, own.start)
    scale = length / n
    # A pixel sees its two neighbours in the source; one more at each end is for rounding.
    first = int(np.floor((positive_n[0] - 0.5) * scale - 0.5)) - 1
    last = int(np.ceil((positive_n[-1] + 1.5) * scale - 0.5)) + 1
    start = min(max(first, own.start), own.stop)
    return slice(start, max(start, min(last + 1, own.stop)))


def _neighbours(
    n: int, length: int, part: slice
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
    """For a part of `length` pixels stretched from `n`: both neighbours and the second one's share."""
    position = np.maximum((np.arange(part.start, part.stop) + 0.5) * (n / length) - 0.5, 0)
    lower = np.minimum(position.astype(np.intp), n - 1)
    return lower, np.minimum(lower + 1, n - 1), (position - lower).astype(np.float32)


def tighten(logits_hw: NDArray[Any], top: int, left: int) -> tuple[int, int, NDArray[np.float32]]:
    """Cut logits that start at (top, left) to the bounding box of those above 0."""
    positive = logits_hw > 0
    ys, xs = np.flatnonzero(positive.any(1)), np.flatnonzero(positive.any(0))
    if not len(ys):
        return 0, 0, np.zeros((0, 0), np.float32)
    cut = logits_hw[ys[0] : ys[-1] + 1, xs[0] : xs[-1] + 1]
    return top + int(ys[0]), left + int(xs[0]), np.ascontiguousarray(cut)
