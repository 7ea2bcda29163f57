"""Packages that only some numbers need."""

from importlib import import_module
from types import ModuleType

from napari_sam2.analysis.errors import MeasureError


def need(module: str, what_for: str, extra: str) -> ModuleType:
    """Import an optional package when it is first used.

    Parameters
    ----------
    module : str
        Name to import.
    what_for : str
        Begins the sentence that is shown when it is missing.
    extra : str
        Extra of this project that installs it.

    Raises
    ------
    MeasureError
        It is not installed; says what to install.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise MeasureError(
            f"{what_for} needs the package {error.name}; install it with: pip install 'napari-sam2[{extra}]'."
        ) from error
