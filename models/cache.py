"""Where downloaded weights lie, and the checksum of any weights file."""

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path

import platformdirs

_CHUNK = 1 << 20


def cache_folder() -> Path:
    """Folder of downloaded weights: NAPARI_SAM2_CACHE, or the system's place for caches."""
    override = os.environ.get("NAPARI_SAM2_CACHE")
    if override:
        return Path(override).expanduser()
    return platformdirs.user_cache_path("napari-sam2", appauthor=False) / "models"


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal; computed once for as long as its size and time stay the same.

    The answer is kept in the cache folder, not beside the file, which may be someone else's.
    """
    note = _note(path)
    try:
        remembered = json.loads(note.read_text(encoding="utf-8"))
        if remembered["stamp"] == _stamp(path):
            return str(remembered["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # never computed, or a note that cannot be read: both mean computing it now
    digest = compute_sha256(path)
    remember_sha256(path, digest)
    return digest


def compute_sha256(path: Path) -> str:
    """SHA-256 of a file, read to its end."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def remember_sha256(path: Path, digest: str) -> None:
    """Keep a checksum that was just computed; a cache that cannot be written costs only time."""
    note = _note(path)
    beside = note.with_suffix(f".{os.getpid()}.tmp")
    with suppress(OSError):
        note.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(json.dumps({"stamp": _stamp(path), "sha256": digest}), encoding="utf-8")
        beside.replace(note)


def _stamp(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def _note(path: Path) -> Path:
    key = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:32]
    return cache_folder() / "checksums" / f"{key}.json"
