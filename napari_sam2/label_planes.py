"""Label images out of a file that `open_frames` reads."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_sam2.errors import InputError

if TYPE_CHECKING:
    from napari_sam2.frames import Frames


class LabelPlanes:
    """The label image of each frame, (y, x), as a sequence.

    Parameters
    ----------
    frames : Frames
        Of one channel, whose values are the objects' ids.

    Raises
    ------
    InputError
        There are several channels.
    """

    def __init__(self, frames: "Frames") -> None:
        if frames.n_channels != 1:
            raise InputError(
                f"{frames.source} has {frames.n_channels} channels; a label image has one, "
                "whose values are the objects' ids"
            )
        self._frames = frames

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, index: int) -> NDArray[Any]:
        labels_yx: NDArray[np.integer[Any]] = self._frames[index][..., 0]
        return labels_yx
