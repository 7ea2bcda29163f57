"""A batch from its plan to its manifest and the table of all items."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from filelock import FileLock

from napari_sam2.batch.cluster import connect, run_on_cluster
from napari_sam2.batch.combined import check_parquet, combine
from napari_sam2.batch.config import Settings
from napari_sam2.batch.items import RECORDS
from napari_sam2.batch.manifest import write_manifest
from napari_sam2.batch.plan import Planned, make_plan
from napari_sam2.batch.processes import environments, run_locally
from napari_sam2.batch.records import Record
from napari_sam2.errors import ImageWarning, InputError
from napari_sam2.models.cards import CARDS
from napari_sam2.outputs import writing

Tell = Callable[[int, int, Record], None]
"""Called after each item with how many are through, how many there are to do, and its record."""


@dataclass(frozen=True)
class Outcome:
    """How a batch stands after a run of it.

    Attributes
    ----------
    plan : list of Planned
        Every item.
    elsewhere : list of str
        Names of items that another run is at work on.
    tables : list of str
        The tables of all items, when they were written.
    """

    plan: list[Planned]
    elsewhere: list[str]
    tables: list[str]

    def named(self, standing: str) -> list[Planned]:
        """The items that stand so."""
        return [planned for planned in self.plan if planned.standing == standing]


def run_batch(
    settings: Settings,
    *,
    number: int | None = None,
    scheduler: str | None = None,
    overwrite: bool = False,
    tell: Tell | None = None,
) -> Outcome:
    """Do what of a batch is not done; when every item has been tried, combine their tables.

    An item that fails stops no other one. Any number of runs, on any number of machines that share the
    folder, may be at work on one batch: each item is done by one of them.

    Parameters
    ----------
    settings : Settings
        The batch.
    number : int, optional
        Do only this item, counted from 0 in the order of the plan.
    scheduler : str, optional
        Address of a Dask scheduler; else the items are done in processes of this machine.
    overwrite : bool
        Replace results that were made of other parameters, prompts or images than now.
    tell : callable, optional
        See `Tell`.

    Raises
    ------
    InputError, ModelError, MeasureError
        What concerns the batch as a whole; the failures of items are in the outcome.
    """
    check_parquet()
    plan = make_plan(settings)
    chosen = plan if number is None else [_numbered(plan, number)]
    _check_changes(settings, chosen, overwrite)
    _fetch_model(settings)
    waiting = [planned.item for planned in chosen if planned.standing != "done"]
    busy: list[str] = []
    through = 0

    def hear(record: Record) -> None:
        nonlocal through
        through += 1
        if record.state == "busy":
            busy.append(record.name)
        if tell is not None:
            tell(through, len(waiting), record)

    if waiting:
        client = None if scheduler is None else connect(scheduler)
        with writing(settings.results):
            settings.results.mkdir(parents=True, exist_ok=True)
        if client is None:
            places = environments(settings, len(waiting))
            run_locally(settings, waiting, places, overwrite=overwrite, tell=hear)
        else:
            run_on_cluster(settings, waiting, client, overwrite=overwrite, tell=hear)
    with warnings.catch_warnings(action="ignore", category=ImageWarning):  # told above already
        return collect(settings, elsewhere=busy, only_whole=True)


def collect(settings: Settings, *, elsewhere: Sequence[str] = (), only_whole: bool = False) -> Outcome:
    """Write the manifest, and the tables of all items that are done.

    Parameters
    ----------
    settings : Settings
        The batch.
    elsewhere : sequence of str
        Items that another run is at work on.
    only_whole : bool
        Write no tables while there are items that nobody has tried.

    Raises
    ------
    InputError, MeasureError
        Nothing was ever done, or something cannot be read or written.
    """
    check_parquet()
    if not settings.results.is_dir():
        raise InputError(f"there are no results in {settings.results} yet; run the batch first")
    records = settings.results / RECORDS
    records.mkdir(exist_ok=True)
    with FileLock(records / ".collecting"):
        plan = make_plan(settings)
        write_manifest(settings, plan)
        tables = []
        if not only_whole or all(planned.is_settled for planned in plan):
            done = [planned.item.name for planned in plan if planned.standing == "done"]
            tables = combine(settings.results, done)
    return Outcome(plan, list(elsewhere), [str(table) for table in tables])


def _numbered(plan: Sequence[Planned], number: int) -> Planned:
    if not 0 <= number < len(plan):
        raise InputError(f"there is no item {number}: the batch has items 0 to {len(plan) - 1}")
    return plan[number]


def _check_changes(settings: Settings, chosen: Sequence[Planned], overwrite: bool) -> None:
    changed = [planned for planned in chosen if planned.standing == "changed"]
    if changed and not overwrite:
        first = changed[0]
        raise InputError(
            f"{len(changed)} of {len(chosen)} items in {settings.results} were done with something else "
            f"({first.item.name}: {first.why}); add --overwrite to do those again, or choose another out"
        )


def _fetch_model(settings: Settings) -> None:
    """Bring the model once, before a hundred workers ask for it."""
    from napari_sam2.models.download import download_weights, weights_path

    card = CARDS.get(settings.weights or "")
    if card is not None and card.urls and not weights_path(card).is_file():
        download_weights(card)
