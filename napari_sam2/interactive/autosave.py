"""Where sessions are kept while a person works, so that a crash costs nothing."""

import os
import shutil
import uuid
from contextlib import suppress
from pathlib import Path

import platformdirs
from filelock import FileLock, Timeout

from napari_sam2.errors import InputError
from napari_sam2.frames import Frames
from napari_sam2.outputs import writing

SESSION, MASKS = "session.json", "session.masks"


def sessions_folder() -> Path:
    """Folder of all autosaved sessions: NAPARI_SAM2_SESSIONS, or the system's place for a person's data."""
    override = os.environ.get("NAPARI_SAM2_SESSIONS")
    if override:
        return Path(override).expanduser()
    return platformdirs.user_data_path("napari-sam2", appauthor=False) / "sessions"


def autosave_folder(frames: Frames) -> Path:
    """Folder of the autosaved session of an image, whether it exists or not."""
    stem = "".join(c if c.isalnum() or c in "-_." else "_" for c in frames.name)[:60]
    return sessions_folder() / f"{stem}-{frames.axis}-{frames.fingerprint()[:12]}"


def autosaved(frames: Frames) -> Path | None:
    """The autosaved session of an image, to be resumed; None when there is none, or it is open elsewhere."""
    folder = autosave_folder(frames)
    if not (folder / SESSION).is_file():
        return None
    lock = FileLock(folder / ".lock", timeout=0)
    try:
        with lock:
            return folder / SESSION
    except (Timeout, OSError):
        return None


def masks_beside(session: Path) -> Path:
    """The file of masks that belongs to a saved session."""
    return session.with_suffix(".masks")


class Autosave:
    """The folder of one session while it is open; nobody else writes there.

    Parameters
    ----------
    frames : Frames
        The image. What an earlier session on it has left there is kept in "<folder>.previous".
    going_on : Path or None
        The saved session to go on with, whose masks are taken over; in its own folder where it lies in
        the one of this image.
    """

    def __init__(self, frames: Frames, going_on: Path | None) -> None:
        self.folder = autosave_folder(frames)
        with writing(self.folder):
            self._lock = self._claim()
            if going_on is not None and self.session.exists() and self.session.samefile(going_on):
                return
            self._put_aside()
            if going_on is not None and masks_beside(going_on).exists():
                shutil.copyfile(masks_beside(going_on), self.masks)

    def _claim(self) -> FileLock:
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder / ".lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            # The same image is open in another viewer: a folder of its own.
            self.folder = self.folder.with_name(f"{self.folder.name}-{uuid.uuid4().hex[:6]}")
            return self._claim()
        return lock

    @property
    def session(self) -> Path:
        """The session's file."""
        return self.folder / SESSION

    @property
    def masks(self) -> Path:
        """The file of the masks, written as they come."""
        return self.folder / MASKS

    def close(self) -> None:
        """Let others have the folder; one without a session is removed."""
        if not self.session.exists():
            with suppress(OSError):
                self.masks.unlink()
        with suppress(OSError):
            Path(self._lock.lock_file).unlink()
        self._lock.release()
        with suppress(OSError):
            self.folder.rmdir()

    def _put_aside(self) -> None:
        previous = self.folder.with_name(self.folder.name + ".previous")
        for name in (SESSION, MASKS):
            if (self.folder / name).exists():
                previous.mkdir(exist_ok=True)
                os.replace(self.folder / name, previous / name)


def find_session(path: str | os.PathLike[str]) -> Path:
    """The session file that a path names: itself, or the one in a folder.

    Raises
    ------
    InputError
        There is none.
    """
    path = Path(path)
    found = path / SESSION if path.is_dir() else path
    if not found.is_file():
        raise InputError(f"there is no saved session {found}; choose a session.json")
    return found
