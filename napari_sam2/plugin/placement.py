"""Where frames lie in a layer: from a place in the viewer to (frame, y, x) and back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_sam2.errors import InputError

if TYPE_CHECKING:
    from napari.layers import Layer


@dataclass(frozen=True)
class Placement:
    """The frames as a part of an n-dimensional image.

    Attributes
    ----------
    shape : tuple of int
        Of the layer's data, the samples of a colour left out.
    along : int or None
        Dimension of the frames; None for a single image.
    y, x : int
        Dimensions of the rows and the columns.
    fixed : mapping from dimension to index
        The position taken of every other dimension; none for channels, which are seen together.
    letters : str
        What each dimension is called in a sentence.
    """

    shape: tuple[int, ...]
    along: int | None
    y: int
    x: int
    fixed: Mapping[int, int] = field(default_factory=dict)
    letters: str = ""

    @property
    def n_frames(self) -> int:
        """How many frames there are."""
        return 1 if self.along is None else self.shape[self.along]

    def name(self, dim: int) -> str:
        """What a dimension is called in a sentence."""
        letter = self.letters[dim : dim + 1].lower()
        return letter if letter not in ("", "q") else f"axis {dim}"

    def data_coordinates(self, frame: ArrayLike, points: ArrayLike) -> NDArray[np.float64]:
        """Coordinates in the layer's data, (n, dimensions), of (n, 2) places (y, x) on a frame or on n."""
        points_n2 = np.asarray(points, dtype=np.float64).reshape(-1, 2)
        coordinates = np.zeros((len(points_n2), len(self.shape)))
        for dim, index in self.fixed.items():
            coordinates[:, dim] = index
        if self.along is not None:
            coordinates[:, self.along] = frame
        coordinates[:, self.y], coordinates[:, self.x] = points_n2[:, 0], points_n2[:, 1]
        return coordinates

    def on_frame(self, coordinates: ArrayLike) -> tuple[int, NDArray[np.float64]]:
        """The frame, and the (n, 2) places (y, x) on it, of (n, dimensions) coordinates in the data.

        Raises
        ------
        InputError
            They lie on several frames, outside the image, or where the frames are not.
        """
        coordinates = np.asarray(coordinates, dtype=np.float64).reshape(-1, len(self.shape))
        for dim, index in self.fixed.items():
            seen = int(np.round(coordinates[0, dim]))
            if seen != index:
                name = self.name(dim)
                raise InputError(
                    f"this is {name} = {seen}, and objects are being followed at {name} = {index}; move the "
                    f"slider back, or press 'Use {name} = {seen}' to go on here"
                )
        frames = {0} if self.along is None else set(np.round(coordinates[:, self.along]).astype(int).tolist())
        if len(frames) > 1:
            raise InputError(
                "this reaches over several frames; draw on one frame, in the view of its rows and columns"
            )
        (frame,) = frames
        if not 0 <= frame < self.n_frames:
            raise InputError(f"frame {frame} is outside the image, which has {self.n_frames} frames")
        return frame, coordinates[:, (self.y, self.x)]

    def outer_dims(self) -> tuple[int, ...]:
        """Dimensions that are neither rows nor columns, in the layer's order."""
        return tuple(dim for dim in range(len(self.shape)) if dim not in (self.y, self.x))

    def frame_of(self, outer: Sequence[int]) -> int | None:
        """The frame at an index of the outer dimensions; None where another part of the image is."""
        at = dict(zip(self.outer_dims(), outer, strict=True))
        if any(at[dim] != index for dim, index in self.fixed.items()):
            return None
        return 0 if self.along is None else int(at[self.along])


def transform_of(layer: "Layer") -> dict[str, Any]:
    """What makes another layer lie over this one: arguments of a layer."""
    return {
        "scale": layer.scale,
        "translate": layer.translate,
        "rotate": layer.rotate,
        "shear": layer.shear,
        "affine": layer.affine,
        "units": layer.units,
        "axis_labels": layer.axis_labels,
    }


def between_layers(source: "Layer", target: "Layer", coordinates: ArrayLike) -> NDArray[np.float64]:
    """Data coordinates of one layer as those of another, through the world that both lie in."""
    rows = np.atleast_2d(np.asarray(coordinates, dtype=np.float64))
    return np.array([target.world_to_data(source.data_to_world(row)) for row in rows]).reshape(
        len(rows), target.ndim
    )
