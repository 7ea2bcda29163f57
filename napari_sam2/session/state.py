"""What the edits of a session amount to: its objects and its parameters, in values that compare exactly."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from napari_sam2.models.prompts import Prompt
from napari_sam2.session.masks import PackedMask

Value = str | int | float | bool | None
"""What a parameter can be."""


@dataclass(frozen=True)
class Given:
    """What was said about one object on one frame: a prompt in the form that is kept and compared.

    Attributes
    ----------
    points, labels, box
        As in `napari_sam2.models.prompts.Prompt`.
    mask : PackedMask or None
        A mask prompt, packed.
    """

    points: tuple[tuple[float, float], ...] = ()
    labels: tuple[int, ...] = ()
    box: tuple[float, float, float, float] | None = None
    mask: PackedMask | None = None

    def prompt(self) -> Prompt:
        """The same as the model takes it."""
        return Prompt(self.points, self.labels, self.box, None if self.mask is None else self.mask.unpack())


@dataclass(frozen=True)
class TrackedObject:
    """One object of a session.

    Attributes
    ----------
    name : str
        What a person calls it.
    prompts : mapping of int to Given
        What was said on each prompted frame.
    locks : mapping of int to PackedMask
        The accepted mask of each locked frame; an empty one accepts that the object is absent.
    divisions : mapping of int to tuple of int
        The daughters' ids, by the first frame on which they are apart.
    """

    name: str
    prompts: Mapping[int, Given] = field(default_factory=dict)
    locks: Mapping[int, PackedMask] = field(default_factory=dict)
    divisions: Mapping[int, tuple[int, ...]] = field(default_factory=dict)


class Division(NamedTuple):
    """A division that a person marked, in the order in which `analysis.mark_divisions` takes it.

    Attributes
    ----------
    mother : int
        Who divides.
    frame : int
        The first on which the daughters are apart.
    daughters : tuple of int
        Their ids; the mother's own where it goes on as one.
    """

    mother: int
    frame: int
    daughters: tuple[int, ...]


@dataclass
class State:
    """What all edits so far amount to.

    Attributes
    ----------
    objects : dict of int to TrackedObject
        By object id.
    parameters : dict of str to Value
        By name.
    """

    objects: dict[int, TrackedObject] = field(default_factory=dict)
    parameters: dict[str, Value] = field(default_factory=dict)
