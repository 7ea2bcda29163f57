"""What the edits of a session amount to: its objects and its parameters, in values that compare exactly."""

from collections.abc import Mapping
from dataclasses import dataclass, field

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
        The accepted mask of each locked frame.
    """

    name: str
    prompts: Mapping[int, Given] = field(default_factory=dict)
    locks: Mapping[int, PackedMask] = field(default_factory=dict)


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
