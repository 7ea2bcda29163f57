"""Peak memory against the numbers of frames and objects: `python -m benchmarks.flat_memory`.

Each run has a process of its own, on a synthetic stack that is made frame by frame, with masks
written to a store on disk. What a run needs beyond the first one is what grows. With
--video the frames are first written to an RGB video, which is then decoded as a person's would be.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from itertools import product
from pathlib import Path

import numpy as np


class Drifting:
    """A stack without storage: textured discs that drift over a noisy ground."""

    axis, name, source, dtype = "t", "drifting", None, np.dtype(np.uint8)

    def __init__(self, frames: int, side: int, objects: int) -> None:
        self.shape = (frames, side, side)
        rng = np.random.default_rng(0)
        self.start = rng.uniform(0.2 * side, 0.8 * side, (objects, 2))
        self.phase = rng.uniform(0, 2 * np.pi, objects)
        self._grid = np.mgrid[:side, :side].astype(np.float32)

    def __len__(self) -> int:
        return self.shape[0]

    def fingerprint(self) -> str:
        return f"drifting {self.shape}"

    def centre(self, i: int, frame: int) -> tuple[float, float]:
        turn = self.phase[i] + 0.02 * frame
        y, x = self.start[i] + 12 * np.array([np.sin(turn), np.cos(turn)])
        return float(y), float(x)

    def rgb(self, index: int) -> np.ndarray:
        rng = np.random.default_rng(index)
        image = 0.25 + 0.05 * rng.standard_normal(self.shape[1:], dtype=np.float32)
        for i in range(len(self.start)):
            y, x = self.centre(i, index)
            image += 0.5 * ((self._grid[0] - y) ** 2 + (self._grid[1] - x) ** 2 < 12**2)
        return np.broadcast_to(image.clip(0, 1), (3, *self.shape[1:]))


def write_video(path: Path, stack: Drifting) -> None:
    """The stack as an H.264 video of 25 frames a second."""
    import av

    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width = stack.shape[1:]
        stream.pix_fmt = "yuv420p"
        for index in range(len(stack)):
            picture = np.ascontiguousarray((stack.rgb(index) * 255).astype(np.uint8).transpose(1, 2, 0))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def run(frames: int, side: int, objects: int, model: str, video: Path | None) -> dict[str, float]:
    """Track every disc through the stack, or through the video of it, and say what it took."""
    from napari_sam2 import Session, open_frames, track
    from napari_sam2.label_store import LabelStore

    stack = Drifting(frames, side, objects)
    session = Session(stack if video is None else open_frames(video))  # type: ignore[arg-type]
    for i in range(objects):
        session.add_points(object_id=i + 1, frame=0, points=[stack.centre(i, 0)], labels=[1])
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        store = LabelStore.on_disk(Path(folder) / "labels.zarr", stack.shape)
        tracking = track(session, model=model)
        tracking.to_labels(store)
        followed = np.mean(
            [
                store[frames - 1][tuple(round(c) for c in stack.centre(i, frames - 1))] == i + 1
                for i in range(objects)
            ]
        )
    return {
        "objects": objects,
        "frames": frames,
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "seconds": time.perf_counter() - started,
        "still_on_object": float(followed),
    }


def main() -> None:
    """Print a table and, with --json, write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, nargs="+", default=[200, 2000])
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--objects", type=int, nargs="+", default=[4])
    parser.add_argument("--model", default="nano")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--video", action="store_true", help="decode the frames from a video")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(run(args.one, args.side, args.objects[0], args.model, args.file)))
        return
    rows = []
    for frames, objects in product(args.frames, args.objects):
        command = [sys.executable, "-m", "benchmarks.flat_memory", "--one", str(frames)]
        command += ["--side", str(args.side), "--objects", str(objects), "--model", args.model]
        with tempfile.TemporaryDirectory() as folder:
            if args.video:
                command += ["--file", str(Path(folder) / "drifting.mp4")]
                write_video(Path(folder) / "drifting.mp4", Drifting(frames, args.side, objects))
            out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        rows.append(json.loads(out.splitlines()[-1]))
        print(rows[-1], flush=True)
    print(f"{'objects':>8} {'frames':>8} {'peak, MB':>10} {'to first':>14} {'frames/s':>10} {'followed':>9}")
    for row in rows:
        ratio = row["peak_rss_mb"] / rows[0]["peak_rss_mb"]
        speed = row["frames"] / row["seconds"]
        print(
            f"{row['objects']:>8} {row['frames']:>8} {row['peak_rss_mb']:>10.1f} {ratio:>14.3f} "
            f"{speed:>10.1f} {row['still_on_object']:>9.2f}"
        )
    if args.json:
        args.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
