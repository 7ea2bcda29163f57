"""Encoded frames on disk, so that what is propagated again after a correction is not encoded again."""

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from napari_sam2.models.load import LoadedModel
    from napari_sam2.models.network.sam2 import ImageFeatures

MOST_BYTES = 20 * 2**30


class EncodedFrames:
    """Features of whole frames, kept in a folder.

    They are found by the pixels that the network saw, its weights, its input size and its precision,
    so nothing that changes an answer can be missed: another contrast or channel is another frame. A
    frame takes 17 MB with SAM 2.1 tiny at 1024 px and 0.5 MB with the bundled model. Any number of
    processes may use a folder; it can be removed at any time.

    Parameters
    ----------
    folder : path
        Made when something is kept.
    model : LoadedModel
        Whose features.
    most_bytes : int
        The features used longest ago are removed when the folder grows beyond this size.
    """

    def __init__(
        self, folder: str | os.PathLike[str], model: "LoadedModel", most_bytes: int = MOST_BYTES
    ) -> None:
        precision = next(model.network.image_encoder.parameters()).dtype
        self._folder, self._most_bytes = Path(folder), most_bytes
        self._model = f"{model.sha256} {model.config.image_size} {precision}"
        self._bytes: int | None = None

    def key(self, image_chw: NDArray[np.float32]) -> str:
        """The name under which a frame's features are kept."""
        digest = hashlib.blake2b(f"{self._model} {image_chw.shape}".encode(), digest_size=20)
        digest.update(np.ascontiguousarray(image_chw).data)
        return digest.hexdigest()

    def read(self, key: str) -> "ImageFeatures | None":
        """Features on the processor, or None where there are none, or none that can be read."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        from napari_sam2.models.network.sam2 import ImageFeatures

        path = self._path(key)
        try:
            kept = load_file(path)
            path.touch()
            return ImageFeatures(**kept)
        except (OSError, SafetensorError, TypeError):
            return None

    def write(self, key: str, features: "ImageFeatures") -> None:
        """Keep features; a folder that cannot be written costs only time."""
        from safetensors.torch import save_file

        values = {name: value.contiguous().cpu() for name, value in vars(features).items()}
        path = self._path(key)
        beside = path.with_suffix(f".{os.getpid()}.partial")
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            save_file(values, beside)
            beside.replace(path)
            self._make_room(path.stat().st_size)

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.safetensors"

    def _make_room(self, added: int) -> None:
        """Remove what was used longest ago until the folder is within its size."""
        self._bytes = None if self._bytes is None else self._bytes + added
        if self._bytes is not None and self._bytes <= self._most_bytes:
            return
        of_file = {path: path.stat() for path in self._folder.glob("*.safetensors")}
        self._bytes = sum(status.st_size for status in of_file.values())
        oldest_first = sorted(of_file, key=lambda path: of_file[path].st_mtime_ns)
        for path in oldest_first[:-1]:
            if self._bytes <= self._most_bytes:
                break
            path.unlink(missing_ok=True)
            self._bytes -= of_file[path].st_size
