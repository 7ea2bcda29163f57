"""What napari shows under File > Open Sample > SAM 2: the project's own procedural movies."""

from typing import Any

LayerData = tuple[Any, dict[str, Any], str]


def cells_time() -> list[LayerData]:
    """Cells that crawl, touch and divide, in time, and their true labels, hidden."""
    return _layers("cells_time")


def nuclei_z() -> list[LayerData]:
    """A stack of nuclei, in depth, and their true labels, hidden."""
    return _layers("nuclei_z")


def instruments_rgb() -> list[LayerData]:
    """Instruments over tissue, in colour, and their true labels, hidden."""
    return _layers("instruments_rgb")


def _layers(name: str) -> list[LayerData]:
    from napari_sam2.sample_data import load_sample

    images, labels, info = load_sample(name)
    place = {
        "scale": (info.step, *(info.pixel_size or (1.0, 1.0))),
        "units": (info.step_unit, info.unit, info.unit),
        "axis_labels": (info.axis, "y", "x"),
    }
    return [
        (images, {"name": name, "rgb": images.ndim == 4, **place}, "image"),
        (labels, {"name": f"{name} truth", "visible": False, **place}, "labels"),
    ]
