"""The volume table: one row for each object in a stack of slices, measured slice by slice."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_sam2.analysis.errors import MeasureError
from napari_sam2.analysis.intensity import medians
from napari_sam2.analysis.neighbours import nearest_distances
from napari_sam2.analysis.objects import Floats, Ints, divide, find_objects
from napari_sam2.analysis.outline import Outline
from napari_sam2.analysis.scale import Scale, read_voxel_scale
from napari_sam2.analysis.solid import Solid, measure_solid
from napari_sam2.analysis.stack import LazyStack, Stack
from napari_sam2.analysis.tables import make_table


@dataclass
class _Surfaces:
    """What a sweep through the slices finds out about all objects: compact, as it grows with surfaces."""

    runs: list[Ints] = field(default_factory=list)  # (runs, 5): id, z, y, left, right
    points: list[Ints] = field(default_factory=list)  # (voxels, 4): id, z, y, x
    contacts: list[pd.DataFrame] = field(default_factory=list)  # id, other, area
    inside: list[pd.DataFrame] = field(default_factory=list)  # id, area
    shape: tuple[int, int, int] = (0, 0, 0)


def _one_slice(z: int, labels_yx: NDArray[Any], voxel_size: tuple[float, ...]) -> _Surfaces:
    found = _Surfaces()
    objects = find_objects(labels_yx)
    if len(objects) == 0:
        return found
    ids = objects.ids
    found.runs.append(
        np.stack(
            [ids[objects.owner], np.full(len(objects.y), z), objects.y, objects.left, objects.right], axis=1
        )
    )
    outline = Outline(objects, labels_yx)
    found.points.append(
        np.stack([ids[outline.owner], np.full(len(outline.y), z), outline.y, outline.x], axis=1)
    )
    contacts = outline.contacts(voxel_size[1:])
    area = contacts.length * voxel_size[0]
    found.contacts.append(
        pd.DataFrame({"id": ids[contacts.owner], "other": ids[contacts.other], "area": area})
    )
    found.inside.append(pd.DataFrame({"id": ids, "area": contacts.inside * voxel_size[0]}))
    return found


def _between(
    z: int, above_yx: NDArray[Any], below_yx: NDArray[Any], voxel_size: tuple[float, ...], found: _Surfaces
) -> None:
    """Faces between slice z - 1 and slice z, seen from both sides."""
    y, x = np.nonzero(above_yx != below_yx)
    area = voxel_size[1] * voxel_size[2]
    for own_yx, other_yx, at in ((above_yx, below_yx, z - 1), (below_yx, above_yx, z)):
        own, other = own_yx[y, x].astype(np.int64), other_yx[y, x].astype(np.int64)
        mine = own > 0
        if mine.any():
            found.points.append(np.stack([own[mine], np.full(mine.sum(), at), y[mine], x[mine]], axis=1))
            found.inside.append(pd.DataFrame({"id": own[mine], "area": area}))
            touching = mine & (other > 0)
            found.contacts.append(pd.DataFrame({"id": own[touching], "other": other[touching], "area": area}))


def _sweep(stack: Stack, voxel_size: tuple[float, ...], progress: Callable[[], None]) -> _Surfaces:
    whole = _Surfaces()
    above_yx: NDArray[Any] | None = None

    def one(z: int, labels_yx: NDArray[Any], _: object) -> tuple[NDArray[Any], _Surfaces]:
        return labels_yx, _one_slice(z, labels_yx, voxel_size)

    for z, (labels_yx, found) in enumerate(stack.measure(one, range(len(stack)))):
        for name in ("runs", "points", "contacts", "inside"):
            getattr(whole, name).extend(getattr(found, name))
        if above_yx is not None:
            if above_yx.shape != labels_yx.shape:
                raise MeasureError(
                    f"Slice {z} has the shape {labels_yx.shape} and slice {z - 1} {above_yx.shape}; "
                    "the slices of a volume have one shape."
                )
            _between(z, above_yx, labels_yx, voxel_size, whole)
        above_yx = labels_yx
        whole.shape = (len(stack), *labels_yx.shape)
        progress()
    return whole


def _measure_neighbours(
    found: _Surfaces, ids: Ints, voxel_size: tuple[float, ...]
) -> dict[str, NDArray[Any]]:
    contacts = pd.concat(found.contacts).groupby(["id", "other"], as_index=False)["area"].sum()
    inside = pd.concat(found.inside).groupby("id")["area"].sum().reindex(ids).to_numpy()
    touching = contacts.groupby("id")["area"].sum().reindex(ids, fill_value=0).to_numpy()
    voxels = np.concatenate(found.points)
    shape = (len(ids), *found.shape)
    owner = np.searchsorted(ids, voxels[:, 0])
    once = np.unique(np.ravel_multi_index((owner, *voxels[:, 1:].T), shape))
    owner, *at = np.unravel_index(once, shape)
    points = np.stack(at, axis=1).astype(np.float64)
    starts = np.searchsorted(owner, np.arange(len(ids) + 1))
    columns: dict[str, NDArray[Any]] = {
        "neighbours": contacts.groupby("id").size().reindex(ids, fill_value=0).to_numpy(),
        "contact_fraction": divide(touching, inside),
    }
    for mark, size in (("_px", (1.0, 1.0, 1.0)), ("", voxel_size)):
        columns[f"nearest_distance{mark}"], which = nearest_distances(
            points * np.array(size), starts, min(size)
        )
    columns["nearest_object"] = np.where(which < 0, np.nan, ids[which])
    return columns


@dataclass
class _Values:
    """Intensities of one object while the sweep is inside it."""

    inside: list[NDArray[Any]] = field(default_factory=list)  # (voxels, channels)
    around: list[NDArray[Any]] = field(default_factory=list)  # (voxels, channels)
    weighted: Floats | float = 0.0  # (3, channels): Σ I z, Σ I y, Σ I x


def _summary(values: _Values, channels: Sequence[str], voxel_size: tuple[float, ...]) -> dict[str, float]:
    inside, around = np.concatenate(values.inside), np.concatenate(values.around)
    n = len(inside)
    numbers: dict[str, float] = {}
    for c, channel in enumerate(channels):
        one = inside[:, c].astype(np.float64)
        total = one.sum()
        background = medians(around[:, c], np.array([0, len(around)]))[0]
        named = {
            "intensity_mean": total / n,
            "intensity_median": medians(one, np.array([0, n]))[0],
            "intensity_std": one.std(),
            "intensity_min": one.min(),
            "intensity_max": one.max(),
            "intensity_integrated": total,
            "background": background,
            "intensity_corrected": total / n - background,
            "integrated_corrected": total - n * background,
        }
        assert isinstance(values.weighted, np.ndarray)
        for axis, at, size in zip("zyx", values.weighted[:, c], voxel_size, strict=True):
            centre = at / total if total != 0 else np.nan
            named |= {f"weighted_centroid_{axis}_px": centre, f"weighted_centroid_{axis}": centre * size}
        numbers |= {f"{name}_{channel}": float(value) for name, value in named.items()}
    return numbers


def _intensities(
    stack: Stack, last: dict[int, int], ring: tuple[int, int], voxel_size: tuple[float, ...]
) -> Iterator[tuple[int, dict[str, float]]]:
    """Yield each object's intensity columns once the sweep has left it, so that few are held at once."""
    held: dict[int, _Values] = {}

    def one(z: int, labels_yx: NDArray[Any], image_yxc: NDArray[Any] | None) -> Any:
        assert image_yxc is not None
        objects = find_objects(labels_yx)
        if len(objects) == 0:
            return ()
        flat = image_yxc.reshape(-1, image_yxc.shape[2])
        owner, place = Outline(objects, labels_yx).ring(*ring)
        values = np.split(flat[objects.pixels], objects.pixel_starts[1:-1])
        around = np.split(flat[place], np.searchsorted(owner, np.arange(1, len(objects))))
        y, x = objects.pixels_yx
        at = np.stack([np.full(len(y), z), y, x]).astype(np.float64)
        weighted = [
            positions @ part.astype(np.float64)
            for positions, part in zip(np.split(at, objects.pixel_starts[1:-1], axis=1), values, strict=True)
        ]
        return zip(objects.ids.tolist(), values, around, weighted, strict=True)

    for z, parts in enumerate(stack.measure(one, range(len(stack)))):
        for object_id, inside, around, weighted in parts:
            mine = held.setdefault(object_id, _Values())
            mine.inside.append(inside)
            mine.around.append(around)
            mine.weighted = mine.weighted + weighted
        for object_id in [object_id for object_id in held if last[object_id] == z]:
            yield object_id, _summary(held.pop(object_id), stack.channels, voxel_size)


