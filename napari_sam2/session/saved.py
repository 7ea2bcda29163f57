"""Saved sessions: versioned JSON that names the image, the model and the program, one edit a line."""

import dataclasses
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any

from napari_sam2 import __version__
from napari_sam2.errors import InputError
from napari_sam2.outputs import whole_file
from napari_sam2.session import edits
from napari_sam2.session.masks import PackedMask

if TYPE_CHECKING:
    from napari_sam2.session.session import Session

FORMAT = "napari-sam2 session"
VERSION = 2
"""2 knows divisions, absences and stopped propagations; files of version 1 are read as they are."""

_KINDS: dict[str, type[edits.Edit]] = {
    "add_points": edits.AddPoints,
    "add_box": edits.AddBox,
    "add_mask": edits.AddMask,
    "remove_prompt": edits.RemovePrompt,
    "remove_point": edits.RemovePoint,
    "delete_object": edits.DeleteObject,
    "rename_object": edits.RenameObject,
    "lock": edits.Lock,
    "unlock": edits.Unlock,
    "mark_division": edits.MarkDivision,
    "unmark_division": edits.UnmarkDivision,
    "set_parameter": edits.SetParameter,
    "propagate": edits.Propagate,
}
"""Kinds of edits by the name of the session's method that makes them, whose arguments are its fields."""

_FORMERLY_LEFT_OUT: dict[str, dict[str, Any]] = {"propagate": {"results": None}}
"""Fields that version 1 did not have."""

_OPTIONS: dict[str, Callable[[Any], bool]] = {
    "image_size": lambda value: type(value) is int,
    "precision": lambda value: value in ("float32", "bfloat16"),
    "average": lambda value: type(value) is bool,
}
"""Options of a model, and what they may be."""

_NAMES: dict[Any, str] = {kind: name for name, kind in _KINDS.items()}


@dataclasses.dataclass(frozen=True)
class SavedImage:
    """The image that a session was made on, as the file tells it.

    Attributes
    ----------
    name : str
        As in `Frames`.
    source : str or None
        Name of its file or folder, without where that lies; None for an array in memory.
    axis : str
        "t" or "z".
    fingerprint : str
        As in `Frames`.
    """

    name: str
    source: str | None
    axis: str
    fingerprint: str


@dataclasses.dataclass(frozen=True)
class ModelStamp:
    """Which model made, or is to make, a session's masks.

    Attributes
    ----------
    name : str
        The name of its card, or the stem of its file.
    sha256 : str
        Checksum of its weights.
    options : dict
        How it was loaded, where not as by default: `image_size`, `precision`, `average`.
    """

    name: str
    sha256: str
    options: dict[str, Any] = dataclasses.field(default_factory=dict)


