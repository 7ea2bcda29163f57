"""What a batch has on disk of each item: whether it is done, and of what."""

import hashlib
import json
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from napari_sam2.batch.config import Seeding, Settings
from napari_sam2.batch.items import RECORDS, Item
from napari_sam2.models.cache import compute_sha256, sha256_of
from napari_sam2.outputs import whole_file

State = Literal["begun", "done", "failed", "busy"]


@dataclass(frozen=True)
class Record:
    """What became of an item.

    Attributes
    ----------
    name, image, prompts : str
        As in `Item`.
    state : {"begun", "done", "failed", "busy"}
        "busy" is never written: another run works on the item.
    request : dict
        All that the results depend on besides the image, see `request`; compared before an item is left
        as it is.
    image_stamp : dict
        Size in bytes and time of change, to see cheaply that the image is still the same.
    fingerprint : str or None
        Of the image, as in `Frames`.
    model_sha256 : str or None
        Checksum of the weights.
    error : str or None
        Why it failed: one sentence, or the traceback of a fault of the program.
    warnings : list of str
        What to know of the image.
    remarks : list of str
        What to know before reading the numbers.
    objects, frames : int or None
        How many objects were found on how many frames; None where a run was killed at its very end.
    began, ended : str
        UTC, ISO 8601.
    seconds : float
        Between them.
    host, device : str
        Where it ran.
    threads : int or None
        That PyTorch had.
    versions : dict
        Of Python and of the libraries that the numbers depend on.
    replaced : str or None
        While an item is begun: the request, as in its ``run.json``, of results that are there already.
    """

    name: str
    image: str
    prompts: str | None
    state: State
    request: dict[str, Any]
    image_stamp: dict[str, int | None] = field(default_factory=dict)
    fingerprint: str | None = None
    model_sha256: str | None = None
    error: str | None = None
    warnings: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    objects: int | None = None
    frames: int | None = None
    began: str = ""
    ended: str = ""
    seconds: float = 0.0
    host: str = ""
    device: str = ""
    threads: int | None = None
    versions: dict[str, str] = field(default_factory=dict)
    replaced: str | None = None

    def as_json(self) -> dict[str, Any]:
        """As values that JSON has; `Record(**values)` is the record again."""
        return asdict(self)


class Records:
    """The records of a batch, one file each, in `<out>/records`.

    Parameters
    ----------
    settings : Settings
        Says where.
    """

    def __init__(self, settings: Settings) -> None:
        self.folder = settings.results / RECORDS

    def lock_file(self, item: Item) -> Path:
        """The file that whoever works on the item holds locked."""
        return self.folder / f"{item.name}.lock"

    def read(self, item: Item) -> Record | None:
        """The item's record; None where there is none that can be read."""
        with suppress(OSError, ValueError, TypeError):
            return Record(**json.loads(self._file(item).read_text(encoding="utf-8")))
        return None

    def write(self, item: Item, record: Record) -> None:
        """Put a record in place of the item's earlier one.

        Raises
        ------
        InputError
            It cannot be written.
        """
        with whole_file(self._file(item)) as partial:
            partial.write_text(json.dumps(record.as_json(), indent=1) + "\n", encoding="utf-8")

    def _file(self, item: Item) -> Path:
        return self.folder / f"{item.name}.json"


def request(settings: Settings, item: Item) -> dict[str, Any]:
    """All that an item's results depend on besides its image; of files their checksums."""
    asked = settings.model_dump(
        mode="json", exclude={"images", "prompts", "out", "name", "workers", "threads", "device", "model"}
    )
    prompts: Any = None
    if isinstance(settings.prompts, Seeding):
        prompts = settings.prompts.model_dump(mode="json")
    elif item.prompts is not None and Path(item.prompts).exists():
        prompts = {"sha256": _sha256(Path(item.prompts))}
    model = settings.weights
    if model is not None and Path(model).is_file():
        model = f"{Path(model).name}, SHA-256 {sha256_of(Path(model))[:12]}"
    return {**asked, "prompts": prompts, "model": model}


def _sha256(path: Path) -> str:
    """Checksum of a file, or of all files of a folder."""
    if not path.is_dir():
        status = path.stat()
        return _sha256_of_file(path, status.st_size, status.st_mtime_ns)
    checksums = [_sha256(file) for file in sorted(path.rglob("*")) if file.is_file()]
    return hashlib.sha256("".join(checksums).encode()).hexdigest()


@lru_cache(maxsize=16)
def _sha256_of_file(path: Path, size: int, modified: int) -> str:
    """One file of prompts may be that of all items."""
    return compute_sha256(path)


def stamp(image: str) -> dict[str, int | None]:
    """Size and time of change of an image; empty for an address, and where there is none."""
    with suppress(OSError):
        status = Path(image).stat()
        return {"size": None if Path(image).is_dir() else status.st_size, "modified": status.st_mtime_ns}
    return {}


def run_request(settings: Settings, item: Item) -> str | None:
    """What the results that lie in the item's folder answer, by their own ``run.json``; None without any."""
    with suppress(OSError, ValueError, TypeError):
        text = (settings.results / item.name / "run.json").read_text(encoding="utf-8")
        return str(json.loads(text)["request"])
    return None
