"""One item of a batch, from its image to its folder of results and its record."""

import json
import platform
import socket
import traceback
import warnings
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from napari_sam2 import __version__
from napari_sam2.analysis.errors import MeasureError
from napari_sam2.batch.config import Seeding, Settings
from napari_sam2.batch.items import Item
from napari_sam2.batch.plan import look_at
from napari_sam2.batch.records import Record, Records, request, run_request, stamp
from napari_sam2.errors import ImageWarning, InputError
from napari_sam2.frames import Frames, open_frames
from napari_sam2.models.errors import ModelError
from napari_sam2.replay import DEFAULT_MODEL, check_model, model_of, options_of, read_session
from napari_sam2.seeding import seeded_session
from napari_sam2.session import Session
from napari_sam2.transfer import SIZES_AND_VIEW, apply_session

if TYPE_CHECKING:
    from napari_sam2.models.load import LoadedModel

_PATIENCE = 3.0
"""Seconds to wait for an item that another process holds: one that was killed lets go within these."""

_LIBRARIES = ("numpy", "pandas", "scikit-image", "scipy", "tifffile", "torch", "zarr")


def do_item(settings: Settings, item: Item, *, overwrite: bool = False) -> Record:
    """Find the masks of one item and write its results and its record, unless they are there.

    Whatever is wrong with the item is in the record that is returned, not raised.

    Parameters
    ----------
    settings : Settings
        Of the batch.
    item : Item
        One of its items.
    overwrite : bool
        Replace results that were made of something else.

    Raises
    ------
    InputError
        The record cannot be written.
    """
    records = Records(settings)
    records.folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(records.lock_file(item), timeout=_PATIENCE):
            record = _do(settings, item, records, overwrite)
            records.write(item, record)
            return record
    except Timeout:
        return Record(item.name, item.image, item.prompts, "busy", {})


def _do(settings: Settings, item: Item, records: Records, overwrite: bool) -> Record:
    planned = look_at(settings, item)
    if planned.standing == "done" and planned.record is not None:
        return planned.record if planned.record.state == "done" else _finished(settings, planned.record)
    began = datetime.now(UTC)
    record = Record(
        item.name,
        item.image,
        item.prompts,
        "begun",
        request(settings, item),
        stamp(item.image),
        began=began.isoformat(timespec="milliseconds"),
        host=socket.gethostname(),
        versions=_versions(),
        replaced=run_request(settings, item),
    )
    records.write(item, record)
    with warnings.catch_warnings(record=True, action="always", category=ImageWarning) as remarks:
        try:
            record = _finished(settings, replace(record, **_results(settings, item, overwrite)))
        except Exception as error:
            record = replace(record, state="failed", error=_told(error))
    ended = datetime.now(UTC)
    return replace(
        record,
        warnings=list(dict.fromkeys(str(remark.message) for remark in remarks)),
        ended=ended.isoformat(timespec="milliseconds"),
        seconds=round((ended - began).total_seconds(), 3),
    )


def _results(settings: Settings, item: Item, overwrite: bool) -> dict[str, Any]:
    """Write the folder of results; what ran where."""
    import torch

    from napari_sam2.run import track_to_folder

    with open_frames(item.image, **settings.opening()) as frames:
        session, model = _session(settings, item, frames)
        results = track_to_folder(
            session,
            settings.results / item.name,
            model=model,
            framing=settings.framing,
            overwrite=overwrite,
            inputs=[] if item.prompts is None else [item.prompts],
        )
    return {
        "objects": results.n_objects,
        "frames": results.n_frames,
        "remarks": list(results.remarks),
        "device": str(model.device),
        "threads": torch.get_num_threads(),
    }


def _session(settings: Settings, item: Item, frames: Frames) -> tuple[Session, "LoadedModel"]:
    """The item's prompts, to be propagated, and the model that finds its masks."""
    span: Any = {field: getattr(settings, field) for field in ("direction", "start", "stop")}
    weights = settings.weights
    if isinstance(settings.prompts, Seeding):
        model = _load(weights or DEFAULT_MODEL, settings.device)
        span["direction"] = settings.direction or "both"
        arguments = {**settings.prompts.arguments(), **span}
        rule = settings.prompts.auto
        return seeded_session(frames, rule, model=model, framing=settings.framing, **arguments), model
    path = Path(str(item.prompts))
    if path.suffix.lower() != ".json":
        return read_session(path, frames, **span), _load(weights or DEFAULT_MODEL, settings.device)
    session = apply_session(
        path,
        frames,
        other_image=settings.other_image,
        given=[name for name in SIZES_AND_VIEW if getattr(settings, name) is not None],
        model=None if weights is None else _load(weights, settings.device),
        device=settings.device,
        framing=settings.framing,
        **span,
    )
    if weights is not None:
        return session, _load(weights, settings.device)
    model = _load(model_of(session), settings.device, tuple(options_of(session).items()))
    check_model(session, model)
    return session, model


@lru_cache(maxsize=1)
def _load(weights: str, device: str, options: tuple[tuple[str, Any], ...] = ()) -> "LoadedModel":
    """A worker's items share a model, so it is loaded once."""
    from napari_sam2.models.load import load_model

    return load_model(weights, device, **dict(options))


def _finished(settings: Settings, record: Record) -> Record:
    """The record of an item whose results are there, completed by what they say."""
    about = json.loads((settings.results / record.name / "session.json").read_text(encoding="utf-8"))
    return replace(
        record,
        state="done",
        fingerprint=about["image"]["fingerprint"],
        model_sha256=about["model"]["sha256"],
        replaced=None,
    )


def _told(error: Exception) -> str:
    """A person's mistake as its sentence, a fault of the program as its traceback."""
    if isinstance(error, InputError | ModelError | MeasureError):
        return " ".join(str(error).split())
    if isinstance(error, MemoryError):
        return "there was not enough memory; give each worker more, or take fewer workers"
    return "".join(traceback.format_exception(error))


@lru_cache
def _versions() -> dict[str, str]:
    return {
        "napari-sam2": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        **{name: version(name) for name in _LIBRARIES},
    }
