"""How a piece of a frame becomes the network's square input, and how masks come back.

A view is a rectangle of the frame. The whole frame is one view (SAM 2's own framing: stretched to a
square), a window that follows an object is another.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
    """

    top: int
    left: int
    height: int
    width: int

    def to_input(self, y: float, x: float, size: int) -> tuple[float, float]:
        """Frame position (y, x) to network input (x, y); both count from the first pixel's centre."""
        return (
            (x - self.left + 0.5) * size / self.width - 0.5,
            (y - self.top + 0.5) * size / self.height - 0.5,
        )

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
    image_chw: NDArray[np.float32], views: Sequence[View], size: int, device: "Device | str"
) -> "Tensor":
    """Cut views out of a frame and bring them to the network's input.

    Parameters
    ----------
    image_chw : float32 array (3, y, x)
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
    inputs = []
    for view in views:
        rows, columns, own_rows, own_columns = view.inside(image_chw.shape[1:])
        piece = torch.from_numpy(np.ascontiguousarray(image_chw[:, rows, columns])).to(device)
        piece = (piece - mean_c11) / std_c11
        if piece.shape[1:] != (view.height, view.width):
            padded = piece.new_zeros(3, view.height, view.width)
            padded[:, own_rows, own_columns] = piece
            piece = padded
        inputs.append(
            F.interpolate(
                piece[None], size=(size, size), mode="bilinear", align_corners=False, antialias=True
            )
        )
    return torch.cat(inputs)


def look_mask(mask_hw: NDArray[np.bool_], view: View, size: int, device: "Device | str") -> "Tensor":
    """Cut a view out of a mask and bring it to the network's input, (size, size) of 0 to 1."""
    import torch
    import torch.nn.functional as F

    rows, columns, own_rows, own_columns = view.inside(mask_hw.shape)
    piece = torch.zeros(view.height, view.width, device=device)
    piece[own_rows, own_columns] = torch.from_numpy(np.ascontiguousarray(mask_hw[rows, columns])).to(
        device=device, dtype=torch.float32
    )
    return F.interpolate(
        piece[None, None], size=(size, size), mode="bilinear", align_corners=False, antialias=True
    )[0, 0]


def put_back(logits_hw: "Tensor", view: View, shape: tuple[int, int]) -> tuple[int, int, NDArray[np.float32]]:
    """Mask logits of a view, at the frame's resolution, cut to the mask's bounding box.

    Parameters
    ----------
    logits_hw : Tensor
        Any resolution; covers the view.
    view : View
        Where they belong.
    shape : (int, int)
        Frame size.

    Returns
    -------
    top, left, logits : int, int, float32 array
        An empty array when no logit is above 0.
    """
    import torch.nn.functional as F

    full = F.interpolate(
        logits_hw[None, None].float(), size=(view.height, view.width), mode="bilinear", align_corners=False
    )[0, 0]
    rows, columns, own_rows, own_columns = view.inside(shape)
    return tighten(full[own_rows, own_columns].cpu().numpy(), rows.start, columns.start)


def tighten(logits_hw: NDArray[np.float32], top: int, left: int) -> tuple[int, int, NDArray[np.float32]]:
    """Cut logits that start at (top, left) to the bounding box of those above 0."""
    positive = logits_hw > 0
    ys, xs = np.flatnonzero(positive.any(1)), np.flatnonzero(positive.any(0))
    if not len(ys):
        return 0, 0, np.zeros((0, 0), np.float32)
    cut = logits_hw[ys[0] : ys[-1] + 1, xs[0] : xs[-1] + 1]
    return top + int(ys[0]), left + int(xs[0]), np.ascontiguousarray(cut)
