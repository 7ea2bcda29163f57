"""One spelling for each unit that microscope files write in many ways."""

_SPELLINGS = {
    "µm": ("um", "μm", "\\u00b5m", "micron", "microns", "micrometer", "micrometre"),
    "nm": ("nanometer", "nanometre"),
    "mm": ("millimeter", "millimetre"),
    "cm": ("centimeter", "centimetre"),
    "m": ("meter", "metre"),
    "Å": ("å", "angstrom"),
    "s": ("sec", "second", "seconds"),
    "ms": ("msec", "millisecond", "milliseconds"),
    "µs": ("us", "usec", "microsecond"),
    "min": ("minute", "minutes"),
    "h": ("hour", "hours"),
    "d": ("day", "days"),
}
_SPELLING_OF = {other: unit for unit, others in _SPELLINGS.items() for other in others}

# An inch comes from the print density that image programs write by default, never from a microscope.
_NOT_PHYSICAL = {
    "",
    "pixel",
    "pixels",
    "px",
    "frame",
    "reference frame",
    "null",
    "none",
    "unknown",
    "inch",
    "inches",
}


def physical_unit(text: object) -> str | None:
    """The usual symbol of a unit as a file writes it, or None where it names no physical unit.

    >>> physical_unit("micrometer"), physical_unit("pixel")
    ('µm', None)
    """
    spelled = str(text).strip() if text is not None else ""
    if spelled.lower() in _NOT_PHYSICAL:
        return None
    return _SPELLING_OF.get(spelled.lower(), spelled)
