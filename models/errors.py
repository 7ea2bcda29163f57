"""Mistakes about models that a person can mend: shown as one sentence, never as a traceback."""


class ModelError(ValueError):
    """A model, its weights or a device cannot be used; the message says what, where and how to mend it."""
