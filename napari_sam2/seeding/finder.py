"""A rule with its settings: what it saw of a stack at the first look, and what it finds on a frame."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_sam2.replay import model_of, options_of
from napari_sam2.seeding.look import Grey, Look, Objects, look_at
from napari_sam2.seeding.spots import find_spots
from napari_sam2.seeding.threshold import find_by_threshold
from napari_sam2.session import Session

if TYPE_CHECKING:
    from napari_sam2.models.load import LoadedModel
    from napari_sam2.models.tracker import Framing

RULES = ("threshold", "spots", "everything")
LEAST_SHARE = 0.15
"""Smallest area of an object against a disc of the typical diameter."""


@dataclass(frozen=True)
class Finder:
    """A rule on one stack.

    Attributes
    ----------
    session : Session
        Of the stack.
    asked : str
        The rule, or "auto".
    frames_to_look_at : sequence of int
        The one with most contrast tells what the objects look like.
    diameter, objects, min_size, model, device, framing
        As for `napari_sam2.seeding.seed`, None where they are not given.
    """

    session: Session
    asked: str
    frames_to_look_at: Sequence[int]
    diameter: float | None
    objects: Objects | None
    min_size: float | None
    model: "str | os.PathLike[str] | LoadedModel | None"
    device: str
    framing: "Framing | None"

    @property
    def rule(self) -> str:
        """The rule, never "auto"."""
        if self.asked != "auto":
            return self.asked
        return "everything" if self.session.frames.is_rgb else "threshold"

    @cached_property
    def look(self) -> Look:
        """What the objects look like; a given diameter or kind is taken as it is."""
        greys = (self._grey(frame) for frame in self.frames_to_look_at)
        return look_at(max(greys, key=np.std), self.diameter, self.objects)

    @cached_property
    def loaded(self) -> "LoadedModel":
        """The model, loaded when it is first asked."""
        from napari_sam2.models.load import LoadedModel, load_model

        if isinstance(self.model, LoadedModel):
            return self.model
        if self.model is not None:
            return load_model(self.model, self.device)
        return load_model(model_of(self.session), self.device, **options_of(self.session))

    def find(self, frame: int) -> NDArray[np.int32]:
        """The objects of a frame as a label image, int32 (y, x), numbered from 1."""
        if self.look.is_noise:
            return np.zeros(self.session.frames.shape[1:], np.int32)
        min_size = self.min_size
        if min_size is None:
            min_size = LEAST_SHARE * np.pi / 4 * self.look.diameter**2
        if self.rule == "threshold":
            return find_by_threshold(self._grey(frame), self.look, min_size)
        if self.rule == "spots":
            return find_spots(self._grey(frame), self.look, min_size)
        from napari_sam2.seeding.everything import find_everything

        stack, diameter = self.session.frames, self.look.diameter
        return find_everything(self.loaded, stack, frame, diameter, min_size, self.framing)

    def why_nothing(self, frames: Sequence[int]) -> str:
        """The sentence for a person whose image holds nothing that the rule can find."""
        where = f"frame {frames[0]}" if len(frames) == 1 else f"{len(frames)} frames"
        beginning = f"the rule {self.rule} finds no object on {where} of {self.session.frames.name}"
        if self.look.is_noise:
            return f"{beginning}, which shows only noise; say that it has bright or dark ones, or prompt them"
        return (
            f"{beginning}, where it looked for {self.look.objects} ones of about {self.look.diameter:.0f} "
            "pixels; give the diameter, the kind of objects or another frame, or prompt them"
        )

    def _grey(self, frame: int) -> Grey:
        """The frame as the model sees it, without colour."""
        grey_hw: Grey = self.session.frames.rgb(frame).mean(axis=0)
        return grey_hw
