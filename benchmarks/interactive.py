"""The viewer while the model runs: `xvfb-run -a python -m benchmarks.interactive`.

Three questions. How long after a click is the mask there (medians, on a frame that has been encoded)?
How fast is a propagation inside a running viewer against the same job as a script? And how late does
the viewer's event loop come meanwhile? The model runs in a process, as it does for a person, or in a
thread of the viewer, which is what the process was chosen against (its processor seconds are those of
the viewer too). Jobs take turns, so that a machine that is busy with other things is so for all of
them; the processor's seconds tell what a busy machine hides.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import numpy as np

TICK = 0.005
"""Seconds between two ticks of the event loop's timer."""


def movie(frames: int, side: int, objects: int) -> tuple[np.ndarray, list[tuple[float, float]]]:
    """Bright discs that drift over noise, and where they are on the first frame."""
    rng = np.random.default_rng(0)
    grid = np.mgrid[:side, :side].astype(np.float32)
    columns = int(np.ceil(np.sqrt(objects)))
    places = [
        ((row + 0.5) * side / columns, (column + 0.5) * side / columns)
        for row in range(columns)
        for column in range(columns)
    ][:objects]
    stack = rng.normal(30, 5, (frames, side, side)).astype(np.float32)
    for frame in range(frames):
        for k, (y, x) in enumerate(places):
            turn = k + 0.1 * frame
            centre = y + 6 * np.sin(turn) - 6 * np.sin(k), x + 6 * np.cos(turn) - 6 * np.cos(k)
            stack[frame] += 90 * ((grid[0] - centre[0]) ** 2 + (grid[1] - centre[1]) ** 2 < (side / 24) ** 2)
    return stack.clip(0, 255).astype(np.uint8), places


def clicks(model: str, framing: str | None, side: int, count: int) -> dict[str, float]:
    """Median seconds from a click to its mask, on a frame that was clicked before; and of the processor."""
    import psutil

    from napari_sam2 import open_frames
    from napari_sam2.interactive import Live

    stack, places = movie(2, side, 9)
    live = Live(open_frames(stack, axis="t"))
    times: dict[str, list[float]] = defaultdict(list)

    def timed(kind: str, edit: Callable[[], None]) -> None:
        started, worked = time.perf_counter(), sum(worker.cpu_times()[:2])
        edit()
        while not live._engine.idle:
            live.poll()
            time.sleep(0.001)
        times[kind].append(time.perf_counter() - started)
        times[f"{kind}, of the processor"].append(sum(worker.cpu_times()[:2]) - worked)

    try:
        live.use_model(model, framing=framing)
        live.add_points(1, 0, [places[0]], [1])
        live.wait(600)
        worker = psutil.Process(live._engine.pid)
        for k in range(count):
            y, x = places[1 + k % 8]
            timed("first click", lambda at=(y, x), k=k: live.add_points(10 + k, 0, [at], [1]))
            timed("second click", lambda at=(y + 3, x + 2), k=k: live.add_points(10 + k, 0, [at], [1]))
            box = (y - side / 20, x - side / 20, y + side / 20, x + side / 20)
            timed("box", lambda box=box, k=k: live.add_box(1000 + k, 0, box))
    finally:
        live.close()
    return {kind: float(np.median(one)) for kind, one in times.items()}


def as_script(model: Any, stack: np.ndarray, places: list[tuple[float, float]]) -> tuple[float, float]:
    """Seconds of the job without a viewer, by the clock and of the processor."""
    from napari_sam2 import Session, open_frames, track

    session = Session(open_frames(stack, axis="t"))
    for k, place in enumerate(places):
        session.add_box(k + 1, 0, _box(place, stack.shape[1]))
    tracking = track(session, model)
    started, worked = time.perf_counter(), time.process_time()
    tracking.to_labels()
    return time.perf_counter() - started, time.process_time() - worked


def in_clean_process(args: argparse.Namespace) -> tuple[float, float]:
    """`as_script` where no viewer has ever been."""
    command = [sys.executable, "-m", "benchmarks.interactive", "--script", "--model", args.model]
    command += ["--frames", str(args.frames), "--side", str(args.side), "--objects", str(args.objects)]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    took, worked = json.loads(out.splitlines()[-1])
    return took, worked


