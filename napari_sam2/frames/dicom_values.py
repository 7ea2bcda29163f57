"""Values of DICOM elements as plain numbers, whatever a file has in their place."""

from collections.abc import Iterable
from math import isfinite
from typing import Any


def as_list(value: Any) -> list[Any]:
    """One value or several as a list; nothing is an empty one."""
    if value is None or value == "":
        return []
    return [value] if isinstance(value, str | bytes) or not isinstance(value, Iterable) else list(value)


def as_floats(value: Any) -> tuple[float, ...] | None:
    """Numbers, or None where there are none, or something else among them."""
    try:
        return tuple(float(one) for one in as_list(value)) or None
    except (TypeError, ValueError):
        return None


def as_number(value: Any, otherwise: Any = None) -> Any:
    """A finite number, the first of several, else something else."""
    numbers = as_floats(value)
    return numbers[0] if numbers and isfinite(numbers[0]) else otherwise


def as_positive(value: Any) -> float | None:
    """A number above 0, else None."""
    number = as_number(value)
    return number if number is not None and number > 0 else None


def as_pair(value: Any) -> tuple[float, float] | None:
    """Two numbers above 0, else None."""
    numbers = as_floats(value)
    return (numbers[0], numbers[1]) if numbers and len(numbers) == 2 and min(numbers) > 0 else None


def as_integer(value: Any) -> int | None:
    """A whole number, else None."""
    number = as_number(value)
    return None if number is None else int(number)
