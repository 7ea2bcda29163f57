"""What a person sets once for all sessions, in napari's preferences under SAM 2."""

from dataclasses import dataclass

PLUGIN = "napari-sam2"


@dataclass(frozen=True)
class Settings:
    """Settings of the plugin; the manifest declares the same names and defaults.

    Attributes
    ----------
    model : str
        What a new session begins with: a name in the registry, or the path of a weights file.
    device : str
        "auto", "cpu", "cuda" or "mps".
    framing : str
        "suits the model", "frame", "window" or "auto".
    follow : bool
        Whether the view goes along while objects are followed.
    opacity : float
        Of the masks, 0 to 1.
    tail_length : int
        Frames of a track that are drawn behind the frame that is shown.
    """

    model: str = "nano"
    device: str = "auto"
    framing: str = "suits the model"
    follow: bool = False
    opacity: float = 0.5
    tail_length: int = 30


def read_settings() -> Settings:
    """The settings as they are now; the defaults where napari does not know the plugin's manifest."""
    from napari.settings import get_plugin_settings

    try:
        known = get_plugin_settings(PLUGIN)
    except KeyError:
        return Settings()
    start, view = known.sam2_start, known.sam2_view
    return Settings(start.model, start.device, start.framing, view.follow, view.opacity, view.tail_length)
