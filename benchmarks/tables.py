"""Speed and memory of the region table against a plain loop over frames with scikit-image.

Run `python -m benchmarks.tables` in the repository root. Frames are 1024 x 1024 with 200 objects, made as
they are read. The loop is timed on fewer frames and compared number by number with ours. One process,
one thread; then the gain of two processes in real time, which needs two processors that are free; then the
memory that fresh processes need for the table, and for all tables of a result, which go to the disk.
"""

import argparse
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from scipy import ndimage
from scipy.spatial import ConvexHull, KDTree
from skimage.measure import label, regionprops_table
from skimage.segmentation import expand_labels

from napari_sam2.analysis import measure_regions, write_results

SKIMAGE = {
    "label": "object_id",
    "area": "area",
    "area_convex": "convex_area",
    "perimeter": "perimeter",
    "equivalent_diameter_area": "equivalent_diameter",
    "axis_major_length": "major_axis",
    "axis_minor_length": "minor_axis",
    "feret_diameter_max": "feret_max",
    "orientation": "orientation",
    "eccentricity": "eccentricity",
    "solidity": "solidity",
    "euler_number": "euler_number",
    "centroid-0": "centroid_y",
    "centroid-1": "centroid_x",
    "bbox-0": "bbox_y0",
    "bbox-1": "bbox_x0",
    "bbox-2": "bbox_y1",
    "bbox-3": "bbox_x1",
    "intensity_mean": "intensity_mean_ch0",
    "intensity_median": "intensity_median_ch0",
    "intensity_std": "intensity_std_ch0",
    "intensity_min": "intensity_min_ch0",
    "intensity_max": "intensity_max_ch0",
    "centroid_weighted-0": "weighted_centroid_y_ch0",
    "centroid_weighted-1": "weighted_centroid_x_ch0",
}


class Frames:
    """Ragged blobs that drift; frame k is made when it is read, so the stack is never in memory."""

    def __init__(self, n_frames: int, size: int, n_objects: int, images: bool) -> None:
        rng = np.random.default_rng(0)
        self.n_frames = n_frames
        self.base = np.zeros((size, size), np.int32)
        per_side = int(np.ceil(np.sqrt(n_objects)))
        pitch = size / per_side
        y, x = np.mgrid[:size, :size]
        for k in range(n_objects):
            cy, cx = ((np.array(divmod(k, per_side)) + 0.5) * pitch) + rng.normal(0, 0.05 * pitch, 2)
            near = np.s_[max(int(cy - pitch), 0) : int(cy + pitch), max(int(cx - pitch), 0) : int(cx + pitch)]
            dy, dx = y[near] - cy, x[near] - cx
            angle, radius = np.arctan2(dy, dx), pitch * rng.uniform(0.25, 0.5)
            for wave in range(2, 6):
                radius = radius * (1 + rng.uniform(0, 0.12) * np.cos(wave * angle + rng.uniform(0, 6)))
            self.base[near][dy**2 + dx**2 < radius**2] = k + 1
        if images:
            self.base = (self.base > 0) * 1000 + rng.integers(0, 3000, self.base.shape)
            self.base = self.base.astype(np.uint16)

    def __len__(self) -> int:
        return self.n_frames

    def __getitem__(self, index: int) -> np.ndarray:
        return np.roll(self.base, (index % 7, index % 11), axis=(0, 1))


def loop_skimage(labels: np.ndarray, image: np.ndarray) -> pd.DataFrame:
    """The columns that scikit-image has, for one frame."""
    properties = list(dict.fromkeys(name.split("-")[0] for name in SKIMAGE))
    return pd.DataFrame(regionprops_table(labels, image, properties=properties)).rename(columns=SKIMAGE)


def loop_all(labels: np.ndarray, image: np.ndarray) -> pd.DataFrame:
    """Those and, in a few plain lines each, the rest of our columns."""
    table = loop_skimage(labels, image)
    ids = table.object_id.to_numpy()
    ring = expand_labels(labels, 6) - expand_labels(labels, 2)
    table["background"] = ndimage.median(image, ring, ids)
    rest = []
    outlines = {}
    for object_id, box in zip(ids, ndimage.find_objects(labels), strict=True):
        mask = np.pad(labels[box] == object_id, 1)
        outlines[object_id] = np.argwhere(mask & ~ndimage.binary_erosion(mask)) + [s.start - 1 for s in box]
    for object_id, box in zip(ids, ndimage.find_objects(labels), strict=True):
        wide = tuple(slice(max(s.start - 1, 0), s.stop + 1) for s in box)
        mask = labels[wide] == object_id
        hull = ConvexHull(outlines[object_id])
        corners, normals = hull.points[hull.vertices], hull.equations[:, :2]
        beside = labels[wide][ndimage.binary_dilation(mask) & ~mask]
        others = np.concatenate([points for other, points in outlines.items() if other != object_id])
        rest.append(
            {
                "parts": label(mask, connectivity=2).max(),
                "feret_min": np.ptp(corners @ normals.T, axis=0).min(),
                "neighbours": len(np.unique(beside[beside > 0])),
                "contact_fraction": (beside > 0).mean(),
                "nearest_distance": KDTree(outlines[object_id]).query(others)[0].min(),
            }
        )
    return pd.concat([table, pd.DataFrame(rest)], axis=1)