def write(session: "Session", path: str | os.PathLike[str], more: Mapping[str, Any] | None = None) -> None:
    """Write a session, and `more` JSON values with it; an earlier file is replaced as a whole or kept.

    Raises
    ------
    InputError
        When it cannot be written.
    """
    content = _as_text(session, more).encode("utf-8")
    with whole_file(path) as partial, open(partial, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def read_image(path: str | os.PathLike[str]) -> SavedImage:
    """Read which image a saved session was made on.

    Raises
    ------
    InputError
        The file is no session.
    """
    path = Path(path)
    image = _field(_read(path), "image", dict, path)
    source = None if image.get("source") is None else _field(image, "source", str, path)
    name, axis, fingerprint = (_field(image, key, str, path) for key in ("name", "axis", "fingerprint"))
    return SavedImage(name, source, axis, fingerprint)


def read_into(session: "Session", path: str | os.PathLike[str], *, check_image: bool) -> None:
    """Do all edits of a saved session again, in a session that has none yet.

    Raises
    ------
    InputError
        With the name of the file and what is wrong with it.
    """
    path = Path(path)
    document = _read(path)
    if check_image:
        _check_image(session, document, path)
    session.model = _model(document, path)
    steps = _field(document, "edits", list, path)
    for number, step in enumerate(steps, start=1):
        try:
            _redo(session, step)
        except InputError as error:
            raise InputError(f"{path}: edit {number} does not apply: {error}") from error
    if dict(session.parameters) != _field(document, "parameters", dict, path):
        raise InputError(
            f"{path}: its parameters are not those that its edits set; "
            "change a parameter by a set_parameter edit"
        )


def read_more(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The values that were kept with a session; empty when there are none.

    Raises
    ------
    InputError
        The file is no session.
    """
    more = _read(Path(path)).get("more")
    return more if isinstance(more, dict) else {}


def _as_text(session: "Session", more: Mapping[str, Any] | None) -> str:
    frames = session.frames
    head = {
        "format": FORMAT,
        "version": VERSION,
        "program": f"napari-sam2 {__version__}",
        "image": {
            "name": frames.name,
            # Only the name: a path would tell where somebody keeps patient data.
            "source": None if frames.source is None else PureWindowsPath(frames.source).name,
            "shape": [int(size) for size in frames.shape],
            "axis": frames.axis,
            "dtype": str(frames.dtype),
            "fingerprint": frames.fingerprint(),
        },
        "model": None if session.model is None else _stamp_as_json(session.model),
        "parameters": dict(session.parameters),
        **({"more": dict(more)} if more else {}),
    }
    lines = [f" {_json(name)}: {_json(value)}" for name, value in head.items()]
    steps = ",\n".join(f"  {_json(_as_json(step))}" for step in session.history)
    lines.append(' "edits": [\n' + steps + "\n ]" if steps else ' "edits": []')
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _json(value: Any) -> str:
    return json.dumps(value, allow_nan=False)


def _stamp_as_json(stamp: ModelStamp) -> dict[str, Any]:
    named = {"name": stamp.name, "sha256": stamp.sha256}
    return named | ({"options": stamp.options} if stamp.options else {})


def _as_json(step: edits.Edit) -> dict[str, Any]:
    if isinstance(step, edits.Group):
        return {"kind": "group", "edits": [_as_json(edit) for edit in step.edits]}
    values = {field.name: getattr(step, field.name) for field in dataclasses.fields(step)}  # type: ignore[arg-type]
    for name, value in values.items():
        if isinstance(value, PackedMask):
            values[name] = {"shape": list(value.shape), "runs": value.lengths()}
    return {"kind": _NAMES[type(step)], **values}


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
    except FileNotFoundError:
        raise InputError(f"there is no session file {path}; check the path") from None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not a session file: it holds no valid JSON ({error})") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise InputError(f"{path} is not a session file: its field 'format' is not {FORMAT!r}")
    version = document.get("version")
    if type(version) is not int or version < 1:
        raise InputError(f"{path}: the field 'version' must be a whole number from 1, not {version!r}")
    if version > VERSION:
        raise InputError(
            f"{path} was saved by a newer program ({document.get('program', 'unknown')}, session version "
            f"{version}); this one reads up to version {VERSION}: update napari-sam2"
        )
    return document


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not allowed")


def _field(document: dict[str, Any], name: str, kind: type, path: Path) -> Any:
    value = document.get(name)
    if not isinstance(value, kind):
        words: dict[type, str] = {list: "a list", dict: "an object", str: "text"}
        raise InputError(f"{path}: the field {name!r} must be {words[kind]}; save the session again")
    return value


def _check_image(session: "Session", document: dict[str, Any], path: Path) -> None:
    image = _field(document, "image", dict, path)
    if _field(image, "fingerprint", str, path) != session.frames.fingerprint():
        raise InputError(
            f"{path} was made on another image, {image.get('name')} of shape {_shape(image.get('shape'))}, "
            f"than {session.frames.name} of shape {_shape(session.frames.shape)}; open that image, or replay "
            "the session with --other-image to apply it to this one"
        )


def _shape(shape: Any) -> str:
    return " x ".join(map(str, shape)) if isinstance(shape, list | tuple) else "unknown"


def _model(document: dict[str, Any], path: Path) -> ModelStamp | None:
    if document.get("model") is None:
        return None
    model = _field(document, "model", dict, path)
    options = _field(model, "options", dict, path) if "options" in model else {}
    for name, value in options.items():
        if name not in _OPTIONS or not _OPTIONS[name](value):
            raise InputError(
                f"{path}: the model's option {name!r} cannot be {value!r}; save the session again"
            )
    return ModelStamp(_field(model, "name", str, path), _field(model, "sha256", str, path), options)


def _redo(session: "Session", step: Any) -> None:
    kind, values = _opened(step)
    if kind != "group":
        return _redo_edit(session, kind, values)
    _check_names(values, {"edits"})
    if not isinstance(values["edits"], list):
        raise InputError("the field 'edits' of a group must be a list")
    with session.group():
        for edit in values["edits"]:
            _redo_edit(session, *_opened(edit))


def _redo_edit(session: "Session", kind: Any, values: dict[str, Any]) -> None:
    if not isinstance(kind, str) or kind not in _KINDS:
        raise InputError(f"its kind {kind!r} is not known; this program knows {', '.join(_KINDS)} and group")
    fields = dataclasses.fields(_KINDS[kind])  # type: ignore[arg-type]
    values = _FORMERLY_LEFT_OUT.get(kind, {}) | values
    _check_names(values, {field.name for field in fields})
    if "mask" in values:
        values["mask"] = _mask(values["mask"])
    method: Callable[..., None] = getattr(session, kind)
    method(**values)


def _opened(step: Any) -> tuple[Any, dict[str, Any]]:
    if not isinstance(step, dict):
        raise InputError(f"it must be an object with a field 'kind', not {step!r}")
    return step.get("kind"), {name: value for name, value in step.items() if name != "kind"}


def _check_names(values: dict[str, Any], expected: set[str]) -> None:
    if values.keys() != expected:
        raise InputError(f"it has the fields {sorted(values)} where {sorted(expected)} belong")


def _mask(value: Any) -> PackedMask:
    try:
        height, width = value["shape"]
        return PackedMask.from_lengths((height, width), value["runs"])
    except (TypeError, KeyError, ValueError) as error:
        raise InputError(f"its mask is damaged ({error})") from error
