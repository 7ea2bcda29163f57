"""Where a run's files go: a folder, or a file, that is either whole or not there.

A run writes into `<out>.partial` beside the folder it was asked for and renames it when everything
is in it. The partial folder outlives an interruption, so that the same request goes on where it
stopped.
"""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import FileLock, Timeout

from napari_sam2.errors import InputError

_RECORD = "run.json"
_LEFT_BY_SYSTEMS = {".DS_Store", "Thumbs.db", "desktop.ini"}


@contextmanager
def writing(path: str | os.PathLike[str]) -> Iterator[None]:
    """Say in one sentence why `path` cannot be written.

    Raises
    ------
    InputError
        For every `OSError` raised in the block; a full disk or quota has a sentence of its own.
    """
    try:
        yield
    except OSError as error:
        if _is_full(error):
            raise _disk_full(path) from error
        reason = error.strerror or str(error)
        raise InputError(f"cannot write {path}: {reason}; mend that or choose another place") from error


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a path to write to, which takes the place of `path` only when the block ends well.

    Raises
    ------
    InputError
        When it cannot be written; see `writing`.
    """
    path = Path(path)
    partial = path.with_name(path.name + ".partial")
    with writing(path):
        try:
            yield partial
            os.replace(partial, path)
        except BaseException:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
            raise


class OutputFolder:
    """The folder of results of one run, used as a context manager.

    ::

        with OutputFolder(out, request) as folder:
            write_things_into(folder.path)      # goes on with what is there if folder.resumed
            folder.finish()

    Leaving the block without `finish`, by Ctrl-C or any error, keeps what was written for the next
    run of the same request. A block that wrote nothing leaves nothing behind.

    Parameters
    ----------
    out : path
        The folder asked for. It must not exist, or be empty, unless `overwrite`.
    request : mapping
        Everything the results depend on, as JSON values: the image's fingerprint, the session's
        edits, the model's hash, parameters, version. Only the very same request is resumed.
    overwrite : bool
        Replace the results of an earlier run, at the very end. A folder that holds anything which no
        run wrote, or one of `inputs`, is refused all the same.
    inputs : iterable of path
        What this run reads.

    Attributes
    ----------
    path : Path
        Where to write: `<out>.partial`.
    resumed : bool
        True when `path` holds what an interrupted run of this request has written.

    Raises
    ------
    InputError
        On entering, before anything is written, when the folder cannot be had; on leaving, when the
        disk is full or a write is refused.
    """

    def __init__(
        self,
        out: str | os.PathLike[str],
        request: Mapping[str, Any],
        *,
        overwrite: bool = False,
        inputs: Iterable[str | os.PathLike[str]] = (),
    ) -> None:
        self.out = Path(out).resolve()
        self.path = self._beside(".partial")
        self.resumed = False
        self._replaced = self._beside(".replaced")
        self._request = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
        self._overwrite = overwrite
        self._inputs = [Path(path).resolve() for path in inputs]
        self._lock = FileLock(self._beside(".partial.lock"), timeout=0)
        self._made: list[Path] = []

    def __enter__(self) -> Self:
        if self.out == Path.cwd() or self.out in Path.cwd().parents:
            raise InputError(
                f"--out {self.out} is the folder this command runs in; name a folder in it, such as results"
            )
        with writing(self.out):
            missing = [folder for folder in self.out.parents if not folder.exists()]
            self.out.parent.mkdir(parents=True, exist_ok=True)
            self._made = missing
            try:
                self._lock.acquire()
            except Timeout as error:
                raise InputError(
                    f"another run is writing {self.out}; wait until it ends or choose another --out"
                ) from error
            try:
                self._check_neighbours()
                self._mend_replacement()
                self._check_out()
                self._prepare()
            except BaseException:
                self._leave()
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()
        if isinstance(error, OSError) and _is_full(error):
            raise _disk_full(error.filename or self.path) from error

    def finish(self, *, without: Iterable[str] = ()) -> Path:
        """Give the folder its name.

        Parameters
        ----------
        without : iterable of str
            Names in the folder that served only to go on after an interruption; they are deleted.

        Returns
        -------
        Path
            The folder asked for, now whole.

        Raises
        ------
        InputError
            When the name cannot be given; the results stay in `path`, and the next run of the same
            request finds them there.
        """
        self._check_out()
        scratch = set(without)
        self._record(sorted(_names(self.path) - scratch))
        try:
            if self.out.exists():
                if _names(self.out):
                    self.out.rename(self._replaced)
                else:
                    self.out.rmdir()
            self.path.rename(self.out)
        except OSError as error:
            if self._replaced.exists() and not self.out.exists():
                self._replaced.rename(self.out)
            raise InputError(
                f"{self.out} cannot be replaced ({error.strerror}); close the programs that have its files "
                f"open and run the same command again: the new results wait in {self.path}"
            ) from error
        for name in scratch:
            shutil.rmtree(self.out / name, ignore_errors=True)
        shutil.rmtree(self._replaced, ignore_errors=True)
        return self.out

    def _beside(self, suffix: str) -> Path:
        return self.out.parent / (self.out.name + suffix)

    def _check_out(self) -> None:
        if self.out.is_file():
            raise InputError(f"--out {self.out} is a file; name a folder that does not exist yet")
        names = _names(self.out)
        strangers = sorted(names - _written_by_a_run(self.out) - _LEFT_BY_SYSTEMS)
        if strangers:
            raise InputError(
                f"--out {self.out} holds {strangers[0]!r}, which no run of napari-sam2 wrote; "
                "choose another --out"
            )
        if names - _LEFT_BY_SYSTEMS and not self._overwrite:
            raise InputError(f"{self.out} already holds results; choose another --out or add --overwrite")
        for path in self._inputs:
            if self.out == path or self.out in path.parents:
                raise InputError(
                    f"--out {self.out} would replace the folder that {path} is read from; "
                    "choose another --out"
                )

    def _check_neighbours(self) -> None:
        """Never delete a folder that only happens to have the name of one of ours."""
        for folder in (self.path, self._replaced):
            if folder.exists() and not (folder.is_dir() and _is_ours(folder)):
                raise InputError(
                    f"{folder} is in the way and no run of napari-sam2 wrote it; move it or choose "
                    "another --out"
                )

    def _mend_replacement(self) -> None:
        """Finish, or take back, a replacement in whose midst a run was killed."""
        if self._replaced.exists():
            if self.out.exists():
                shutil.rmtree(self._replaced)
            else:
                self._replaced.rename(self.out)

    def _prepare(self) -> None:
        if self.path.exists():
            with suppress(OSError, ValueError, AttributeError):
                record = json.loads((self.path / _RECORD).read_text(encoding="utf-8"))
                self.resumed = record.get("request") == self._request
            if self.resumed:
                return
            shutil.rmtree(self.path)
        self.path.mkdir()
        self._record([])

    def _record(self, files: list[str]) -> None:
        text = json.dumps({"request": self._request, "files": files}, indent=2) + "\n"
        with whole_file(self.path / _RECORD) as partial:
            partial.write_text(text, encoding="utf-8")

    def _leave(self) -> None:
        wrote_nothing = self.path.is_dir() and _is_ours(self.path) and not _names(self.path)
        if wrote_nothing:
            shutil.rmtree(self.path, ignore_errors=True)
        # The name goes while the lock is still held, so that nobody locks a file about to vanish;
        # where an open file cannot be deleted (Windows) it stays, unlocked and harmless.
        with suppress(OSError):
            Path(self._lock.lock_file).unlink()
        self._lock.release()
        for folder in self._made:
            with suppress(OSError):
                folder.rmdir()


def _is_full(error: OSError) -> bool:
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def _disk_full(path: str | os.PathLike[str]) -> InputError:
    return InputError(
        f"disk full while writing {path}; free some space and run the same command again: "
        "finished frames are kept"
    )


def _names(folder: Path) -> set[str]:
    """Everything in a folder but the record; empty when there is no such folder."""
    if not folder.is_dir():
        return set()
    return {path.name for path in folder.iterdir()} - {_RECORD, _RECORD + ".partial"}


def _is_ours(folder: Path) -> bool:
    return (folder / _RECORD).is_file() or not _names(folder)


def _written_by_a_run(folder: Path) -> set[str]:
    try:
        return set(json.loads((folder / _RECORD).read_text(encoding="utf-8"))["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return set()
