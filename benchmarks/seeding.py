"""How good are seeds without clicks? `python -m benchmarks.seeding --data DIR [--frames N] [--out FILE]`.

For every labelled set and every rule: precision and recall of the seeds on a few frames, matched at an IoU
of one half and by their centres; and the scores of the tracks that the bundled model makes of them, beside
the classical way, which is the rule `threshold` on every frame, linked by laptrack. Nothing about the
objects is given: size and kind are what the rules see themselves.
"""

import argparse
import platform
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.quality import Labelled, read_sets
from napari_sam2 import __version__, open_frames, track
from napari_sam2.analysis import link_objects, measure_regions, score_labels
from napari_sam2.errors import InputError
from napari_sam2.frames import Frames
from napari_sam2.models.load import LoadedModel, load_model
from napari_sam2.seeding import seeded_session
from napari_sam2.seeding.finder import Finder
from napari_sam2.session import Session

Labels = NDArray[np.int32]
Row = dict[str, Any]
SEED_COLUMNS = (
    "seeds",
    "objects",
    "precision",
    "recall",
    "F1",
    "centre precision",
    "centre recall",
    "seconds a frame",
)
SCORES = ("SEG", "DET", "TRA", "IDF1", "HOTA")
TRACK_COLUMNS = ("tracks", *SCORES, "seconds")
CLASSICAL = "threshold + laptrack"
MARK = "<!-- measured -->"


def agreement(found: Labels, truth: NDArray[np.integer]) -> tuple[int, int, int, int, int]:
    """Seeds, objects, pairs with IoU >= 0.5, seeds alone in an object, objects with a seed's centre."""
    ids, true_ids = (np.unique(labels[labels > 0]) for labels in (found, truth))
    pairs = 0
    for i in true_ids:
        mask = truth == i
        for j in np.unique(found[mask & (found > 0)]):
            other = found == j
            pairs += 2 * np.count_nonzero(mask & other) >= np.count_nonzero(mask | other)
    hit = {int(truth[middle(found == j)]) for j in ids} - {0}
    return len(ids), len(true_ids), pairs, len(hit), len(hit)


def middle(mask: NDArray[np.bool_]) -> tuple[int, int]:
    """The pixel farthest from the outline."""
    from scipy import ndimage

    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    return int(y), int(x)


def seeds_of(data: Labelled, rule: str, model: LoadedModel, n_stills: int) -> Row:
    """Precision and recall on frames evenly spread."""
    frames = sorted({int((k + 0.5) * len(data.frames) / n_stills) for k in range(n_stills)})
    finder = Finder(Session(data.frames), rule, frames, None, None, None, model, "cpu", None)
    started = time.process_time()
    counts = sum(np.array(agreement(finder.find(t), data.labels[t])) for t in frames)
    n, true, pairs, alone, hit = (float(count) for count in counts)
    precision, recall = pairs / max(n, 1), pairs / true
    return {
        "precision": precision,
        "recall": recall,
        "F1": 2 * pairs / max(n + true, 1),
        "centre precision": alone / max(n, 1),
        "centre recall": hit / true,
        "seeds": int(n),
        "objects": int(true),
        "seconds a frame": (time.process_time() - started) / len(frames),
    }


