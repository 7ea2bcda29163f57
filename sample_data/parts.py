"""What a scene is made of: parts, each a star-shaped outline swept along a bent segment, moving in time.

Lengths are in window sides, coordinates are (y, x) with 0 at the window's middle. Several parts may
belong to one object (an instrument is a shaft, a wrist and two jaws).
"""

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from napari_sam2.sample_data.draw import Draw

ANGLES = 256
MAX_PARTS = 256


@dataclass
class Parts:
    """`b` scenes of at most `MAX_PARTS` parts over `t` frames.

    Attributes
    ----------
    centre_bktc
        Middle of each part, (y, x).
    angle_bkt
        Direction of the part's long axis, radians.
    size_bkt
        Radius of the outline where its table says 1.
    stretch_bkt
        Half the length of the segment along which the outline is swept; 0 for a blob, long for a rod.
    bend_bkt
        Curvature of that segment, in 1 / window side.
    taper_bk
        How much narrower the part grows forwards along its axis, in 1 / window side.
    outline_bkta
        Radius of the outline at `outline_angles` from its long axis; at most 1.
    present_bkt
        Whether the part is there at all in a frame.
    order_bk
        Depth, 0 .. MAX_PARTS - 1: in scenes that occlude, the larger number is in front.
    owner_bk
        Id of the object the part belongs to, from 1.
    look_bk
        Index of the part whose colour and brightness it shares: its object's first part, or itself.
    occlude_b
        True: parts lie over each other by depth. False: touching parts share the space between them.
    tile
        True: a pixel belongs to the nearest part, however far (tissue). False: only inside the outline.
    """

    centre_bktc: Tensor
    angle_bkt: Tensor
    size_bkt: Tensor
    stretch_bkt: Tensor
    bend_bkt: Tensor
    taper_bk: Tensor
    outline_bkta: Tensor
    present_bkt: Tensor
    order_bk: Tensor
    owner_bk: Tensor
    look_bk: Tensor
    occlude_b: Tensor
    tile: bool = False

    def frame(self, index: int) -> "Parts":
        """The same scenes at one frame (t = 1)."""
        still = {f.name: getattr(self, f.name) for f in fields(self)}
        for name in ("centre_bktc", "angle_bkt", "size_bkt", "stretch_bkt", "bend_bkt", "present_bkt"):
            still[name] = still[name][:, :, index : index + 1]
        if self.outline_bkta.shape[2] > 1:
            still["outline_bkta"] = self.outline_bkta[:, :, index : index + 1]
        return Parts(**still)


def pixel_grid(draw: Draw, h: int, w: int) -> Tensor:
    """Scene coordinates (y, x) of the pixels' middles, (h, w, 2): the longer side spans -0.5..0.5."""
    y = torch.arange(h, device=draw.device, dtype=torch.float32) + 0.5 - h / 2
    x = torch.arange(w, device=draw.device, dtype=torch.float32) + 0.5 - w / 2
    return torch.stack(torch.meshgrid(y, x, indexing="ij"), -1) / max(h, w)


def outline_angles(device: torch.device) -> Tensor:
    """The angle of each entry of an outline table: equally spaced along the unit diamond.

    A position on the diamond |x| + |y| = 1 costs one division where an angle costs an arc tangent.
    """
    p = (torch.arange(ANGLES, device=device, dtype=torch.float32) + 0.5) * (4.0 / ANGLES) - 2.0
    x = p.abs() - 1.0
    y = (1.0 - x.abs()) * p.sign()
    return torch.atan2(y, -x)


def diamond(y: Tensor, x: Tensor) -> Tensor:
    """Table index (int64) of the direction of (y, x): the inverse of `outline_angles`."""
    total = (x.abs() + y.abs()).clamp_min_(1e-9)
    position = (1.0 - x / total).copysign(y)
    return ((position + 2.0) * (ANGLES / 4)).to(torch.int64).clamp_(0, ANGLES - 1)


def outline_slope(outline: Tensor) -> Tensor:
    """Factor that turns a radial distance into a distance along the outline's normal; same shape."""
    angles = outline_angles(outline.device)
    step = (angles.roll(-1) - angles.roll(1)).remainder(2 * torch.pi)
    rate = (outline.roll(-1, -1) - outline.roll(1, -1)) / step / outline.clamp_min(1e-3)
    return (1.0 + rate * rate).rsqrt()
