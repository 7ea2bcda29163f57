"""How good are seeds without clicks? `python -m benchmarks.seeding --data DIR [--frames N] [--out FILE]`.

For every labelled set and every rule: precision and recall of the seeds on three frames, matched at an IoU
of one half and by their centres; and the scores of the tracks that the bundled model makes of them, beside
the classical way, which is the rule `threshold` on every frame, linked by laptrack. Nothing about the
objects is given: size and kind are what the rules see themselves.
"""

import argparse
import json
import platform
import time
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
from napari_sam2.seeding import RULES, seeded_session
from napari_sam2.seeding.finder import Finder
from napari_sam2.session import Session

Labels = NDArray[np.int32]
Row = dict[str, Any]
SEED_COLUMNS = ("precision", "recall", "F1", "centre precision", "centre recall")
TRACK_COLUMNS = ("SEG", "DET", "TRA", "IDF1", "HOTA")
CLASSICAL = "threshold + laptrack"


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


def seeds_of(data: Labelled, rule: str, model: LoadedModel) -> Row:
    """Precision and recall on the frames at a quarter, a half and three quarters."""
    n_frames = len(data.frames)
    frames = sorted({n_frames // 4, n_frames // 2, 3 * n_frames // 4})
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
        "diameter": round(finder.look.diameter, 1),
        "objects": finder.look.objects,
        "seconds a frame": (time.process_time() - started) / len(frames),
    }


def part(data: Labelled, n_frames: int) -> tuple[Frames, NDArray[np.integer]]:
    """The first frames in time, the middle ones in depth."""
    is_depth = data.name.startswith("z_")
    start = max(0, (len(data.frames) - n_frames) // 2) if is_depth else 0
    chosen = range(start, min(start + n_frames, len(data.frames)))
    stack = np.stack([data.frames[t] for t in chosen])
    stack = stack[..., 0] if stack.shape[-1] == 1 else stack
    return open_frames(stack, axis="z" if is_depth else "t"), data.labels[chosen.start : chosen.stop]


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
    return {name: float(row[name]) for name in TRACK_COLUMNS} | {"tracks": int(row["result_objects"])}


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


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.seeding", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of labelled sets")
    parser.add_argument("--frames", type=int, default=12, help="frames that are followed (default 12)")
    parser.add_argument("--reseed", type=int, default=5, help="frames between seeds in time (default 5)")
    parser.add_argument("--sets", nargs="*", help="only these sets")
    parser.add_argument("--rules", nargs="*", default=list(RULES))
    parser.add_argument("--model", default="nano")
    parser.add_argument("--json", type=Path, help="write the numbers here, set by set")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    model = load_model(asked.model, "cpu")
    seeds: list[Row] = []
    tracks: list[Row] = []

    def note(rows: list[Row], name: str, method: str, measure: Any) -> None:
        try:
            rows.append({"set": name, "method": method, **measure()})
            print(json.dumps(rows[-1]), flush=True)
        except InputError as error:
            print(f"{name}, {method}: {error}", flush=True)
        if asked.json:
            asked.json.write_text(json.dumps({"seeds": seeds, "tracks": tracks}, indent=1))

    for data in read_sets(asked.data):
        if asked.sets and data.name not in asked.sets:
            continue
        for rule in asked.rules:
            note(seeds, data.name, rule, lambda data=data, rule=rule: seeds_of(data, rule, model))
        # Footage whose labels hold one or a few of all the objects in it tells nothing of tracks.
        if not data.consistent or data.frames.is_rgb:
            continue
        frames, truth = part(data, asked.frames)
        for rule in asked.rules:
            note(tracks, data.name, rule, lambda f=frames, t=truth, r=rule: tracks_of(f, t, r, model, None))
        if frames.axis == "t":
            method = f"threshold, again every {asked.reseed}"
            again = lambda f=frames, t=truth: tracks_of(f, t, "threshold", model, asked.reseed)  # noqa: E731
            note(tracks, data.name, method, again)
        note(tracks, data.name, CLASSICAL, lambda f=frames, t=truth: classical_of(f, t))
    print(
        f"\nnapari-sam2 {__version__}, {model.name}, {platform.processor() or platform.machine()}, 1 thread"
    )
    print(f"\n{markdown(seeds, SEED_COLUMNS)}\n\n{markdown(tracks, TRACK_COLUMNS)}")


if __name__ == "__main__":
    main()
