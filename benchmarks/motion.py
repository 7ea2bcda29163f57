"""How fast may an object be? `python -m benchmarks.motion --data DIR [--objects N]`.

A frame of every labelled set is seen by a camera that pans steadily, so that everything moves by some
share of the object's extent from one frame to the next; beyond the frame's border it is mirrored, and
noise is new in every frame. The table shows the mean IoU of objects boxed on the first frame over the
later ones on which at least half of them is in sight, with the second look at what moved far and
without it.
"""

import argparse
import json
from contextlib import nullcontext
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch

from benchmarks.quality import Labelled, Target, iou, read_sets, table, targets_of
from napari_sam2 import Session, open_frames, track
from napari_sam2.models import second_look
from napari_sam2.models.load import LoadedModel, load_model

SPEEDS = (0.0, 0.15, 0.3, 0.5)
"""Share of an object's extent by which it moves from frame to frame."""
FRAMES, NOISE = 6, 4.0


def panned(data: Labelled, target: Target, speed: float, rng: np.random.Generator) -> Labelled:
    """One frame, seen by a camera that moves; the labels hold the target alone."""
    height, width = target.mask.shape
    margin = max(height, width) // 2
    image = np.moveaxis(data.frames.rgb(target.frame), 0, -1) * 255
    wide = np.pad(image, ((margin, margin), (margin, margin), (0, 0)), mode="reflect")
    labels = np.pad(target.mask, margin)
    y0, x0, y1, x1 = target.box
    step = speed * (max(y1 - y0, x1 - x0) + 1)
    angle = rng.uniform(0, 2 * np.pi)
    images, masks = [], []
    for t in range(FRAMES):
        y, x = (
            margin + int(np.clip(round(part * step * t), -margin, margin))
            for part in (np.sin(angle), np.cos(angle))
        )
        seen = wide[y : y + height, x : x + width] + rng.normal(0, NOISE, (height, width, 1))
        images.append(seen.clip(0, 255).astype(np.uint8))
        masks.append(labels[y : y + height, x : x + width])
    return Labelled(data.name, open_frames(np.stack(images), axis="t"), np.stack(masks), True)


def followed(data: Labelled, target: Target, model: LoadedModel) -> float | None:
    """Mean IoU over the later frames; None where the object is soon out of sight."""
    session = Session(data.frames)
    session.add_box(object_id=1, frame=0, box=target.box)
    least = np.count_nonzero(target.mask) / 2
    scores = [
        iou(found.masks[0], data.labels[found.frame])
        for found in track(session, model=model, direction="forward")
        if found.frame and np.count_nonzero(data.labels[found.frame]) >= least
    ]
    return float(np.mean(scores)) if scores else None


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.motion", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of labelled sets")
    parser.add_argument("--model", default="nano", help="a model's name or its weights file")
    parser.add_argument("--objects", type=int, default=8, help="objects of each set")
    parser.add_argument("--json", type=Path, help="write the numbers here too")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model = load_model(arguments.model)
    rows: dict[str, dict[str, float]] = {}
    for data in read_sets(arguments.data):
        targets = targets_of(data, arguments.objects, np.random.default_rng(0))
        for speed in SPEEDS:
            for name, away in (("one look", np.inf), ("as used", None)):
                rng = np.random.default_rng(1)
                with nullcontext() if away is None else patch.object(second_look, "AWAY", away):
                    scores = [followed(panned(data, target, speed, rng), target, model) for target in targets]
                kept = [score for score in scores if score is not None]
                if kept:
                    rows.setdefault(data.name, {})[f"{speed:g}, {name}"] = round(float(np.mean(kept)), 3)
        print(data.name, rows[data.name], flush=True)
        if arguments.json:
            arguments.json.write_text(json.dumps(rows, indent=1))
    print(table(rows))


if __name__ == "__main__":
    main()