def _measure_volume(
    stack: Stack, scale: Scale, ring: tuple[int, int], progress: Callable[[], None]
) -> pd.DataFrame | None:
    found = _sweep(stack, scale.pixel_size, progress)
    if not found.runs:
        return None
    runs = np.concatenate(found.runs)
    runs = runs[np.argsort(runs[:, 0], kind="stable")]
    ids, first = np.unique(runs[:, 0], return_index=True)
    solids = [Solid(*part[:, 1:].T) for part in np.split(runs, first[1:])]
    rows = {
        object_id: {"object_id": object_id, **measure_solid(solid, found.shape, scale.pixel_size)}
        for object_id, solid in zip(ids.tolist(), solids, strict=True)
    }
    if stack.channels:
        last = {object_id: int(solid.z[-1]) for object_id, solid in zip(ids.tolist(), solids, strict=True)}
        for object_id, numbers in _intensities(stack, last, ring, scale.pixel_size):
            rows[object_id] |= numbers
    return pd.DataFrame(rows.values()).assign(**_measure_neighbours(found, ids, scale.pixel_size))


def measure_volumes(
    labels: Sequence[LazyStack],
    images: Sequence[LazyStack] | None = None,
    *,
    voxel_size: Sequence[float] | None = None,
    unit: str = "pixel",
    step: float | None = None,
    step_unit: str = "frame",
    channel_names: Sequence[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
    ring: tuple[int, int] = (2, 4),
) -> pd.DataFrame:
    """Measure every object of one or more stacks of slices as a body in three dimensions.

    Slices are read one after the other, twice if there are images; what is held are the objects'
    surfaces, and the intensities of the objects that the current slice cuts.

    Parameters
    ----------
    labels : sequence of volumes
        `labels[t][z]` is an integer array (y, x). For a single stack of slices give `[stack]`; an array
        (t, z, y, x) is taken as it is.
    images : sequence of volumes, optional
        `images[t][z]` is (y, x) or (y, x, c).
    voxel_size : (float, float, float), optional
        Depth, height and width of a voxel, in `unit`. When unknown, lengths are in voxels.
    unit : str
        Unit of lengths.
    step, step_unit : optional
        Time between volumes.
    channel_names : sequence of str, optional
        One for each channel; "ch0", "ch1" ... when not given.
    progress : callable, optional
        Called with the number of slices done and the number of slices.
    ring : (int, int)
        Gap and width, in pixels, of the ring in each slice that the background is read from.

    Returns
    -------
    DataFrame
        Sorted by frame (time), then by object id. `COLUMNS["volumes"]` says what each column means.

    Raises
    ------
    MeasureError
        Labels, images or sizes that cannot be measured.
    """
    scale = read_voxel_scale(voxel_size, unit, step, step_unit)
    if len(labels) == 0 or (images is not None and len(images) != len(labels)):
        raise MeasureError(
            f"There are {len(labels)} volumes of labels and {0 if images is None else len(images)} "
            "volumes of images; give at least one, and as many of each."
        )
    stacks = [
        Stack(labels[t], None if images is None else images[t], channel_names) for t in range(len(labels))
    ]
    n_slices, done = sum(map(len, stacks)), 0

    def count() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, n_slices)

    tables = []
    for t, stack in enumerate(stacks):
        table = _measure_volume(stack, scale, ring, count)
        if table is not None:
            tables.append(table.assign(frame=t, time=t * scale.step))
    data = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame({"object_id": []})
    parameters = {"ring": list(ring), "frames": [0, len(stacks) - 1]}
    return make_table("volumes", data, scale, channels=stacks[0].channels, parameters=parameters)
