"""What a person, or a seeding rule, says about one object on one frame."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Prompt:
    """Clicks, a box or a mask for one object on one frame.

    Coordinates are pixels, (y, x), with (0, 0) at the centre of the first pixel, as napari has them.
    Clicks and a box can stand together; a mask stands alone, because SAM 2 takes a mask prompt as
    the answer itself.

    Attributes
    ----------
    points : tuple of (y, x)
        Clicked positions.
    labels : tuple of int
        One for each point: 1 means inside the object, 0 means outside.
    box : (y0, x0, y1, x1) or None
        Two opposite corners, first the smaller ones.
    mask : bool array (y, x) or None
        The object on the whole frame; empty where it is absent.
    """

    points: tuple[tuple[float, float], ...] = ()
    labels: tuple[int, ...] = ()
    box: tuple[float, float, float, float] | None = None
    mask: NDArray[np.bool_] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if len(self.points) != len(self.labels):
            raise ValueError(f"{len(self.points)} points but {len(self.labels)} labels")
        if self.mask is not None and (self.points or self.box is not None):
            raise ValueError("a mask prompt cannot be mixed with points or a box")
        if self.mask is None and not self.points and self.box is None:
            raise ValueError("a prompt needs points, a box or a mask")

    @property
    def absent(self) -> bool:
        """Whether it is an empty mask, which says that the object is not on the frame."""
        return self.mask is not None and not self.mask.any()
