"""What of a batch is there already, and what is left to do."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from napari_sam2.batch.config import Settings
from napari_sam2.batch.items import Item, find_items
from napari_sam2.batch.records import Record, Records, request, run_request, stamp
from napari_sam2.errors import InputError
from napari_sam2.frames import open_frames
from napari_sam2.models.cards import CARDS
from napari_sam2.models.errors import ModelError

Standing = Literal["done", "failed", "to do", "changed"]
STANDINGS: tuple[Standing, ...] = ("done", "failed", "to do", "changed")


@dataclass(frozen=True)
class Planned:
    """An item and how it stands.

    Attributes
    ----------
    number : int
        Of the item, from 0, as ``--item`` counts.
    item : Item
        The item.
    standing : {"done", "failed", "to do", "changed"}
        "changed" is done, but of something else than is asked for now.
    why : str
        What has changed, why it failed, or what is missing.
    record : Record or None
        What is on disk of it.
    """

    number: int
    item: Item
    standing: Standing
    why: str
    record: Record | None

    @property
    def is_settled(self) -> bool:
        """Whether it was tried, so that a table of all items need not wait for it."""
        return self.standing in ("done", "failed")


def make_plan(settings: Settings) -> list[Planned]:
    """All items of a batch, each with how it stands.

    Raises
    ------
    InputError, ModelError
        See `find_items`; or the model is neither a name nor a file.
    """
    model = settings.weights
    if model is not None and model not in CARDS and not Path(model).is_file():
        raise ModelError(f"model: {settings.model} is neither a file nor one of {', '.join(CARDS)}")
    return [look_at(settings, item, number) for number, item in enumerate(find_items(settings))]


def count(plan: Sequence[Planned]) -> dict[Standing, int]:
    """How many items stand how."""
    return {standing: sum(planned.standing == standing for planned in plan) for standing in STANDINGS}


def look_at(settings: Settings, item: Item, number: int = 0) -> Planned:
    """How an item stands, by its record and its folder of results."""
    record = Records(settings).read(item)
    found = run_request(settings, item)
    standing: Standing = "to do"
    why = ""
    if record is not None and record.state == "failed":
        standing, why = "failed", last_line(record.error)
    elif record is not None and _is_finished(record, found):
        why = _change(settings, item, record)
        standing = "changed" if why else "done"
    elif item.prompts is not None and not Path(item.prompts).exists():
        why = f"there is no {item.prompts}"
    return Planned(number, item, standing, why, record)


def _is_finished(record: Record, found: str | None) -> bool:
    """Whether the results in the folder are those of the record.

    A run that was killed between giving the folder its name and writing the record leaves the item begun:
    the results are then there, and are not those that were there before.
    """
    if found is None:
        return False
    return record.state == "done" or (record.state == "begun" and found != record.replaced)


def last_line(error: str | None) -> str:
    """The end of a traceback; any other sentence is one line."""
    return (error or "").strip().rpartition("\n")[2]


def _change(settings: Settings, item: Item, record: Record) -> str:
    """What is asked for now and was not when the item was done; empty where that is nothing."""
    now, then = request(settings, item), record.request
    changed = [key for key in now if now[key] != then.get(key)]
    if changed:
        key = changed[0]
        if isinstance(now[key], dict) and key == "prompts":
            return f"{key} changed"
        return f"{key} was {_word(then.get(key))} and is {_word(now[key])}"
    if stamp(item.image) == record.image_stamp or record.fingerprint is None:
        return ""
    # A copy has another time, so only now is the image opened.
    try:
        with open_frames(item.image, **settings.opening()) as frames:
            return "" if frames.fingerprint() == record.fingerprint else "the image changed"
    except InputError as error:
        return f"the image changed: {error}"


def _word(value: Any) -> str:
    return "not given" if value is None else json.dumps(value)
