"""How good are the masks? `python -m benchmarks.quality --data DIR [--model NAME|FILE] [--follow N]`.

For every labelled set of the folder: mean IoU from one click at the deepest point, from one off-centre
click and from one box, on single frames through the tracker's own choice of window, beside classical
and geometric baselines; the IoU after three corrective clicks; and with --follow the mean IoU over all
later frames. The baselines get more than the model: the object's true extent for their window, and
the set's median radius for the disc.

With --families the same for windows of the procedural families, of a seed that training never draws,
and for objects that vanish and come back in procedural clips: how many absences the object score
finds at five per cent of false alarms.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
import tifffile
import torch
from imageio.v3 import imread
from numpy.typing import NDArray
from scipy import ndimage

from benchmarks.baselines import Box, Mask, disc, ellipse, otsu_at, otsu_follow, otsu_in, watershed_at
from napari_sam2 import Session, open_frames, track
from napari_sam2.frames import Frames
from napari_sam2.models.load import LoadedModel, load_model
from napari_sam2.models.prompts import Prompt
from napari_sam2.models.scene import Scene
from napari_sam2.models.sizing import window_for
from napari_sam2.models.solver import Solver, Task
from napari_sam2.models.tracker import Framing
from napari_sam2.models.training.validation import Validation
from napari_sam2.models.windows import Window, around
from napari_sam2.tracking import suitable_framing

LEAST_EXTENT, CORRECTIONS = 8, 3
CLIPS = 64
FOLLOWED = 0.5
"""A mask is on its object when their IoU is at least this."""


@dataclass(frozen=True)
class Labelled:
    """One set: a stack and its labels, (frames, y, x), with ids that go on where `consistent`."""

    name: str
    frames: Frames
    labels: NDArray[np.integer]
    consistent: bool


@dataclass(frozen=True)
class Target:
    """One object on one frame."""

    frame: int
    mask: Mask
    deep: tuple[float, float]
    off: tuple[float, float]
    box: Box


def read_sets(folder: Path) -> list[Labelled]:
    """All sets of the folder that have labels."""
    sets = []
    for path in sorted(folder.glob("*/labels.tif")):
        stack = path.parent / "frames.tif"
        pictures = sorted((path.parent / "frames").glob("*.jpg"))
        array = tifffile.imread(stack) if stack.exists() else np.stack([imread(p) for p in pictures])
        frames = open_frames(array, axis="t")
        labels = tifffile.imread(path)
        sets.append(Labelled(path.parent.name, frames, labels, "sparse" not in path.parent.name))
    return sets


def target_of(frame: int, mask: Mask, rng: np.random.Generator) -> Target | None:
    """The prompts for an object; None for one that is too small to be asked for."""
    ys, xs = np.nonzero(mask)
    if not len(ys) or max(np.ptp(ys), np.ptp(xs)) + 1 < LEAST_EXTENT:
        return None
    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    deep = np.unravel_index(depth.argmax(), depth.shape)
    candidates = np.argwhere((depth >= 0.25 * depth.max()) & (depth <= 0.6 * depth.max()) & mask)
    off = candidates[rng.integers(len(candidates))] if len(candidates) else deep
    box = (float(ys.min()), float(xs.min()), float(ys.max()), float(xs.max()))
    return Target(frame, mask, (float(deep[0]), float(deep[1])), (float(off[0]), float(off[1])), box)


def targets_of(data: Labelled, n: int, rng: np.random.Generator) -> list[Target]:
    """Up to `n` objects, spread over the frames."""
    pairs = [(t, i) for t, labels in enumerate(data.labels) for i in np.unique(labels[labels > 0])]
    found = (target_of(*_one(data, pairs[k]), rng) for k in rng.permutation(len(pairs)))
    chosen: list[Target] = []
    for target in found:
        if target is not None:
            chosen.append(target)
        if len(chosen) == n:
            break
    return chosen


def _one(data: Labelled, pair: tuple[int, int]) -> tuple[int, Mask]:
    return pair[0], data.labels[pair[0]] == pair[1]


def iou(first: Mask, second: Mask) -> float:
    """Intersection over union; 0 for two empty masks."""
    either = np.count_nonzero(first | second)
    return np.count_nonzero(first & second) / either if either else 0.0


def stills(
    data: Labelled, model: LoadedModel, n: int, rng: np.random.Generator, framing: Framing
) -> dict[str, float]:
    """Mean IoU of every way to say one object on one frame."""
    targets = targets_of(data, n, rng)
    shape = data.labels.shape[1:]
    radius = float(np.median([np.sqrt(np.count_nonzero(target.mask) / np.pi) for target in targets]))
    solver = Solver(model.network, model.device, 1)
    scores: dict[str, list[float]] = {}

    def note(name: str, given: Mask, target: Target) -> None:
        scores.setdefault(name, []).append(iou(given, target.mask))

    for target in targets:
        rgb = data.frames.rgb(target.frame)
        grey = rgb.mean(0)
        scene = Scene(model.network, data.frames, target.frame, model.device)

        def ask(prompt: Prompt, window: Window, hint: Mask | None = None, scene: Scene = scene) -> Mask:
            task = Task(
                1,
                window.view(shape),
                prompt=prompt,
                hint=hint,
                average=model.averages(framing),
                input=window.input,
            )
            patch = solver.solve(scene, [task])[0].patch
            mask = np.zeros(shape, bool)
            height, width = patch.logits_hw.shape
            mask[patch.top : patch.top + height, patch.left : patch.left + width] = patch.logits_hw > 0
            return mask

        deep, off = (Prompt(points=(at,), labels=(1,)) for at in (target.deep, target.off))
        known = around(target.box, shape, framing)
        note("click", ask(deep, window_for(solver, scene, deep, framing)), target)
        note("off-centre", ask(off, window_for(solver, scene, off, framing)), target)
        note("box", ask(Prompt(box=target.box), known), target)
        # With the window that a box would have given: tells a wrong size from a wrong mask.
        note("click*", ask(deep, known), target)
        note("off-centre*", ask(off, known), target)
        note("corrected*", corrected(ask, deep, known, target.mask), target)
        note("disc", disc(target.deep, radius, shape), target)
        note("otsu", otsu_at(grey, target.deep, target.box), target)
        note("watershed", watershed_at(grey, target.deep, target.box), target)
        note("ellipse", ellipse(target.box, shape), target)
        note("otsu box", otsu_in(grey, target.box), target)
    return {name: round(float(np.mean(values)), 3) for name, values in scores.items()}


def corrected(ask: Callable[..., Mask], prompt: Prompt, window: Window, wanted: Mask) -> Mask:
    """The mask after corrective clicks, each at the deepest point of the deeper kind of error."""
    given = ask(prompt, window)
    for _ in range(CORRECTIONS):
        missed, surplus = (
            ndimage.distance_transform_edt(np.pad(error, 1))[1:-1, 1:-1]
            for error in (wanted & ~given, given & ~wanted)
        )
        error, label = (missed, 1) if missed.max() >= surplus.max() else (surplus, 0)
        if not error.any():
            break
        y, x = np.unravel_index(error.argmax(), error.shape)
        prompt = Prompt((*prompt.points, (float(y), float(x))), (*prompt.labels, label))
        given = ask(prompt, window, given if given.any() else None)
    return given


def first_targets(data: Labelled, n: int, rng: np.random.Generator) -> dict[int, Target]:
    """Up to `n` objects, each on the first frame on which it has half of its largest area."""
    areas_ti = np.stack(
        [np.bincount(frame.ravel(), minlength=data.labels.max() + 1) for frame in data.labels]
    )
    chosen: dict[int, Target] = {}
    for i in rng.permutation(np.flatnonzero(areas_ti.any(0))).tolist():
        start = int(np.argmax(areas_ti[:, i] >= areas_ti[:, i].max() / 2))
        target = (
            target_of(start, data.labels[start] == i, rng) if i and areas_ti[start + 1 :, i].any() else None
        )
        if target is not None:
            chosen[i] = target
        if len(chosen) == n:
            break
    return chosen


def follow(
    data: Labelled, model: LoadedModel, n: int, rng: np.random.Generator, framing: Framing
) -> dict[str, float]:
    """Mean IoU over later frames of objects prompted on their first one, and the share kept to the end."""
    asked = first_targets(data, n, rng)
    result: dict[str, float] = {}
    for kind in ("click", "box"):
        session = Session(data.frames)
        for i, target in asked.items():
            if kind == "click":
                session.add_points(object_id=i, frame=target.frame, points=[target.deep], labels=[1])
            else:
                session.add_box(object_id=i, frame=target.frame, box=target.box)
        masks: dict[int, dict[int, Mask]] = {i: {} for i in asked}
        for found in track(session, model=model, direction="forward", framing=framing):
            for i, mask in zip(found.object_ids, found.masks, strict=True):
                masks[i][found.frame] = mask
        result |= _followed(f"follow {kind}", data, asked, masks)
    later = {i: range(target.frame + 1, len(data.labels)) for i, target in asked.items()}
    still = {i: {t: asked[i].mask for t in frames} for i, frames in later.items()}
    components: dict[int, dict[int, Mask]] = {}
    for i, target in asked.items():
        start = data.frames.rgb(target.frame).mean(0)
        bright = bool(start[target.mask].mean() > np.median(start))
        mask, components[i] = target.mask, {}
        for t in later[i]:
            mask = components[i][t] = otsu_follow(data.frames.rgb(t).mean(0), mask, bright)
    result |= _followed("in place", data, asked, still)
    return result | _followed("components", data, asked, components)


def _followed(
    name: str, data: Labelled, asked: dict[int, Target], masks: dict[int, dict[int, Mask]]
) -> dict[str, float]:
    means, ends = [], []
    for i, target in asked.items():
        truth = {t: data.labels[t] == i for t in range(target.frame + 1, len(data.labels))}
        scores = [iou(masks[i][t], wanted) for t, wanted in truth.items() if wanted.any()]
        means.append(np.mean(scores))
        ends.append(scores[-1] >= FOLLOWED)
    return {name: round(float(np.mean(means)), 3), f"{name} to the end": round(float(np.mean(ends)), 3)}


def table(rows: dict[str, dict[str, float]]) -> str:
    """Rows as a Markdown table, with the mean over the rows below."""
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    mean = {name: float(np.mean([row[name] for row in rows.values() if name in row])) for name in names}
    lines = ["| set | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for set_name, row in (rows | {"mean": mean}).items():
        cells = (f"{row[name]:.3f}" if name in row else "" for name in names)
        lines.append(f"| {set_name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of labelled sets")
    parser.add_argument("--families", action="store_true", help="measure on procedural windows and clips")
    parser.add_argument("--model", default="nano", help="a model's name or its weights file")
    parser.add_argument(
        "--objects", type=int, default=40, help="objects of each set asked for on stills (0: none)"
    )
    parser.add_argument("--follow", type=int, default=0, help="objects of each set followed (default none)")
    parser.add_argument("--size", type=int, help="input size in pixels, when not the model's own")
    parser.add_argument("--framing", choices=get_args(Framing), help="by default what suits the model")
    parser.add_argument("--sets", nargs="*", help="only these sets")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the numbers here too")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    model = load_model(arguments.model, image_size=arguments.size)
    framing = arguments.framing or suitable_framing(model.config.image_size)
    rows: dict[str, dict[str, float]] = {}
    followed: dict[str, dict[str, float]] = {}
    started = time.perf_counter()
    for data in read_sets(arguments.data) if arguments.data else ():
        if arguments.sets and data.name not in arguments.sets:
            continue
        if arguments.objects:
            rows[data.name] = stills(data, model, arguments.objects, np.random.default_rng(0), framing)
            print(f"{data.name}: {rows[data.name]}", flush=True)
        if arguments.follow and data.consistent:
            followed[data.name] = follow(data, model, arguments.follow, np.random.default_rng(0), framing)
            print(f"{data.name}: {followed[data.name]}", flush=True)
    if rows:
        print(f"\nStills, mean IoU (* in the window that a box gives)\n\n{table(rows)}")
    if followed:
        print(f"\nFollowed\n\n{table(followed)}")
    families: dict[str, dict[str, float]] = {}
    if arguments.families:
        families = Validation(None, model.device, model.config.image_size, clips=CLIPS)(model.network)
        clips = families.pop("clips")
        print(f"\nProcedural families, mean IoU\n\n{table(families)}")
        print(f"\nProcedural clips\n\n{table({'clips': clips})}")
        families["clips"] = clips
    print(f"\n{time.perf_counter() - started:.0f} s")
    if arguments.json:
        numbers = {"stills": rows, "follow": followed, "families": families}
        arguments.json.write_text(json.dumps(numbers, indent=1))


if __name__ == "__main__":
    main()
