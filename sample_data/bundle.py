"""Write the bundled sample files: `python -m napari_sam2.sample_data.bundle`."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from scipy.ndimage import distance_transform_edt

from napari_sam2.sample_data.movies import cell_movie, instrument_clip, zstack
from napari_sam2.sample_data.samples import SAMPLES, sample_path

_PROMPTED = 8
_LEAST_AREA = 60


def prompts_for(labels: np.ndarray, count: int = _PROMPTED) -> list[dict[str, Any]]:
    """Prompts for some objects, on the frame that shows each best: clicks and boxes by turns.

    Parameters
    ----------
    labels
        (frames, y, x), ids from 1.
    count
        At most so many objects, those that are there longest.

    Returns
    -------
    list
        Rows of a prompts file: a click at the object's deepest point, or its bounding box, in pixels.
    """
    ids = [int(i) for i in np.unique(labels) if i > 0]
    areas = {i: (labels == i).sum((1, 2)) for i in ids}
    longest = sorted(ids, key=lambda i: (-(areas[i] >= _LEAST_AREA).sum(), i))[:count]
    rows: list[dict[str, Any]] = []
    for turn, object_id in enumerate(sorted(longest)):
        area = areas[object_id]
        # the first frame of those that show nearly all of it
        frame = int((area >= 0.7 * area.max()).argmax())
        mask = np.pad(labels[frame] == object_id, 1)
        row: dict[str, Any] = {"object_id": object_id, "frame": frame}
        if turn % 2 == 0:
            deepest = distance_transform_edt(mask)[1:-1, 1:-1]
            y, x = np.unravel_index(deepest.argmax(), deepest.shape)
            rows.append({**row, "kind": "point", "y": int(y), "x": int(x), "label": 1})
        else:
            ys, xs = np.nonzero(mask[1:-1, 1:-1])
            corners = {"y": ys.min(), "x": xs.min(), "y1": ys.max(), "x1": xs.max()}
            rows.append({**row, "kind": "box", **{k: int(v) for k, v in corners.items()}})
    return rows


def write(name: str, images: np.ndarray, labels: np.ndarray) -> None:
    """Write a sample's image, labels and prompts into the package."""
    info = SAMPLES[name]
    axes = f"{info.axis.upper()}YX"
    metadata: dict[str, Any] = {"axes": axes}
    if info.pixel_size is not None:
        for axis, size in zip("YX", info.pixel_size, strict=True):
            metadata |= {f"PhysicalSize{axis}": size, f"PhysicalSize{axis}Unit": info.unit}
    if info.axis == "z":
        metadata |= {"PhysicalSizeZ": info.step, "PhysicalSizeZUnit": info.step_unit}
    else:
        metadata |= {"TimeIncrement": info.step, "TimeIncrementUnit": info.step_unit}
    options: dict[str, Any] = {"ome": True, "compression": "zlib", "compressionargs": {"level": 9}}
    tifffile.imwrite(sample_path(name, "labels"), labels, metadata=metadata, **options)
    if images.ndim == 4:
        # footage of an endoscope is compressed with losses anyhow
        options |= {"compression": "jpeg", "compressionargs": {"level": 92}, "photometric": "rgb"}
        metadata = {**metadata, "axes": axes + "S"}
    else:
        options["predictor"] = True
    tifffile.imwrite(sample_path(name), images, metadata=metadata, **options)
    with open(sample_path(name, "prompts"), "w", newline="") as file:
        writer = csv.DictWriter(
            file, ["object_id", "frame", "kind", "y", "x", "y1", "x1", "label"], lineterminator="\n"
        )
        writer.writeheader()
        writer.writerows(prompts_for(labels))


def main() -> None:
    """Make and write the three samples."""
    write("cells_time", *cell_movie(24, (256, 256), 26, seed=4))
    write("nuclei_z", *zstack(32, (192, 192), 30, seed=2))
    write("instruments_rgb", *instrument_clip(16, (270, 360), seed=0))
    for name in SAMPLES:
        sizes = {
            what: Path(sample_path(name, what)).stat().st_size for what in ("image", "labels", "prompts")
        }
        print(name, ", ".join(f"{what} {size / 1024:.0f} kB" for what, size in sizes.items()))


if __name__ == "__main__":
    main()
