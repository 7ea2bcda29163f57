"""What a batch is asked to do: a YAML file, checked key by key."""

import difflib
import json
import os
from collections.abc import Hashable
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from napari_sam2.errors import InputError
from napari_sam2.seeding import RULES, parse_rule

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _as_rule(value: Any) -> Any:
    """`auto` and `auto:RULE`, as on the command line, become the mapping that they stand for."""
    rule = parse_rule(value) if isinstance(value, str) else None
    return value if rule is None else {"auto": rule}


class _Checked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Seeding(_Checked):
    """Prompts by a rule; the fields are the arguments of `napari_sam2.seeding.seed`, `auto` is the rule."""

    auto: Literal["auto", "threshold", "spots", "everything"] = "auto"
    diameter: Positive | None = None
    objects: Literal["auto", "bright", "dark", "textured"] | None = None
    min_size: Positive | None = None
    frames: list[int] | None = None
    reseed: Annotated[int, Field(ge=1)] | None = None
    limit: Annotated[int, Field(ge=1)] | None = None

    def arguments(self) -> dict[str, Any]:
        """What was given, as `seed` takes it."""
        return self.model_dump(exclude_none=True, exclude={"auto"})


class Settings(_Checked):
    """The keys of a batch file; those that `napari-sam2 track` has as options mean the same here.

    Attributes
    ----------
    folder : Path
        That of the file: relative paths begin here.
    images : list of str
        Files, folders that are searched for images, glob patterns, addresses.
    prompts : str or Seeding
        A file for all images; a pattern with {stem} or {folder}, beside each image; or a rule.
    out : str
        The folder of all results.
    name : str
        Pattern for the name of an item and of its folder of results.
    other_image : bool
        Apply saved sessions to images that they were not made on.
    workers : int or None
        Processes, each with one item at a time; when not given one for each GPU, else for each two cores.
    threads : int or None
        Of each process; when not given the cores are shared out.
    """

    folder: Annotated[Path, Field(exclude=True)]
    images: Annotated[list[str], BeforeValidator(_as_list), Field(min_length=1)]
    prompts: Annotated[str | Seeding, BeforeValidator(_as_rule)]
    out: str
    name: str = "{stem}"
    series: int | str | None = None
    axis: Literal["t", "z", "zt"] | None = None
    axes: str | None = None
    index: dict[str, int] | None = None
    channels: int | str | list[int | str] | None = None
    pixel_size: Positive | Annotated[list[Positive], Field(min_length=2, max_length=3)] | None = None
    step: Positive | None = None
    model: str | None = None
    device: str = "auto"
    framing: Literal["auto", "frame", "window"] | None = None
    direction: Literal["both", "forward", "backward"] | None = None
    start: Annotated[int, Field(ge=0)] | None = None
    stop: Annotated[int, Field(ge=1)] | None = None
    other_image: bool = False
    workers: Annotated[int, Field(ge=1)] | None = None
    threads: Annotated[int, Field(ge=1)] | None = None

    @property
    def results(self) -> Path:
        """The folder of all results."""
        return Path(os.path.realpath(self.folder / Path(self.out).expanduser()))

    @property
    def weights(self) -> str | None:
        """The model as `load_model` takes it: a name, or the absolute path of a file."""
        if self.model is None or not (file := self.folder / Path(self.model).expanduser()).is_file():
            return self.model
        return str(file.resolve())

    def as_json(self) -> dict[str, Any]:
        """As values that JSON has, from which `from_json` makes the settings again in another process."""
        return {"folder": str(self.folder), **self.model_dump(mode="json")}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """The settings that `as_json` told."""
        return cls.model_validate_json(json.dumps(values))

    def opening(self) -> dict[str, Any]:
        """What `open_frames` is told of each image."""
        fields = ("series", "axis", "axes", "index", "channels", "step")
        size = self.pixel_size
        return {
            **{field: getattr(self, field) for field in fields},
            "pixel_size": tuple(size) if isinstance(size, list) else size,
        }


def read_config(path: Path) -> Settings:
    """Read a batch file.

    Raises
    ------
    InputError
        One sentence on the first thing that is wrong: the file, the key, how to mend it.
    """
    try:
        with open(path, encoding="utf-8") as file:
            document = yaml.load(file, _UniqueKeys)
    except FileNotFoundError:
        raise InputError(f"there is no file {path}; check the path") from None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not valid YAML: {error}") from error
    if not isinstance(document, dict):
        raise InputError(f"{path} is no batch file; it must have keys, such as images, prompts and out")
    if "folder" in document:
        raise InputError(_unknown_key(path, "folder", _keys(Settings)))
    try:
        return Settings(**document, folder=path.resolve().parent)
    except ValidationError as error:
        raise InputError(_sentence(path, error)) from error
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except TypeError:
        raise InputError(f"{path}: keys must be text, such as images, prompts and out") from None


class _UniqueKeys(yaml.SafeLoader):
    """YAML as it is meant: of a key that comes twice, plain loaders silently forget the first value."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        mapping = super().construct_mapping(node, deep)
        if len(mapping) < len(node.value):
            raise yaml.constructor.ConstructorError(None, None, "a key comes twice", node.start_mark)
        return mapping


def _keys(model: type[_Checked]) -> list[str]:
    return [name for name in model.model_fields if name != "folder"]


def _sentence(path: Path, error: ValidationError) -> str:
    """The first problem in words, unknown keys before all others."""
    problems = [problem for problem in error.errors() if not _beside_the_point(problem)]
    problems.sort(key=lambda problem: problem["type"] != "extra_forbidden")
    problem = problems[0]
    key, *inner = problem["loc"]
    is_rule = "Seeding" in inner
    key = f"prompts.{inner[-1]}" if is_rule and inner[-1] != "Seeding" else str(key)
    if problem["type"] == "extra_forbidden":
        return _unknown_key(path, key.removeprefix("prompts."), _keys(Seeding if is_rule else Settings))
    if problem["type"] == "missing":
        return f"{path}: the key '{key}' is missing; docs/batch.md shows what it is for"
    said = problem["msg"].removeprefix("Input should be ").removeprefix("a valid ")
    if key == "prompts.auto":
        said = f"one of {', '.join(('auto', *RULES))}"
    return f"{path}: the key '{key}' is {problem['input']!r}, where {said} belongs"


def _beside_the_point(problem: Any) -> bool:
    """Of a union pydantic tells what each kind lacks; a rule is no text, and nobody who gave one asks."""
    return problem["loc"][0] == "prompts" and "str" in problem["loc"] and isinstance(problem["input"], dict)


def _unknown_key(path: Path, key: str, known: list[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    mend = f"did you mean '{near[0]}'" if near else f"the keys are {', '.join(known)}"
    return f"{path}: the key '{key}' is not known; {mend}"
