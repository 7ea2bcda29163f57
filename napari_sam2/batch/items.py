"""The items of a batch: each image with its prompts and the name of its results."""

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from napari_sam2.batch.config import Seeding, Settings
from napari_sam2.batch.matching import images_in, is_pattern, matches
from napari_sam2.errors import InputError
from napari_sam2.frames.sources import ADDRESS

RECORDS, MANIFEST = "records", "manifest.json"
"""What lies beside the items in the folder of results, with their tables as ``.parquet``."""

_SUFFIXES = (".ome", ".nii")
"""What is left of the suffixes .ome.tif, .ome.zarr, .nii.gz when the last is gone."""


@dataclass(frozen=True)
class Item:
    """One image of a batch.

    Attributes
    ----------
    name : str
        Of the item and of the folder with its results.
    image : str
        Absolute path, or address.
    prompts : str or None
        Absolute path of the file with its prompts; None where a rule finds them.
    """

    name: str
    image: str
    prompts: str | None

    def as_json(self) -> dict[str, Any]:
        """As values that JSON has; `Item(**values)` is the item again."""
        return asdict(self)


def find_items(settings: Settings) -> list[Item]:
    """The items that a batch file asks for, always in the same order.

    Files that are the prompts of an image, and whatever lies in the folder of results, are no images.

    Raises
    ------
    InputError
        An entry matches nothing, two items would have one name, or no image has prompts.
    """
    images = [image for entry in settings.images for image in _images(settings, entry)]
    items = [_item(settings, image) for image in dict.fromkeys(images)]
    prompts = {item.prompts for item in items}
    items = [item for item in items if item.image not in prompts]
    if not items:
        raise InputError("images: all that matches are files of prompts; name the images too")
    _check_names(items)
    _check_prompts(settings, items)
    return items


def _images(settings: Settings, entry: str) -> Iterator[str]:
    """The images that one entry of the batch file stands for."""
    if ADDRESS.match(entry):
        yield entry
        return
    path = settings.folder / Path(entry).expanduser()
    if is_pattern(entry):
        found = matches(path)
    elif path.is_dir() and path.suffix.lower() != ".zarr":
        found = images_in(path) or ([path] if any(path.iterdir()) else [])
    else:
        found = [path] if path.exists() else []
    # Not `resolve`, which raises for a link to itself; that one fails alone when its item is done.
    found = [image for image in found if not Path(os.path.realpath(image)).is_relative_to(settings.results)]
    if not found:
        raise InputError(f"images: {entry} matches nothing in {settings.folder}; check the spelling")
    yield from map(str, found)


def _item(settings: Settings, image: str) -> Item:
    path = Path(image)
    stem, folder = path.stem, path.parent.name
    if stem.lower().endswith(_SUFFIXES):
        stem = Path(stem).stem
    name = _filled(settings.name, "name", stem, folder)
    is_taken = name in (RECORDS, MANIFEST) or name.endswith(".parquet")
    if is_taken or name.startswith(".") or {"/", "\\"} & set(name) or not name.strip():
        raise InputError(
            f"{image} would have the name '{name}', which no folder of results can have; choose another "
            "pattern as 'name', such as item_{stem}"
        )
    if isinstance(settings.prompts, Seeding):
        return Item(name, image, None)
    prompts = Path(_filled(settings.prompts, "prompts", stem, folder)).expanduser()
    is_beside = "{" in settings.prompts and not ADDRESS.match(image)
    return Item(name, image, str(((path.parent if is_beside else settings.folder) / prompts).absolute()))


def _filled(pattern: str, key: str, stem: str, folder: str) -> str:
    try:
        return pattern.format(stem=stem, folder=folder)
    except (KeyError, IndexError, ValueError, AttributeError):
        raise InputError(
            f"{key}: the pattern '{pattern}' is not understood; its placeholders are {{stem}}, the image's "
            "name without suffix, and {folder}, that of the folder it lies in"
        ) from None


def _check_names(items: list[Item]) -> None:
    # Not every file system tells A from a, and results are copied between them.
    taken: dict[str, Item] = {}
    for item in items:
        other = taken.setdefault(item.name.casefold(), item)
        if other is not item:
            raise InputError(
                f"{other.image} and {item.image} would both have the results {item.name}; give names that "
                "differ, such as name: '{folder}_{stem}'"
            )


def _check_prompts(settings: Settings, items: list[Item]) -> None:
    """Refuse what no item could be done with; the lack of a few is told when they are to be done."""
    first = items[0]
    if first.prompts is None:
        return
    if not any(Path(item.prompts or "").exists() for item in items):
        others = f", nor one for any other of the {len(items)} images" if len(items) > 1 else ""
        raise InputError(f"prompts: there is no {first.prompts}{others}; check the spelling")
    is_one = len({item.prompts for item in items}) == 1
    if is_one and len(items) > 1 and first.prompts.endswith(".json") and not settings.other_image:
        raise InputError(
            f"prompts: the session {first.prompts} was made on one image and the batch has {len(items)}; "
            "add other_image: true to apply it to them all"
        )