def cropped(data: Labelled, side: int) -> Labelled:
    """The middle of a set."""
    _, height, width = data.labels.shape
    top, left = max(0, (height - side) // 2), max(0, (width - side) // 2)
    middle = np.s_[top : top + side, left : left + side]
    stack = np.stack([data.frames[t][middle] for t in range(len(data.frames))])
    stack = stack[..., 0] if stack.shape[-1] == 1 else stack
    frames = open_frames(stack, axis="t", contrast=data.frames.contrast)
    return Labelled(data.name, frames, data.labels[(slice(None), *middle)], data.consistent)


def part(data: Labelled, n_frames: int) -> tuple[Frames, NDArray[np.integer]]:
    """The first frames in time, the middle ones in depth."""
    is_depth = data.name.startswith("z_")
    start = max(0, (len(data.frames) - n_frames) // 2) if is_depth else 0
    chosen = range(start, min(start + n_frames, len(data.frames)))
    stack = np.stack([data.frames[t] for t in chosen])
    stack = stack[..., 0] if stack.shape[-1] == 1 else stack
    axis = "z" if is_depth else "t"
    return open_frames(stack, axis=axis, contrast=data.frames.contrast), data.labels[
        chosen.start : chosen.stop
    ]


def tracks_of(
    frames: Frames, truth: NDArray[np.integer], rule: str, model: LoadedModel, reseed: int | None
) -> Row:
    """What the model makes of the seeds of a rule."""
    started = time.process_time()
    session = seeded_session(frames, rule, model=model, reseed=reseed)
    labels = track(session, model=model).to_labels()
    return _scores(labels, truth) | {"seconds": time.process_time() - started}


def classical_of(frames: Frames, truth: NDArray[np.integer]) -> Row:
    """The rule `threshold` on every frame, linked."""
    started = time.process_time()
    every = range(len(frames))
    finder = Finder(Session(frames), "threshold", [0, len(frames) // 2], None, None, None, None, "cpu", None)
    found = np.stack([finder.find(t) for t in every])
    links, _ = link_objects(measure_regions(found, frames, axis="t"))
    labels = np.zeros_like(found)
    for frame, rows in links.groupby("frame"):
        new = np.zeros(found.max() + 1, np.int32)
        new[rows["object_id"]] = rows["track_id"]
        labels[int(frame)] = new[found[int(frame)]]  # type: ignore[call-overload]
    return _scores(labels, truth) | {"seconds": time.process_time() - started}


def _scores(labels: Labels, truth: NDArray[np.integer]) -> Row:
    row = score_labels(labels, truth.astype(np.int32)).iloc[0]
    return {name: float(row[name]) for name in SCORES} | {"tracks": int(row["result_objects"])}


def markdown(rows: list[Row], columns: tuple[str, ...]) -> str:
    """Rows as a table, with the mean of each method over the sets that all have."""
    head = ["set", "method", *columns]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    methods = list(dict.fromkeys(row["method"] for row in rows))
    names_of = {m: {row["set"] for row in rows if row["method"] == m} for m in methods}
    most = max(len(names) for names in names_of.values())
    means = [
        {"set": "mean", "method": m}
        | {c: float(np.nanmean([row[c] for row in rows if row["method"] == m])) for c in columns}
        for m in methods
        if len(names_of[m]) == most
    ]
    for row in [*rows, *means]:
        cells = (f"{row[c]:.2f}" if isinstance(row[c], float) else str(row[c]) for c in columns)
        lines.append(f"| {row['set']} | {row['method']} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def report(seeds: list[Row], tracks: list[Row], model: LoadedModel, n_frames: int) -> str:
    """Both tables with what they were made by."""
    chip = platform.processor() or platform.machine()
    made = f"napari-sam2 {__version__}, model {model.name}, one thread of {chip}, {platform.system()}"
    return (
        f"{made}.\n\nSeeds:\n\n{markdown(seeds, SEED_COLUMNS)}\n\n"
        f"Tracks over at most {n_frames} frames:\n\n{markdown(tracks, TRACK_COLUMNS) if tracks else ''}\n"
    )


def write_below_mark(path: Path, text: str) -> None:
    """Replace what stands below the mark in a page, or make the page."""
    above = path.read_text(encoding="utf-8").partition(MARK)[0] if path.exists() else ""
    path.write_text(f"{above}{MARK}\n\n{text}", encoding="utf-8")


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.seeding", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of labelled sets")
    parser.add_argument("--frames", type=int, default=12, help="frames that are followed (default 12)")
    parser.add_argument("--crop", type=int, help="only so many pixels in the middle, each way")
    parser.add_argument("--stills", type=int, default=3, help="frames seeded of each set (default 3)")
    parser.add_argument("--reseed", type=int, default=5, help="frames between seeds in time (default 5)")
    parser.add_argument("--sets", nargs="*", help="only these sets")
    parser.add_argument("--model", default="nano")
    parser.add_argument("--out", type=Path, help="page to write the tables into, as they grow")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    model = load_model(asked.model, "cpu")
    sets = [data for data in read_sets(asked.data) if not asked.sets or data.name in asked.sets]
    sets = [cropped(data, asked.crop) for data in sets] if asked.crop else sets
    # A run that is stopped has told most when what takes longest comes last.
    sets.sort(key=lambda data: len(np.unique(data.labels)))
    # Footage whose labels hold one or a few of all the objects in it tells nothing of tracks.
    movies = [(data.name, *part(data, asked.frames)) for data in sets if not data.frames.is_rgb]
    seeds: list[Row] = []
    tracks: list[Row] = []

    def note(rows: list[Row], name: str, method: str, measure: Callable[[], Row]) -> None:
        try:
            rows.append({"set": name, "method": method, **measure()})
        except InputError as error:
            print(f"{name}, {method}: {error}", flush=True)
            return
        print(rows[-1], flush=True)
        if asked.out:
            write_below_mark(asked.out, report(seeds, tracks, model, asked.frames))

    def stills(rule: str) -> None:
        for data in sets:
            note(seeds, data.name, rule, partial(seeds_of, data, rule, model, asked.stills))

    def follow(method: str, rule: str, reseed: int | None = None) -> None:
        for name, frames, truth in movies:
            if reseed is None or (frames.axis == "t" and reseed < len(frames)):
                note(tracks, name, method, partial(tracks_of, frames, truth, rule, model, reseed))

    stills("threshold")
    stills("spots")
    follow("threshold", "threshold")
    for name, frames, truth in movies:
        note(tracks, name, CLASSICAL, partial(classical_of, frames, truth))
    follow(f"threshold, again every {asked.reseed}", "threshold", asked.reseed)
    stills("everything")
    follow("spots", "spots")
    follow("everything", "everything")
    print(report(seeds, tracks, model, asked.frames))


if __name__ == "__main__":
    main()
