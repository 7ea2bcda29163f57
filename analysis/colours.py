"""The colour of each object, the same wherever the object is drawn."""

import math
import warnings
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation
from skimage.color import lab2rgb
from skimage.segmentation import find_boundaries

_FILL = 0.22
# Orange, sky blue, reddish purple, yellow, bluish green, vermillion, blue.
_COLOURS = (
    (230, 159, 0),
    (86, 180, 233),
    (204, 121, 167),
    (240, 228, 66),
    (0, 158, 115),
    (213, 94, 0),
    (0, 114, 178),
)


@cache
def object_colour(object_id: int) -> tuple[int, int, int]:
    """The colour (red, green, blue) of an object, 0 to 255.

    First the seven colours that Okabe and Ito chose for readers of every colour vision ("Color
    Universal Design", 2008); then CIELAB hues a golden angle apart in three lightnesses.
    """
    if object_id <= len(_COLOURS):
        return _COLOURS[object_id - 1]
    angle = math.radians(50 + object_id * 360 * 0.618033988749895)
    lightness = (72, 60, 84)[object_id % 3]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # colours that no screen has are clipped, which is meant
        colour = lab2rgb([lightness, 70 * math.cos(angle), 70 * math.sin(angle)])
    red, green, blue = (255 * colour).round().astype(int).tolist()
    return red, green, blue


def paint_objects(image_yxc: NDArray[np.uint8], labels_yx: NDArray[np.integer[Any]]) -> NDArray[np.uint8]:
    """A copy of an image in which objects are tinted and outlined in their colours.

    Parameters
    ----------
    image_yxc : uint8 array (y, x, 3)
        Red, green and blue.
    labels_yx : int array (y, x)
        Objects; 0 is background and is left as it is.
    """
    inside_yx = labels_yx > 0
    ids, index = np.unique(labels_yx[inside_yx], return_inverse=True)
    colours_nc = np.array([object_colour(int(label)) for label in ids]).reshape(-1, 3)[index]
    edges_yx = find_boundaries(labels_yx, mode="inner")  # type: ignore[no-untyped-call]
    outline_yx = binary_dilation(edges_yx)
    strength_n1 = np.where(outline_yx[inside_yx], 1.0, _FILL)[:, None]
    painted_yxc = image_yxc.copy()
    painted_yxc[inside_yx] = image_yxc[inside_yx] * (1 - strength_n1) + colours_nc * strength_n1
    return painted_yxc
