"""Mistakes that a person can mend: shown as one sentence, never as a traceback."""


class InputError(ValueError):
    """Something a person gave cannot be used.

    The message is one sentence that says what is wrong, where (file, field, object, frame) and how
    to mend it; the command line prints it and exits with status 2, the viewer shows it as a
    notification.
    """


class SeveralImages(InputError):
    """A file or folder holds several images, and nobody said which one to open.

    Attributes
    ----------
    choices : dict from int to str
        What each is chosen by, as `series`, and what it is.
    """

    def __init__(self, message: str, choices: dict[int, str] | None = None) -> None:
        super().__init__(message)
        self.choices = choices or {}


class ImageWarning(UserWarning):
    """Something about an image that a person should know before trusting what is measured on it.

    The message is one sentence; the command line prints it and goes on, the viewer shows it as a
    notification.
    """