def seconds(run: Callable[[], object]) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


def peak_memory(run: str, n_frames: int, size: int, n_objects: int) -> float:
    """Megabytes that a fresh process needs to `run` on so many frames."""
    code = f"from benchmarks import tables as t; t.{run}({n_frames}, {size}, {n_objects}); t.print_memory()"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return float(done.stdout)


def print_memory() -> None:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def stacks(n_frames: int, size: int, n_objects: int) -> tuple[Frames, Frames]:
    return tuple(Frames(n_frames, size, n_objects, images) for images in (False, True))


def measure(n_frames: int, size: int, n_objects: int) -> pd.DataFrame:
    return measure_regions(*stacks(n_frames, size, n_objects))


def write(n_frames: int, size: int, n_objects: int) -> None:
    with TemporaryDirectory() as folder:
        write_results(*stacks(n_frames, size, n_objects), folder)


def nothing(n_frames: int, size: int, n_objects: int) -> None:
    measure_regions(*stacks(1, size, n_objects))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--loop-frames", type=int, default=10)
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--objects", type=int, default=200)
    parser.add_argument("--memory", action=argparse.BooleanOptionalAction, default=True)
    asked = parser.parse_args()

    # First, as a process begins with the peak of the one it was started from.
    few, many = asked.frames // 5, asked.frames
    memory = {
        (run, n): peak_memory(run, n, asked.size, asked.objects)
        for run, n in (("nothing", 1), ("measure", few), ("measure", many), ("write", few), ("write", many))
        if asked.memory
    }
    labels, images = stacks(asked.frames, asked.size, asked.objects)
    measure_regions(labels, images, frames=[0])
    reading = seconds(lambda: [(labels[i], images[i]) for i in range(asked.loop_frames)]) / asked.loop_frames

    ours = seconds(lambda: measure_regions(labels, images)) / asked.frames - reading
    loops = {}
    for name, one in (("scikit-image columns only", loop_skimage), ("all columns", loop_all)):
        spent = seconds(lambda one=one: [one(labels[i], images[i]) for i in range(asked.loop_frames)])
        loops[name] = spent / asked.loop_frames - reading
    print(f"{asked.size} x {asked.size}, {asked.objects} objects; processor time a frame, reading taken off")
    print(f"  measure_regions, all columns      {1e3 * ours:7.1f} ms  ({asked.frames} frames)")
    for name, spent in loops.items():
        print(f"  loop, {name:27s} {1e3 * spent:7.1f} ms  = {spent / ours:.1f} x ours")

    table = measure_regions(labels, images, frames=range(asked.loop_frames))
    theirs = pd.concat([loop_skimage(labels[i], images[i]) for i in range(asked.loop_frames)])
    worst = max(
        np.nanmax(np.abs(table[name].to_numpy(float) - theirs[name].to_numpy(float)))
        for name in SKIMAGE.values()
        if name != "orientation"
    )
    print(f"  largest difference from scikit-image over {len(SKIMAGE) - 1} columns: {worst:.1e}")
    some = range(min(asked.frames, 200))
    walls = {}
    for workers in (1, 2):
        start = time.perf_counter()
        measure_regions(labels, images, frames=some, workers=workers)
        walls[workers] = time.perf_counter() - start
    busy = os.getloadavg()[0]
    print(
        f"  {len(some)} frames in real time: {walls[1]:.1f} s with 1 process, {walls[2]:.1f} s with 2 = "
        f"{walls[1] / walls[2]:.2f} x; {os.cpu_count()} processors, load {busy:.1f}"
    )
    if not asked.memory:
        return
    base = memory["nothing", 1]
    row = table.memory_usage(index=False).sum() / len(table) / 2**20
    rows = {n: len(table) // asked.loop_frames * n for n in (few, many)}
    print(f"  peak memory above the {base:.0f} MB of the program and one frame:")
    for run, what in (
        ("measure", "measure_regions, the table in memory"),
        ("write", "write_results, all tables"),
    ):
        said = ", ".join(f"{memory[run, n] - base:.0f} MB for {n} frames" for n in (few, many))
        print(f"    {what}: {said}")
    print(f"    the table itself: {rows[few] * row:.0f} and {rows[many] * row:.0f} MB")


if __name__ == "__main__":
    main()
