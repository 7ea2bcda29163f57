"""What do the choices about windows matter? `python -m benchmarks.windows --data DIR [--only NAME ...]`.

Objects of every labelled set are followed from a box and from a click, once with the windows as they
are and once for each change: wider or narrower windows, none narrower than some pixels, size held or
given up faster, another limit for showing the whole frame, one view instead of four for the prompt and
nothing made to agree with it. The tables show the mean IoU on the prompted frame and over the later ones.
"""

import argparse
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch

from benchmarks.quality import Labelled, Target, first_targets, iou, read_sets, table
from napari_sam2 import Session, open_frames, track
from napari_sam2.models import windows
from napari_sam2.models.load import LoadedModel, load_model
from napari_sam2.models.tracker import Framing


@dataclass(frozen=True)
class Change:
    """One way to do it otherwise: constants of `models.windows`, the framing, the views of a prompt."""

    constants: dict[str, float] = field(default_factory=dict)
    framing: Framing = "auto"
    average: bool = True

    @contextmanager
    def made(self) -> Iterator[None]:
        """The constants are changed inside."""
        with ExitStack() as changes:
            for name, value in self.constants.items():
                changes.enter_context(patch.object(windows, name, value))
            yield


CHANGES = {
    "as used": Change(),
    "one view, prompts as advice": Change(average=False),
    "1.3 times the object": Change({"RATIO": 1.3}),
    "2 times the object": Change({"RATIO": 2.0}),
    "2.5 times the object": Change({"RATIO": 2.5}),
    "3.5 times the object": Change({"RATIO": 3.5}),
    "32 px at least": Change({"SMALLEST": 32}),
    "96 px at least": Change({"SMALLEST": 96}),
    "size not smoothed": Change({"SMOOTHING": 0.0}),
    "size smoothed more": Change({"SMOOTHING": 0.9}),
    "lost: not growing": Change({"MOST_GROWTH": 1.0}),
    "lost: growing to 4": Change({"MOST_GROWTH": 4.0}),
    "whole frame from half of it on": Change({"LARGE": 0.5}),
    "whole frame from 0.7 of it on": Change({"LARGE": 0.7}),
    "always a window": Change(framing="window"),
    "always the whole frame": Change(framing="frame"),
}


def part_of(data: Labelled, frames: int) -> Labelled:
    """The first frames of a movie; the middle of a stack, where its objects are."""
    n = len(data.labels)
    start = max(0, (n - frames) // 2) if data.name.startswith("z_") else 0
    span = range(start, min(start + frames, n))
    images = np.stack([data.frames.rgb(t).transpose(1, 2, 0) for t in span])
    shown = open_frames((images * 255).round().astype(np.uint8), axis="t")
    return Labelled(data.name, shown, data.labels[span.start : span.stop], data.consistent)


def followed(
    data: Labelled, asked: dict[int, Target], model: LoadedModel, kind: str, framing: Framing
) -> tuple[float, float]:
    """Mean IoU on the prompted frames, and over all later ones."""
    session = Session(data.frames)
    for i, target in asked.items():
        if kind == "box":
            session.add_box(object_id=i, frame=target.frame, box=target.box)
        else:
            session.add_points(object_id=i, frame=target.frame, points=[target.deep], labels=[1])
    first: list[float] = []
    later: dict[int, list[float]] = {i: [] for i in asked}
    for found in track(session, model=model, direction="forward", framing=framing):
        for i, mask in zip(found.object_ids, found.masks, strict=True):
            wanted = data.labels[found.frame] == i
            if found.frame == asked[i].frame:
                first.append(iou(mask, wanted))
            elif wanted.any():
                later[i].append(iou(mask, wanted))
    return float(np.mean(first)), float(np.mean([np.mean(scores) for scores in later.values() if scores]))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.windows", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of labelled sets")
    parser.add_argument("--model", default="nano", help="a model's name or its weights file")
    parser.add_argument("--objects", type=int, default=12, help="objects of each set")
    parser.add_argument("--frames", type=int, default=8, help="frames of each set")
    parser.add_argument("--sets", nargs="*", help="only these sets")
    parser.add_argument("--only", nargs="*", choices=CHANGES, help="only these changes")
    parser.add_argument("--json", type=Path, help="write the numbers here too")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model = load_model(arguments.model)
    sets = [
        part_of(data, arguments.frames)
        for data in read_sets(arguments.data)
        if data.consistent and data.name in (arguments.sets or [data.name])
    ]
    # Changes are the rows of these tables, sets their columns.
    tables: dict[str, dict[str, dict[str, float]]] = {}
    for name in arguments.only or CHANGES:
        change = CHANGES[name]
        for data in sets:
            asked = first_targets(data, arguments.objects, np.random.default_rng(0))
            for kind in ("click", "box"):
                with change.made():
                    averaging = replace(model, average=change.average)
                    numbers = followed(data, asked, averaging, kind, change.framing)
                for moment, value in zip(("prompted", "later"), numbers, strict=True):
                    row = tables.setdefault(f"{kind}, {moment}", {}).setdefault(name, {})
                    row[data.name] = round(value, 3)
        print(name, {title: rows[name] for title, rows in tables.items()}, flush=True)
        if arguments.json:
            arguments.json.write_text(json.dumps(tables, indent=1))
    for title, rows in tables.items():
        means = {name: row | {"mean": float(np.mean(list(row.values())))} for name, row in rows.items()}
        print(f"\n{title}\n\n{table(means).rsplit(chr(10), 1)[0]}")


if __name__ == "__main__":
    main()
