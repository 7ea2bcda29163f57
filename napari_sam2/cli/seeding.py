"""Options of `--prompts auto`: the objects are found by a rule instead of being clicked."""

from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

from cyclopts import Group, Parameter

from napari_sam2.errors import InputError

_GROUP = Group("With --prompts auto", sort_key=10)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Seeding:
    """What is known of the objects that a rule looks for; each field is an option."""

    diameter: Annotated[
        float | None,
        Parameter(group=_GROUP, help="Of a typical object, in pixels; estimated when not given."),
    ] = None
    objects: Annotated[
        Literal["auto", "bright", "dark", "textured"] | None,
        Parameter(
            group=_GROUP,
            help="Bright or dark against what is around them, or textured, as cells in phase contrast; seen "
            "from the image when not given.",
        ),
    ] = None
    min_size: Annotated[
        float | None,
        Parameter(
            group=_GROUP,
            help="Smallest area of an object in pixels; 15 % of a disc of the diameter when not given.",
        ),
    ] = None
    seed_frames: Annotated[
        str | None,
        Parameter(
            group=_GROUP,
            help="Frames to look at, counted from 0, such as 0,20; the first one in time, slices through the "
            "whole stack in depth when not given.",
        ),
    ] = None
    reseed: Annotated[
        int | None,
        Parameter(
            group=_GROUP,
            help="Look again every so many frames: what overlaps no followed mask gets a new id.",
        ),
    ] = None
    limit: Annotated[
        int | None,
        Parameter(group=_GROUP, help="Most objects that are taken; 2000 when not given."),
    ] = None

    def arguments(self) -> dict[str, Any]:
        """What was given, as `napari_sam2.seeding.seed` takes it."""
        names = {"seed_frames": "frames"}
        return {names.get(name, name): value for name, value in asdict(self).items() if value is not None}

    def refuse(self, prompts: str) -> None:
        """Refuse options that a file of prompts leaves without meaning.

        Raises
        ------
        InputError
            One was given.
        """
        for name, value in asdict(self).items():
            if value is not None:
                raise InputError(
                    f"--{name.replace('_', '-')} belongs to --prompts auto, but the prompts are {prompts}; "
                    "leave it out"
                )


AS_FOUND = Seeding()
