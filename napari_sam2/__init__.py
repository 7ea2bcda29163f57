"""Click an object once; follow it through time or depth with SAM 2; get the table.

The names below load their modules when they are first used, so that importing the package costs
milliseconds and neither torch nor napari is imported before it is needed.
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_sam2.frames import Frames, open_frames
    from napari_sam2.session import Session
    from napari_sam2.tracking import track

try:
    __version__ = version("napari-sam2")
except PackageNotFoundError:  # running from a checkout that was never installed
    __version__ = "0+unknown"

_HOME_OF = {
    "Frames": "napari_sam2.frames",
    "Session": "napari_sam2.session",
    "open_frames": "napari_sam2.frames",
    "track": "napari_sam2.tracking",
}
__all__ = ["Frames", "Session", "__version__", "open_frames", "track"]


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        return getattr(import_module(_HOME_OF[name]), name)
    raise AttributeError(f"module 'napari_sam2' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