def in_viewer(
    kind: str, model: str, stack: np.ndarray, places: list[tuple[float, float]]
) -> tuple[float, float, np.ndarray]:
    """Seconds of the job in a running viewer, those of the model's processor, lateness of each tick."""
    import napari
    import psutil
    from qtpy.QtCore import QEventLoop, Qt, QTimer

    import napari_sam2.interactive.asking as asking
    from napari_sam2 import open_frames
    from napari_sam2.interactive import Live

    usual = asking.Engine
    asking.Engine = usual if kind == "process" else InThread  # type: ignore[misc,assignment]
    viewer = napari.Viewer(show=True)
    live = Live(open_frames(stack, axis="t"))
    asking.Engine = usual  # type: ignore[misc]
    try:
        viewer.add_image(stack)
        layer = viewer.add_labels(live.store.labels, name="masks")

        def show(frames: frozenset[int]) -> None:
            # As for a person who does not follow along: the view stays where it is.
            if viewer.dims.current_step[0] in frames:
                layer.refresh(thumbnail=False, highlight=False, extent=False)

        live.use_model(model)
        for k, place in enumerate(places):
            live.add_box(k + 1, 0, _box(place, stack.shape[1]))
        live.wait(600)
        live.frames_changed.connect(show)
        late: list[float] = []
        loop, timer = QEventLoop(), QTimer()
        timer.setTimerType(Qt.TimerType.PreciseTimer)
        before = time.perf_counter()

        def tick() -> None:
            nonlocal before
            now = time.perf_counter()
            late.append(max(now - before - TICK, 0))
            live.poll()
            before = time.perf_counter()
            if not live.busy:
                loop.quit()

        timer.timeout.connect(tick)
        worker = psutil.Process(getattr(live._engine, "pid", None))
        started, worked = time.perf_counter(), sum(worker.cpu_times()[:2])
        before = started
        live.propagate()
        timer.start(int(TICK * 1000))
        loop.exec()
        timer.stop()
        return time.perf_counter() - started, sum(worker.cpu_times()[:2]) - worked, np.array(late)
    finally:
        live.close()
        viewer.close()


class InThread:
    """An engine as that of the package, with the model in a thread of this process."""

    def __init__(self, frames: Any) -> None:
        from napari_sam2.interactive.agenda import Agenda
        from napari_sam2.interactive.worker import Worker

        self._agenda = Agenda(Worker(frames))
        self._answers: Queue[Any] = Queue(4)
        self._open: set[int] = set()
        self._ends = threading.Event()
        threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        while not self._ends.is_set():
            self._agenda.wait()
            for answer in self._agenda.answers():
                self._answers.put(answer)

    def ask(self, request: Any) -> None:
        self._open.add(request.number)
        self._agenda.add(request)

    def cancel(self, number: int) -> None:
        self._open.discard(number)
        self._agenda.cancel(number)

    def answers(self, seconds: float, *, wait: bool = False) -> Iterator[Any]:
        from napari_sam2.interactive.requests import Found, Loading

        until = time.monotonic() + seconds
        while True:
            left = until - time.monotonic()
            try:
                answer = self._answers.get(wait and left > 0, max(left, 0))
            except Empty:
                return
            if not isinstance(answer, Found | Loading):
                self._open.discard(answer.number)
            yield answer
            if left <= 0:
                return

    @property
    def idle(self) -> bool:
        return not self._open

    def close(self) -> None:
        self._ends.set()


def _box(place: tuple[float, float], side: int) -> tuple[float, float, float, float]:
    y, x = place
    return y - side / 22, x - side / 22, y + side / 22, x + side / 22


def main() -> None:
    """Print the figures and, with --json, write them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--objects", type=int, default=4)
    parser.add_argument("--clicks", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3, help="turns of each job")
    parser.add_argument("--model", default="nano")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--script", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.script:
        from napari_sam2.models import load_model

        stack, places = movie(args.frames, args.side, args.objects)
        model = load_model(args.model)
        as_script(model, stack[:2], places)
        print(json.dumps(as_script(model, stack, places)))
        return
    with tempfile.TemporaryDirectory() as folder:
        os.environ["NAPARI_SAM2_SESSIONS"] = folder
        figures = measure(args)
    print(json.dumps(figures, indent=2))
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n")


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """All figures; seconds, frames a second and ratios."""
    figures: dict[str, Any] = {"clicks, median seconds": {}}
    for framing in (None, "frame"):
        name = f"framing {framing or 'of the model'}"
        figures["clicks, median seconds"][name] = clicks(args.model, framing, args.side, args.clicks)
        print(name, figures["clicks, median seconds"][name], file=sys.stderr)
    stack, places = movie(args.frames, args.side, args.objects)
    processor: dict[str, list[float]] = {"script": [], "process": [], "thread": []}
    seconds: dict[str, list[float]] = {"script": [], "process": [], "thread": []}
    late: dict[str, list[np.ndarray]] = {"process": [], "thread": []}
    for _ in range(args.rounds):
        took, worked = in_clean_process(args)
        seconds["script"].append(took)
        processor["script"].append(worked)
        print("script", took, worked, file=sys.stderr)
        for kind in late:
            took, worked, delays = in_viewer(kind, args.model, stack, places)
            seconds[kind].append(took)
            processor[kind].append(worked)
            late[kind].append(delays)
            print(kind, took, worked, np.percentile(delays, (50, 95)), file=sys.stderr)
    script = float(np.median(seconds["script"]))
    figures["script"] = {
        "frames a second": args.frames / script,
        "processor seconds a frame": float(np.median(processor["script"])) / args.frames,
    }
    for kind, delays in late.items():
        took = float(np.median(seconds[kind]))
        p50, p95 = np.percentile(np.concatenate(delays), (50, 95))
        figures[f"viewer, model in a {kind}"] = {
            "frames a second": args.frames / took,
            "against the script": script / took,
            "processor seconds a frame": float(np.median(processor[kind])) / args.frames,
            "event loop late, p50 ms": 1000 * float(p50),
            "event loop late, p95 ms": 1000 * float(p95),
        }
    return figures


if __name__ == "__main__":
    main()
