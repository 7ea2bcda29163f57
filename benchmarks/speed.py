"""Speed against peers: `python -m benchmarks.speed [--device cuda] [--json FILE] [--only CASE ...]`.

Peers run in the same process, on the same frames with the same random weights, and their frames take
turns with ours, so that a busy machine slows both. On a processor what is compared is the processor
time of all threads; frames a second are those of the clock. Objects beyond the first are copies of it,
with its memory, and so are memories beyond the `--warm` frames that are really tracked, on both sides:
they cost what any cost, and nobody waits for hundreds of objects to get theirs.
`benchmarks.performance_page` makes the page of the JSON. Needs torch, transformers and scikit-image; the
bundled model's weights come with the repository.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

import napari_sam2

if not any(Path(folder, "models").is_dir() for folder in napari_sam2.__path__):
    # In a checkout that was never installed the rooms lie beside the package.
    napari_sam2.__path__.append(str(Path(__file__).parents[1]))

from benchmarks.compiled import compiling
from benchmarks.machine import Machine, Row, Spent
from benchmarks.movies import Cells
from benchmarks.ours import WARM, Ours, moved, nano
from benchmarks.peers import Reference, Transformers, same_network_twice
from benchmarks.rows import against, compared, mask_iou, speeds
from napari_sam2.models.config import NANO, PUBLISHED, Sam2Config
from napari_sam2.models.network.hollow import hollow
from napari_sam2.models.network.sam2 import Sam2
from napari_sam2.models.plan import Anchor, ObjectRun, Pass
from napari_sam2.models.prompts import Prompt
from napari_sam2.models.results import FrameResult
from napari_sam2.models.scene import Scene
from napari_sam2.models.solver import Solver, Task
from napari_sam2.models.tracker import Tracker
from napari_sam2.models.windows import around


def exact(machine: Machine, name: str, config: Sam2Config, frames: int) -> list[Row]:
    """One object in whole frames: ours in float32 and bfloat16, and `transformers`."""
    movie = Cells(WARM + frames + 1, 1024, 1, 200)
    theirs_model, network = same_network_twice(config, machine.device)
    theirs = Transformers(theirs_model, movie, movie.start[0], machine.device)
    warm_theirs = [theirs.step(frame)[0] for frame in range(machine.warm)]
    theirs.fill(machine.warm - 1, WARM)
    ours = Ours(network, movie, machine, "frame")
    agreement = [mask_iou(r.masks[0], t) for r, t in zip(ours.first, warm_theirs, strict=True)]
    spent: dict[str, list[Spent]] = {"ours": [], "peer": []}
    coming = ours.steps(1)
    for frame in range(WARM, WARM + frames):
        result, took = machine.time(lambda: next(coming))
        spent["ours"].append(took)
        mask, took = machine.time(lambda frame=frame: theirs.step(frame)[0])
        spent["peer"].append(took)
        agreement.append(mask_iou(result.masks[0], mask))
    coming.close()
    theirs.copies(2)
    two = machine.time(lambda: theirs.step(WARM + frames))[1]
    machine.peer_cost[name] = {1: machine.cost(spent["peer"]), 2: machine.cost([two])}
    rows = [compared(machine, f"{name}, 1 object, exact, float32", spent, f"least IoU {min(agreement):.4f}")]
    if "bfloat16" not in machine.precisions:
        return rows

    low = Ours(deepcopy(network).to_precision(torch.bfloat16), movie, machine, "frame")
    agreement = [mask_iou(r.masks[0], t) for r, t in zip(low.first, warm_theirs, strict=True)]
    spent["ours"] = []
    coming = low.steps(1)
    for _ in range(frames):
        spent["ours"].append(machine.time(lambda: next(coming))[1])
    coming.close()
    note = f"least IoU {min(agreement):.4f}; the peer in float32"
    return [*rows, compared(machine, f"{name}, 1 object, exact, bfloat16", spent, note)]


def many(
    machine: Machine,
    name: str,
    config: Sam2Config,
    size: int,
    counts: list[int],
    peers: list[int],
    steps: int,
) -> list[Row]:
    """Objects of 40 px followed by windows, against the peer, which sees whole frames.

    What the peer takes for more objects than the largest number it was timed with follows from two
    numbers of objects: its time is a straight line over objects.
    """
    theirs_model, network = same_network_twice(config, machine.device)
    peer_cost = dict(machine.peer_cost.get(f"{name} at {config.image_size} px", {}))
    peers = [n for n in peers if n not in peer_cost]
    if peers:
        movie = Cells(WARM + len(peers), 1024, max(peers), 40)
        theirs = Transformers(theirs_model, movie, movie.start[0], machine.device)
        for frame in range(machine.warm):
            theirs.step(frame)
        theirs.fill(machine.warm - 1, WARM)
        for frame, n in enumerate(peers, WARM):
            theirs.copies(n)
            peer_cost[n] = machine.cost([machine.time(lambda frame=frame: theirs.step(frame))[1]])

    rows = []
    movie = Cells(WARM + steps, 1024, max(counts), 40)
    for precision in machine.precisions:
        ours = Ours(moved(network, size).to_precision(getattr(torch, precision)), movie, machine, "window")
        for n in counts:
            coming = ours.steps(n)
            spent = [machine.time(lambda coming=coming: next(coming))[1] for _ in range(steps)]
            coming.close()
            at = "up to " if ours.average else ""
            case = f"{name} at {at}{size} px, {n} objects of 40 px, windows, {precision}"
            rows.append(
                {"case": case, **speeds(machine, spent), **against(peer_cost, n, machine.cost(spent))}
            )
    return rows


def cells(machine: Machine, steps: int) -> list[Row]:
    """The bundled model on 50 cells of 30 px, in both precisions."""
    movie = Cells(WARM + steps, 512, 50, 30)
    runs = {
        precision: Ours(nano(machine).to_precision(getattr(torch, precision)), movie, machine, "window")
        for precision in machine.precisions
    }
    coming = {precision: ours.steps(50) for precision, ours in runs.items()}
    spent: dict[str, list[Spent]] = {precision: [] for precision in runs}
    found: dict[str, FrameResult] = {}
    for _ in range(steps):
        for precision in runs:
            found[precision], took = machine.time(lambda precision=precision: next(coming[precision]))
            spent[precision].append(took)
    full, low = (found[precision].masks for precision in ("float32", machine.precisions[-1]))
    ious = [mask_iou(a, b) for a, b in zip(full, low, strict=True)]
    return [
        {
            "case": f"nano, 50 cells of 30 px, windows, {precision}",
            **speeds(machine, took),
            "note": "" if precision == "float32" else f"IoU with float32: mean {np.mean(ious):.4f}",
        }
        for precision, took in spent.items()
    ]


def dense(machine: Machine, steps: int) -> list[Row]:
    """A field of 512 px filled with cells: the more there are, the smaller they are."""
    rows: list[Row] = []
    counts = (16, 64, 256)
    costs = []
    for n in counts:
        diameter = round(0.75 * 512 / n**0.5)
        coming = Ours(nano(machine), Cells(WARM + steps, 512, n, diameter), machine, "auto").steps(n)
        spent = [machine.time(lambda coming=coming: next(coming))[1] for _ in range(steps)]
        coming.close()
        costs.append(machine.cost(spent))
        note = f"{n / counts[0]:.0f} times the objects, {costs[-1] / costs[0]:.1f} times the cost"
        case = f"nano, a field of 512 px filled with {n} cells of {diameter} px, float32"
        rows.append({"case": case, **speeds(machine, spent), "note": note if len(costs) > 1 else ""})
    return rows


def video(machine: Machine, steps: int) -> list[Row]:
    """The bundled model on one object of a decoded video, 960 x 540."""
    import av

    from napari_sam2 import open_frames

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "moving.mp4"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("mpeg4", rate=25, width=960, height=540, pix_fmt="yuv420p")
            stream.bit_rate = 4_000_000
            source = Cells(WARM + 2 + steps, 1024, 1, 150)
            for i in range(len(source)):
                image = (source.rgb(i)[:, 242:782, 32:992] * 255).astype(np.uint8).transpose(1, 2, 0)
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), "rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        with open_frames(path) as frames:
            prompt = Prompt(((270.0, 480.0),), (1,))
            plan = (Pass(1, (ObjectRun(1, (Anchor(0, prompt),), 0, len(frames) - 1),)),)
            model: Any = SimpleNamespace(network=nano(machine), device=machine.device)
            tracker = Tracker(model, frames, framing="auto")
            coming = tracker.run(plan)
            _, first = machine.time(lambda: next(coming))
            for _ in range(WARM):
                next(coming)
            _, took = machine.time(lambda: [next(coming) for _ in range(steps)])
            coming.close()
    a_frame = Spent(took.clock / steps, took.processor / steps)
    note = f"first mask after {first.clock:.2f} s of the clock"
    return [{"case": "nano, 1 object, decoded 960 x 540 video", **speeds(machine, [a_frame]), "note": note}]


def click(machine: Machine, name: str, network: Sam2, clicks: int) -> Row:
    """From a click to its mask on a frame that is encoded already."""
    movie = Cells(2, 1024, 1, 200)
    scene = Scene(network, movie, 0, machine.device)
    solver = Solver(network, machine.device, len(movie))
    view = around(movie.box(0), movie.shape[1:], "frame").view(movie.shape[1:])
    spent = []
    for i in range(clicks + 1):
        prompt = Prompt(((500.0 + i, 510.0),), (1,))
        task = Task(1, view, prompt=prompt)
        spent.append(machine.time(lambda task=task: solver.solve(scene, [task]))[1])
    return {
        "case": f"{name}, click on an encoded frame",
        **speeds(machine, spent[1:]),
        "note": f"median {1e3 * np.median([s.clock for s in spent[1:]]):.1f} ms of the clock",
    }


def encoding(machine: Machine, name: str, network: Sam2, precision: str) -> Row:
    """Images encoded, against the rate at which the machine multiplies large matrices."""
    from torch.utils.flop_counter import FlopCounterMode

    network = deepcopy(network).to_precision(getattr(torch, precision))
    size, dtype = network.config.image_size, getattr(torch, precision)
    batch = 8 if machine.device.type == "cuda" else 1
    image = torch.randn(batch, 3, size, size, device=machine.device)
    with FlopCounterMode(display=False) as counter:
        hollow(network.config).encode_image(torch.empty(1, 3, size, size, device="meta"))
    work = counter.get_total_flops()
    side = 8192 if machine.device.type == "cuda" else 1024
    with torch.inference_mode():
        from napari_sam2.models.network.kernels import linear

        a, b = (torch.randn(side, side, device=machine.device, dtype=dtype) for _ in range(2))
        spent = [machine.time(lambda: linear(a, b, None))[1] for _ in range(6)]
        rate = 2 * side**3 / machine.cost(spent[1:])
        spent = [machine.time(lambda: network.encode_image(image))[1] for _ in range(4)]
    one = [Spent(s.clock / batch, s.processor / batch) for s in spent[1:]]
    share = work / machine.cost(one) / rate
    note = f"{work / 1e9:.0f} GFLOP; {share:.0%} of the {rate / 1e9:.0f} GFLOP/s of a large product"
    return {"case": f"{name}, encode an image, {precision}", **speeds(machine, one), "note": note}


def start_up(machine: Machine) -> Row:
    """A fresh process until the bundled model is loaded."""
    code = "from napari_sam2.models.load import load_model; load_model('nano', 'cpu')"
    spent = [
        machine.time(lambda: subprocess.run([sys.executable, "-c", code], check=True))[1].clock
        for _ in range(3)
    ]
    return {"case": "start of Python until nano is loaded", "note": f"{min(spent):.1f} s of the clock"}


def reference(machine: Machine, name: str, frames: int) -> list[Row]:
    """The package `sam2`, eager and compiled, one object; a line that says why where it cannot run."""
    rows: list[Row] = []
    config = PUBLISHED[name]
    _, network = same_network_twice(config, machine.device)
    movie = Cells(WARM + frames, 1024, 1, 200)
    for precision in machine.precisions:
        ours = Ours(deepcopy(network).to_precision(getattr(torch, precision)), movie, machine, "frame")
        coming = ours.steps(1)
        next(coming)
        _, took = machine.time(lambda coming=coming: sum(1 for _ in coming))
        spent = {"ours": [Spent(took.clock / (frames - 1), took.processor / (frames - 1))]}
        for compiled in (False, True):
            label = f"{name}, 1 object, exact, {precision}, reference{' vos_optimized' if compiled else ''}"
            low = torch.autocast("cuda", torch.bfloat16) if precision == "bfloat16" else nullcontext()
            try:
                with torch.inference_mode(), low:
                    walk = iter(Reference(name, network, movie, movie.start[:1], compiled))
                    for _ in range(WARM):
                        next(walk)
                    took_theirs = [machine.time(lambda walk=walk: next(walk))[1] for _ in range(frames - 1)]
                rows.append(compared(machine, label, spent | {"peer": took_theirs}, ""))
            except Exception as error:  # whatever keeps the peer from running is what the table says
                rows.append(
                    {"case": label, **speeds(machine, spent["ours"]), "note": f"peer: {error!r}"[:160]}
                )
    return rows


def gpu_memory(machine: Machine) -> list[Row]:
    """GPU memory against frames and objects."""
    rows = []
    for frames, n in ((100, 16), (1000, 16), (20, 64), (20, 256)):
        ours = Ours(
            moved(Sam2(PUBLISHED["sam2.1_tiny"]).eval(), 512).to(machine.device),
            Cells(WARM + frames, 1024, max(n, 1), 40),
            machine,
            "window",
        )
        torch.cuda.reset_peak_memory_stats()
        for _ in ours.steps(n):
            pass
        used = torch.cuda.max_memory_allocated() / 2**30
        rows.append(
            {"case": f"tiny at 512 px, {n} objects, {frames} frames", "note": f"{used:.2f} GiB on the GPU"}
        )
    return rows


def cases(machine: Machine, steps: int, peers: list[int]) -> dict[str, Callable[[], list[Row]]]:
    """Every case by its name, cheap ones first."""
    tiny, base = PUBLISHED["sam2.1_tiny"], PUBLISHED["sam2.1_base_plus"]
    gpu = machine.device.type == "cuda"

    def made(config: Sam2Config) -> Sam2:
        torch.manual_seed(1)
        return Sam2(config).eval().requires_grad_(False).to(machine.device)

    found: dict[str, Callable[[], list[Row]]] = {
        "start": lambda: [start_up(machine)],
        "cells": lambda: cells(machine, steps),
        "dense": lambda: dense(machine, max(steps // 2, 1)),
        "click": lambda: [click(machine, "nano", nano(machine), 20), click(machine, "tiny", made(tiny), 5)],
        "encoding": lambda: [
            encoding(machine, name, made(config), precision)
            for name, config in (("nano", NANO), ("tiny", tiny))
            for precision in machine.precisions
        ],
        "nano": lambda: many(machine, "nano", NANO, 256, [1, 4, 16, 64, 256], peers and [1, 4, 16], steps),
        "exact": lambda: exact(machine, "tiny at 1024 px", tiny, max(steps // 2, 1)),
        "windows": lambda: many(
            machine, "tiny", tiny, 512, [1, 4, 16, 64, 256] if gpu else [1, 16], peers, max(steps // 2, 1)
        ),
    }
    if gpu:
        found["exact base"] = lambda: exact(machine, "base+ at 1024 px", base, steps)
        found["memory"] = lambda: gpu_memory(machine)
        found["compiled"] = lambda: [
            compiling(machine, name, made(config), 20) for name, config in (("tiny", tiny), ("base+", base))
        ]
        found["reference tiny"] = lambda: reference(machine, "sam2.1_tiny", 40)
        found["reference base"] = lambda: reference(machine, "sam2.1_base_plus", 40)
    else:
        found["video"] = lambda: video(machine, 20)
    return found


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=4, help="frames timed in each case")
    parser.add_argument(
        "--peer-objects", type=int, nargs="*", help="numbers of objects the peer is timed with"
    )
    parser.add_argument("--warm", type=int, default=WARM, help="frames really tracked before, at least 2")
    parser.add_argument("--only", nargs="*", help="only these cases")
    parser.add_argument("--minutes", type=float, default=9, help="begin no case after this time")
    parser.add_argument("--json", type=Path, help="write the numbers here too")
    asked = parser.parse_args()
    if asked.warm < 2:
        parser.error(f"--warm is {asked.warm}: at least two frames have to be tracked before")
    machine = Machine(asked.device, asked.threads, asked.warm)
    default = [1, 16] if asked.device == "cuda" else [1, 2]
    peers = default if asked.peer_objects is None else asked.peer_objects
    result: Row = {"machine": machine.named(), "device": asked.device, "rows": []}
    started = time.perf_counter()
    for name, run in cases(machine, asked.steps, peers).items():
        if asked.only and name not in asked.only:
            continue
        if time.perf_counter() - started > 60 * asked.minutes:
            result["rows"].append({"case": name, "note": "not measured: out of time"})
            continue
        try:
            rows = run()
        except Exception as error:  # one case that fails must not cost the others their numbers
            rows = [{"case": name, "note": f"not measured: {error!r}"[:300]}]
        for row in rows:
            print(json.dumps(row), flush=True)
        result["rows"] += rows
        if asked.json:
            asked.json.write_text(json.dumps(result, indent=1) + "\n")
    print(f"{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
