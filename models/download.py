"""Fetch published weights: resumed, checked, and put in place only when whole."""

import errno
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from filelock import FileLock

from napari_sam2.models.cache import cache_folder, compute_sha256, remember_sha256, sha256_of
from napari_sam2.models.cards import ModelCard
from napari_sam2.models.errors import ModelError

Progress = Callable[[int, int | None], None]
"""Called with the bytes that are there and the bytes there will be (None when not known)."""

_CHUNK = 1 << 20
_TRIES = 3  # in a row without a single new byte
_PAUSE = 0.5  # seconds before the second try; doubles
_TIMEOUT = (10, 60)  # seconds to connect, and between two chunks


class _Refused(Exception):
    """One home of the file cannot give it; the message says why."""


def weights_path(card: ModelCard) -> Path:
    """Where the weights of a card lie, or will lie once they are downloaded."""
    return card.bundled_path or cache_folder() / card.file_name


def download_weights(card: ModelCard, *, mirror: str | None = None, progress: Progress | None = None) -> Path:
    """Weights of a published model on this machine, downloaded when they are not there yet.

    An interrupted download goes on where it stopped. A second process that asks for the same file
    waits for the first.

    Parameters
    ----------
    card : ModelCard
        A model with `urls`.
    mirror : str, optional
        Address of a folder that has the file, used instead of the public homes; also the environment
        variable NAPARI_SAM2_MIRROR.
    progress : callable, optional
        See `Progress`. An exception from it stops the download; what arrived is kept.

    Returns
    -------
    Path
        A file whose checksum is the published one.

    Raises
    ------
    ModelError
        The file cannot be fetched, checked or stored.
    """
    target = weights_path(card)
    mirror = mirror or os.environ.get("NAPARI_SAM2_MIRROR")
    urls = (f"{mirror.rstrip('/')}/{card.file_name}",) if mirror else card.urls
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{target}.lock"):
            if not target.is_file():
                _fetch(card, urls, target, progress)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise ModelError(_no_room(card, target)) from error
        raise ModelError(
            f"{card.name} cannot be stored as {target} ({error.strerror or error}): "
            "set NAPARI_SAM2_CACHE to a folder that can be written."
        ) from error
    return verified(card, target)


def verified(card: ModelCard, path: Path) -> Path:
    """The path itself, when the file there is the one that the card describes.

    Raises
    ------
    ModelError
        Its checksum is not the published one.
    """
    digest = sha256_of(path)
    if card.sha256 is not None and digest != card.sha256:
        raise ModelError(
            f"{path} is not the published {card.name} (its SHA-256 is {digest}, "
            f"the published one {card.sha256}): delete it and download the model again."
        )
    return path


@contextmanager
def progress_bar(label: str) -> Iterator[Progress]:
    """A bar on the terminal, drawn by the callback that this yields."""
    from tqdm import tqdm

    with tqdm(desc=label, unit="B", unit_scale=True, disable=None) as bar:

        def show(done: int, total: int | None) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show


def _fetch(card: ModelCard, urls: tuple[str, ...], target: Path, progress: Progress | None) -> None:
    """Download into a file beside the target, check it, and rename it."""
    part = target.with_name(f"{target.name}.part")
    begun = _size(part)
    if card.bytes is not None and shutil.disk_usage(target.parent).free < card.bytes - begun:
        raise ModelError(_no_room(card, target))
    refusals = []
    for url in urls:
        try:
            _transfer(url, part, card.bytes, progress)
            break
        except _Refused as error:
            refusals.append(f"{url} ({error})")
    else:
        raise ModelError(
            f"{card.name} could not be downloaded from {' nor from '.join(refusals)}: check the connection, "
            f"name a mirror in NAPARI_SAM2_MIRROR, or put the file by hand at {target}."
        )
    digest = compute_sha256(part)
    if digest == card.sha256 or card.sha256 is None:
        part.replace(target)
        remember_sha256(target, digest)
        return
    part.unlink()
    if begun:
        # What an earlier, interrupted download left was wrong or of another file: once more, whole.
        _fetch(card, urls, target, progress)
        return
    raise ModelError(
        f"{card.name} arrived damaged from {url} (its SHA-256 is {digest}, the published one "
        f"{card.sha256}), so it was thrown away: try again, or name a mirror in NAPARI_SAM2_MIRROR."
    )


def _transfer(url: str, part: Path, expected: int | None, progress: Progress | None) -> None:
    """Bring a partial file to its full size, through dropped connections."""
    tries = 0
    while expected is None or _size(part) != expected:
        before = _size(part)
        try:
            if _receive(url, part, expected, progress):
                return
            reason = "the connection broke off"
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError):
            reason = "no connection" if _size(part) == before else "the connection broke off"
        except requests.RequestException as error:
            raise _Refused(str(error)) from error
        tries = 1 if _size(part) > before else tries + 1
        if tries == _TRIES:
            raise _Refused(reason)
        time.sleep(_PAUSE * 2 ** (tries - 1))


def _receive(url: str, part: Path, expected: int | None, progress: Progress | None) -> bool:
    """One request: append to the partial file what it lacks; True when it then has its full size."""
    have = _size(part)
    headers = {"Accept-Encoding": "identity"}  # else the length and the range may be of a packed body
    if have:
        headers["Range"] = f"bytes={have}-"
    with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as response:
        resumes = response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        if response.status_code == 416 or (response.status_code == 206 and not resumes):
            part.unlink()
            return False
        if response.status_code not in (200, 206):
            raise _Refused(f"HTTP {response.status_code}, {response.reason}")
        if not resumes:
            have = 0
        length = response.headers.get("Content-Length")
        total = have + int(length) if length else None
        if expected is not None and total not in (None, expected):
            raise _Refused(f"it has {total} bytes, the published file has {expected}")
        with part.open("ab" if resumes else "wb") as file:
            for chunk in response.iter_content(_CHUNK):
                file.write(chunk)
                have += len(chunk)
                if progress is not None:
                    progress(have, expected or total)
    return have == (expected or total or have)


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _no_room(card: ModelCard, target: Path) -> str:
    needed = f"{card.bytes / 1e6:.0f} MB" if card.bytes else "its size"
    return (
        f"there is no room for {card.name} ({needed}) in {target.parent}: "
        "free some space there, or set NAPARI_SAM2_CACHE to a folder on another disk."
    )
