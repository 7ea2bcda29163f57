"""The manifest of a batch: what was asked, and what became of each item, in one JSON file."""

import json
from collections.abc import Sequence
from pathlib import Path

from napari_sam2 import __version__
from napari_sam2.batch.config import Settings
from napari_sam2.batch.items import MANIFEST
from napari_sam2.batch.plan import Planned, count
from napari_sam2.batch.records import request
from napari_sam2.outputs import whole_file

FORMAT = "napari-sam2 batch"


def write_manifest(settings: Settings, plan: Sequence[Planned]) -> Path:
    """Write ``manifest.json``: program, parameters, and of each item state, hashes, times, versions, failure.

    Raises
    ------
    InputError
        It cannot be written.
    """
    document = {
        "format": FORMAT,
        "version": 1,
        "program": f"napari-sam2 {__version__}",
        "settings": settings.as_json(),
        "counts": count(plan),
        "items": [_entry(settings, planned) for planned in plan],
    }
    path = settings.results / MANIFEST
    with whole_file(path) as partial:
        partial.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def _entry(settings: Settings, planned: Planned) -> dict[str, object]:
    item, record = planned.item, planned.record
    entry: dict[str, object] = {"number": planned.number, **item.as_json(), "state": planned.standing}
    if planned.standing == "to do" or record is None:
        return {**entry, "why": planned.why} if planned.why else entry
    kept = record.as_json()
    asked = kept.pop("request") or request(settings, item)
    for name in ("name", "image", "prompts", "state", "replaced"):
        del kept[name]
    return {**entry, **kept, "prompts_sha256": _checksum(asked.get("prompts")), "model": asked.get("model")}


def _checksum(prompts: object) -> object:
    return prompts.get("sha256") if isinstance(prompts, dict) else None
