"""`napari-sam2 batch`: one analysis on many images."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from napari_sam2.cli.options import Overwrite
from napari_sam2.errors import InputError

if TYPE_CHECKING:
    from napari_sam2.batch.config import Settings
    from napari_sam2.batch.plan import Planned
    from napari_sam2.batch.records import Record

Config = Annotated[Path, Parameter(help="A YAML file that says what to do; see below.")]
DryRun = Annotated[
    bool, Parameter(negative="", help="Only show the items, what stands of each, and what would be done.")
]
Number = Annotated[
    int | None,
    Parameter(
        name="--item",
        help="Do this one item, counted from 0 in the order that --dry-run shows, as a task of a job array.",
    ),
]
Collect = Annotated[
    bool,
    Parameter(
        negative="",
        help="Only write the manifest and the tables of all items that are done, though some may be missing.",
    ),
]
Scheduler = Annotated[
    str | None,
    Parameter(help="Address of a Dask scheduler, such as tcp://node1:8786, whose workers do the items."),
]


def batch(
    config: Config,
    /,
    *,
    dry_run: DryRun = False,
    item: Number = None,
    collect: Collect = False,
    scheduler: Scheduler = None,
    overwrite: Overwrite = False,
) -> None:
    """Do on many images what `napari-sam2 track` does on one.

    For example:

        napari-sam2 batch batch.yaml --dry-run
        napari-sam2 batch batch.yaml
        napari-sam2 batch batch.yaml --scheduler tcp://node1:8786
        napari-sam2 batch batch.yaml --item $SLURM_ARRAY_TASK_ID

    with a file batch.yaml such as

        images: movies/*.tif
        prompts: "{stem}_clicks.csv"
        out: results
        step: 30

    images   files, folders to search, glob patterns, addresses; one or a list
    prompts  a pattern beside each image, with {stem} or {folder}; one file for
             all, also a session.json with other_image: true; or a rule, such as
             auto:threshold, that needs no clicks
    out      the folder of all results
    name     pattern of the items' names; {stem} when not given
    workers, threads
             processes, and threads of each; one for each GPU, else the cores
             are shared out

    and axis, axes, index, series, channels, pixel_size, step, model, device,
    framing, direction, start, stop as the options of `track`. Paths begin at the
    folder of the file.

    Each item gets a folder with what `track` writes. Beside these lie

        regions.parquet, tracks.parquet (in depth volumes.parquet too)
                       the tables of all items, each row with its item
        manifest.json  versions, hashes, parameters, times and failures

    An item that fails stops no other one. The same command again does what is
    missing; several at once share the work. The exit status is 2 when an item
    failed.
    """
    from napari_sam2.batch.config import read_config
    from napari_sam2.batch.items import MANIFEST
    from napari_sam2.batch.plan import make_plan
    from napari_sam2.batch.running import collect as write_tables
    from napari_sam2.batch.running import run_batch

    settings = read_config(config)
    if dry_run:
        _show(settings, make_plan(settings))
        return
    if collect:
        outcome, chosen = write_tables(settings), None
    else:
        chosen = item
        outcome = run_batch(settings, number=item, scheduler=scheduler, overwrite=overwrite, tell=_tell)
    print(_summary(settings, outcome.plan))
    for table in outcome.tables:
        print(table)
    if outcome.elsewhere:
        print(f"another run is at work on {', '.join(outcome.elsewhere)}")
    failed = [planned for planned in outcome.named("failed") if chosen in (None, planned.number)]
    for planned in failed:
        print(f"failed: {planned.item.name}: {planned.why}")
    if failed:
        raise InputError(
            f"{len(failed)} of {len(outcome.plan)} items failed; mend them and run the same command again, "
            f"which does only what is missing: {settings.results / MANIFEST} tells all"
        )


def _show(settings: "Settings", plan: "list[Planned]") -> None:
    print(_summary(settings, plan))
    rows = [("ITEM", "", "NAME", "IMAGE", "PROMPTS")]
    rows += [
        (
            str(planned.number),
            planned.standing,
            planned.item.name,
            _short(settings, planned.item.image),
            _short(settings, planned.item.prompts) if planned.item.prompts else "by rule",
        )
        for planned in plan
    ]
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    for row, why in zip(rows, ["", *(planned.why for planned in plan)], strict=True):
        cells = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print(f"{cells}  {why}".rstrip())


def _summary(settings: "Settings", plan: "list[Planned]") -> str:
    from napari_sam2.batch.plan import count

    counts = [f"{n} {standing}" for standing, n in count(plan).items() if n]
    return f"{len(plan)} item{'s' * (len(plan) != 1)}, {', '.join(counts)}: {settings.results}"


def _short(settings: "Settings", path: str) -> str:
    """A path as it is seen from the batch file, where that is shorter."""
    try:
        return min(os.path.relpath(path, settings.folder), path, key=len) if os.path.isabs(path) else path
    except ValueError:  # another drive
        return path


def _tell(through: int, whole: int, record: "Record") -> None:
    words = {"done": f"done in {record.seconds:.1f} s", "busy": "at work in another run"}
    print(f"{through}/{whole}  {record.name}  {words.get(record.state, record.state)}", flush=True)
