"""Mistakes about measurements that a person can mend: shown as one sentence, never as a traceback."""


class MeasureError(ValueError):
    """Masks or images cannot be measured; the message says what, where and how to mend it."""
