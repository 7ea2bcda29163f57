"""From what went wrong to the one sentence that a person reads on the terminal."""

import errno

from cyclopts import CycloptsError

from napari_sam2.errors import InputError
from napari_sam2.models.errors import ModelError

_SYSTEM = {
    errno.ENOSPC: "No space is left on the disk for {file}; free some, or choose another disk, "
    "then run the same command again.",
    errno.EACCES: "You have no permission to use {file}; change its permissions or choose another path.",
    errno.EPERM: "You have no permission to use {file}; change its permissions or choose another path.",
    errno.EROFS: "The disk of {file} is read-only; choose another folder.",
    errno.ENOENT: "There is no {file}; check the path.",
    errno.ENOTDIR: "A file stands where a folder is needed for {file}; choose another path.",
    errno.EISDIR: "A folder stands where a file is needed: {file}; choose another path.",
    errno.ENAMETOOLONG: "The path {file} is too long for this system; choose a shorter one.",
}
_SYSTEM[errno.EDQUOT] = _SYSTEM[errno.ENOSPC]


def sentence(error: Exception, command: str) -> str | None:
    """One sentence for a mistake that a person can mend; None for a fault of the program.

    Parameters
    ----------
    error : Exception
        What was raised.
    command : str
        How the command is called, such as ``napari-sam2 track``: whoever mistyped an option is sent
        to its help.
    """
    if isinstance(error, InputError | ModelError):
        return _one_line(error)
    if isinstance(error, CycloptsError):
        return (
            f"{_one_line(error).rstrip('.').replace('. ', '; ')}; `{command} --help` shows how it is called."
        )
    if isinstance(error, OSError) and error.errno is not None:
        file = f"'{error.filename}'" if error.filename else "what is being written or read"
        if error.errno in _SYSTEM:
            return _SYSTEM[error.errno].format(file=file)
        return f"The system refuses {file}: {error.strerror}."
    # Only now: with the analysis comes pandas, for which `--help` need not wait.
    from napari_sam2.analysis.errors import MeasureError

    return _one_line(error) if isinstance(error, MeasureError) else None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
