"""A video of hours, followed from its first frame to its last: `python -m benchmarks.long_video`.

Everything between the file and the folder of results is the real thing: decoding, reading ahead, the
tracker with its memory bank, the label store, the tables, the page, labels.tif. The network alone is
simulated, with --network it is not: its answers are the discs' true places, and its memories are empty ones
of the true size, because two hours of video are 180,000 runs of it. How memory grows with the network's own
calls is what `benchmarks.flat_memory` measures.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import numpy as np

if TYPE_CHECKING:
    from napari_sam2.models.scene import Scene
    from napari_sam2.models.solver import Seen, Solver, Task

RATE, ROUND = 25, 500
"""Frames a second, and after how many frames the scene repeats."""
RADIUS = 12
MARKS = (0.01, 0.05, 0.25, 0.5, 0.75, 1.0)
"""Shares of the work at which memory is looked at."""


def centre(i: int, frame: int, shape: tuple[int, int]) -> tuple[float, float]:
    """Where a disc is: each goes round on a circle of its own."""
    turn = 2 * np.pi * (frame % ROUND) / ROUND + 1.3 * i
    y, x = (
        length / 2 + length / 4 * wave
        for length, wave in zip(shape, (np.sin(turn), np.cos(turn)), strict=True)
    )
    return float(y), float(x)


def picture(frame: int, objects: int, ground: np.ndarray) -> np.ndarray:
    """One frame, uint8 (y, x, 3)."""
    image = ground.copy()
    y, x = np.ogrid[: ground.shape[0], : ground.shape[1]]
    for i in range(objects):
        at_y, at_x = centre(i, frame, ground.shape[:2])
        image[(y - at_y) ** 2 + (x - at_x) ** 2 < RADIUS**2] = (220, 60 + 40 * (i % 4), 60)
    return image


def write_video(path: Path, frames: int, shape: tuple[int, int], objects: int) -> None:
    """An H.264 video of the scene."""
    import av

    ground = np.random.default_rng(0).integers(60, 120, (*shape, 3), np.uint8)
    pictures = [picture(frame, objects, ground) for frame in range(min(frames, ROUND))]
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "ultrafast"})
        stream.height, stream.width = shape
        stream.pix_fmt = "yuv420p"
        for frame in range(frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pictures[frame % ROUND], format="rgb24")))
        container.mux(stream.encode())


def answers(solver: "Solver", scene: "Scene", tasks: Sequence["Task"], size: int) -> list["Seen"]:
    """In place of `Solver._run`: the true masks, and memories as large as the network's."""
    import torch

    from napari_sam2.models.memory import Memory
    from napari_sam2.models.results import MaskPatch
    from napari_sam2.models.solver import Seen

    config = solver.network.config
    side = np.arange(-RADIUS, RADIUS + 1)
    logits_hw = np.float32(RADIUS) - np.hypot(*np.meshgrid(side, side)).astype(np.float32)
    scene.look([tasks[0].view], size)
    found = []
    for task in tasks:
        y, x = (round(c) for c in centre(task.object_id - 1, scene.index, scene.shape))
        memory = Memory(
            torch.zeros(config.hidden_dim),
            torch.zeros(config.mem_dim, size // 16, size // 16, dtype=torch.bfloat16),
        )
        mask = MaskPatch(task.object_id, y - RADIUS, x - RADIUS, logits_hw, 0.9, 0.99)
        found.append(Seen(mask, memory, torch.from_numpy(logits_hw)))
    return found


def run(video: Path, objects: int, simulated: bool) -> dict[str, object]:
    """Follow the discs into a folder of results, and say what it took."""
    from napari_sam2 import Session, open_frames
    from napari_sam2.models.load import load_model
    from napari_sam2.models.solver import Solver
    from napari_sam2.run import track_to_folder

    frames = open_frames(video)
    shape = frames.shape[1], frames.shape[2]
    session = Session(frames)
    for i in range(objects):
        y, x = centre(i, 0, shape)
        session.add_box(object_id=i + 1, frame=0, box=(y - RADIUS, x - RADIUS, y + RADIUS, x + RADIUS))
    peaks: dict[str, float] = {}
    began: dict[str, float] = {}

    def note(what: str, done: int, whole: int) -> None:
        began.setdefault(what, time.perf_counter())
        for share in MARKS:
            if done == max(1, round(share * whole)):
                peaks[f"{what} {share:.0%}"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
                print(what, f"{share:.0%}", round(peaks[f"{what} {share:.0%}"]), "MB", flush=True)

    model = load_model("nano", device="cpu")
    with (
        tempfile.TemporaryDirectory() as folder,
        patch.object(Solver, "_run", answers if simulated else Solver._run),
    ):
        started = time.perf_counter()
        results = track_to_folder(session, Path(folder) / "out", model=model, progress=note)
        ended = time.perf_counter()
        # Before the tables are read back: that is this check's own need.
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        regions = results.regions
        last = regions[regions["frame"] == len(frames) - 1]
        away = [
            np.hypot(row.centroid_y - y, row.centroid_x - x)
            for row in last.itertuples()
            for y, x in [centre(int(row.object_id) - 1, len(frames) - 1, shape)]
        ]
    return {
        "frames": len(frames),
        "objects": objects,
        "network": not simulated,
        "rows": len(regions),
        "on_the_last_frame": len(last),
        "most_pixels_away": float(max(away, default=np.nan)),
        "peak_mb": peaks,
        "peak_mb_in_all": peak,
        "seconds": ended - started,
        "seconds_tracking": began["measuring"] - began["tracking"],
    }


def main() -> None:
    """Print a table and, with --json, write it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.long_video", description=__doc__)
    parser.add_argument("--minutes", type=float, nargs="+", default=[2, 120], help="lengths of the video")
    parser.add_argument("--shape", type=int, nargs=2, default=(120, 160), help="of its frames")
    parser.add_argument("--objects", type=int, default=2)
    parser.add_argument("--network", action="store_true", help="let the bundled model find the masks")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.file:
        print(json.dumps(run(arguments.file, arguments.objects, not arguments.network)))
        return
    rows = []
    for minutes in arguments.minutes:
        with tempfile.TemporaryDirectory() as folder:
            video = Path(folder) / "long.mp4"
            write_video(video, round(60 * RATE * minutes), tuple(arguments.shape), arguments.objects)
            command = [sys.executable, "-m", "benchmarks.long_video", "--file", str(video)]
            command += ["--objects", str(arguments.objects), *(["--network"] if arguments.network else [])]
            out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        rows.append(json.loads(out.splitlines()[-1]))
        print(json.dumps(rows[-1], indent=1), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
