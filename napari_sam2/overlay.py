"""One picture from which a person judges whether the objects were followed."""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from skimage.measure import regionprops

from napari_sam2.analysis.colours import object_colour, paint_objects
from napari_sam2.models.prompts import Prompt
from napari_sam2.outputs import whole_file

if TYPE_CHECKING:
    from napari_sam2.frames import Frames

_SHOWN = 6
_WIDTH, _HEIGHT = 1400, 1100
_GAP, _CAPTION = 8, 26
_NAMED_OBJECTS = 60
_BACKGROUND, _TEXT, _HALO = (24, 24, 27), (235, 235, 235), (0, 0, 0)

Prompts = Mapping[tuple[int, int], Prompt]
"""What was said, by (object id, frame)."""


def write_overlay(
    frames: "Frames",
    labels: Sequence[NDArray[np.integer[Any]]],
    path: str | os.PathLike[str],
    *,
    prompts: Prompts | None = None,
    note: str = "",
) -> None:
    """Write a PNG of a few frames with the objects' outlines, ids and prompts.

    The frames are spread over those that have objects, the first prompted one always among them.
    Where the objects keep to a small part of the frame, that part is shown. An object has one colour
    in every picture.

    Parameters
    ----------
    frames : Frames
        The stack, seen as the model sees it.
    labels : sequence of int arrays (y, x)
        A label store, or an array (frames, y, x).
    path : path
        Is replaced when the whole file has been written.
    prompts : mapping of (object id, frame) to Prompt, optional
        Clicks (a dot inside the object, a cross outside it) and boxes to draw on their frames.
    note : str
        What to write below.

    Raises
    ------
    InputError
        When the disk is full or the file cannot be written.
    """
    prompts = prompts or {}
    shown = _choose_frames(labels, sorted({frame for _, frame in prompts}))
    view = _choose_view({frame: labels[frame] for frame in shown}, prompts)
    columns, tile = _choose_grid(len(shown), view)
    rows = math.ceil(len(shown) / columns)
    note = ", ".join(filter(None, [note, _say_part(tile, labels[shown[0]].shape)]))
    width, height = columns * (tile.width + _GAP) + _GAP, rows * (tile.height + _CAPTION + _GAP) + _GAP
    picture = Image.new("RGB", (width, height + (_CAPTION if note else 0)), _BACKGROUND)
    _write(picture, (_GAP + 2, height + _CAPTION // 2 - 4), note, "lm", 14)
    for place, frame in enumerate(shown):
        left = _GAP + place % columns * (tile.width + _GAP)
        top = _GAP + place // columns * (tile.height + _CAPTION + _GAP)
        given = {object_id: prompt for (object_id, at), prompt in prompts.items() if at == frame}
        _write(picture, (left + 2, top + _CAPTION // 2), _caption(frames, frame, bool(given)), "lm", 17)
        drawn = _draw_tile(frames.rgb(frame), labels[frame], given, tile)
        if place == 0 and frames.pixel_size is not None:
            _draw_scale_bar(drawn, frames.pixel_size[1] / tile.zoom, frames.unit)
        picture.paste(drawn, (left, top + _CAPTION))
    with whole_file(path) as partial:
        picture.save(partial, format="PNG", optimize=True)


@dataclass(frozen=True)
class _Tile:
    """The part of a frame that is shown, and how large."""

    top: int
    left: int
    rows: int
    columns: int
    zoom: float = 1.0

    @property
    def width(self) -> int:
        return max(1, round(self.columns * self.zoom))

    @property
    def height(self) -> int:
        return max(1, round(self.rows * self.zoom))

    def sample(self, image_hw: NDArray[Any]) -> NDArray[Any]:
        """The part of an image (y, x, ...), enlarged or thinned by taking the nearest pixel."""
        y = self.top + np.minimum(((np.arange(self.height) + 0.5) / self.zoom).astype(int), self.rows - 1)
        x = self.left + np.minimum(((np.arange(self.width) + 0.5) / self.zoom).astype(int), self.columns - 1)
        return image_hw[np.ix_(y, x)]

    def place(self, y: float, x: float) -> tuple[float, float]:
        """(x, y) on the tile of a position in the frame, where whole numbers are pixel centres."""
        return (x + 0.5 - self.left) * self.zoom, (y + 0.5 - self.top) * self.zoom


def _choose_frames(labels: Sequence[NDArray[np.integer[Any]]], prompted: list[int]) -> list[int]:
    def has_objects(frame: int) -> bool:
        return frame in prompted or bool(np.any(labels[frame]))

    everything = range(len(labels))
    first = next(filter(has_objects, everything), 0)
    last = next(filter(has_objects, reversed(everything)), len(labels) - 1)
    shown = sorted(set(np.linspace(first, last, _SHOWN).round().astype(int).tolist()))
    if prompted and prompted[0] not in shown:
        nearest = min(shown, key=lambda frame: abs(frame - prompted[0]))
        shown[shown.index(nearest)] = prompted[0]
    return shown


def _choose_view(labels_of: Mapping[int, NDArray[np.integer[Any]]], prompts: Prompts) -> _Tile:
    """The whole frame, or the part that the objects keep to where that is a small one."""
    shape = next(iter(labels_of.values())).shape
    corners: list[tuple[float, float]] = []
    for labels_hw in labels_of.values():
        y, x = np.flatnonzero(labels_hw.any(axis=1)), np.flatnonzero(labels_hw.any(axis=0))
        if len(y):
            corners += [(y[0], x[0]), (y[-1], x[-1])]
    for (_, frame), prompt in prompts.items():
        if frame in labels_of:
            corners += prompt.points
            corners += [prompt.box[:2], prompt.box[2:]] if prompt.box is not None else []
    whole = _Tile(0, 0, *shape)
    if not corners:
        return whole
    low, high = np.min(corners, axis=0), np.max(corners, axis=0)
    side = max(*(high - low), 16)
    size = np.maximum(high - low + 0.3 * side, 0.8 * side)
    middle = (low + high) / 2
    start = np.clip(np.floor(middle - size / 2), 0, shape).astype(int)
    stop = np.clip(np.ceil(middle + size / 2), 0, shape).astype(int)
    part = _Tile(*start.tolist(), *(stop - start).tolist())
    return part if part.rows * part.columns < 0.5 * whole.rows * whole.columns else whole


def _choose_grid(count: int, view: _Tile) -> tuple[int, _Tile]:
    """The fewest columns, so the largest tiles, that keep the picture within its height."""
    for columns in range(1, count + 1):
        width = (_WIDTH - _GAP) / columns - _GAP
        height = _HEIGHT / math.ceil(count / columns) - _CAPTION - _GAP
        zoom = min(width / view.columns, height / view.rows)
        if zoom == width / view.columns:
            break
    return columns, _Tile(view.top, view.left, view.rows, view.columns, zoom)


def _caption(frames: "Frames", frame: int, prompted: bool) -> str:
    return f"{'slice' if frames.axis == 'z' else 'frame'} {frame}" + (" · prompted" if prompted else "")


def _say_part(tile: _Tile, shape: tuple[int, ...]) -> str:
    if (tile.rows, tile.columns) == shape:
        return ""
    bottom, right = tile.top + tile.rows - 1, tile.left + tile.columns - 1
    part = f"rows {tile.top} to {bottom}, columns {tile.left} to {right}"
    return f"shown: {part} of {shape[0]} × {shape[1]} pixels"


def _draw_tile(
    rgb_chw: NDArray[np.float32],
    labels_hw: NDArray[np.integer[Any]],
    prompts: Mapping[int, Prompt],
    tile: _Tile,
) -> Image.Image:
    rows, columns = slice(tile.top, tile.top + tile.rows), slice(tile.left, tile.left + tile.columns)
    pixels_hwc = (np.clip(rgb_chw[:, rows, columns], 0, 1) * 255).astype(np.uint8).transpose(1, 2, 0)
    filter_ = Image.Resampling.NEAREST if tile.zoom >= 1 else Image.Resampling.BOX
    image = Image.fromarray(np.ascontiguousarray(pixels_hwc)).resize((tile.width, tile.height), filter_)

    tile_hw = tile.sample(labels_hw)
    image = Image.fromarray(paint_objects(np.asarray(image), tile_hw))

    regions = regionprops(tile_hw)
    if len(regions) <= _NAMED_OBJECTS:
        for region in regions:
            _draw_id(image, region, beside=region.label in prompts)
    for object_id, prompt in prompts.items():
        _draw_prompt(image, prompt, object_colour(object_id), tile)
    return image


def _draw_id(image: Image.Image, region: Any, *, beside: bool) -> None:
    """Inside the object where there is room, else at its upper right corner."""
    top, left, bottom, right = region.bbox
    text, size = str(region.label), 13
    width, height = _font(size).getlength(text) + 4, size + 2
    if not beside and right - left > width * 1.3 and bottom - top > height * 1.3:
        nearest = np.argmin(((region.coords - region.centroid) ** 2).sum(axis=1))
        y, x = region.coords[nearest]
    else:
        y, x = top - height / 2, right + width / 2
    x = min(max(x, width / 2), image.width - width / 2)
    y = min(max(y, height / 2), image.height - height / 2)
    _write(image, (x, y), text, "mm", size, object_colour(region.label))


def _draw_prompt(image: Image.Image, prompt: Prompt, colour: tuple[int, int, int], tile: _Tile) -> None:
    draw = ImageDraw.Draw(image)
    if prompt.box is not None:
        y0, x0, y1, x1 = prompt.box
        left, top = tile.place(y0 - 0.5, x0 - 0.5)
        right, bottom = tile.place(y1 + 0.5, x1 + 0.5)
        draw.rectangle([left - 1, top - 1, right + 1, bottom + 1], outline=_HALO, width=4)
        draw.rectangle([left, top, right, bottom], outline=colour, width=2)
    for (y, x), inside in zip(prompt.points, prompt.labels, strict=True):
        x, y = tile.place(y, x)
        if inside:
            draw.circle((x, y), 6, fill=colour, outline=_HALO, width=1)
            draw.circle((x, y), 2.5, fill=(255, 255, 255))
        else:
            for width, ink in ((5, _HALO), (3, colour)):
                draw.line([x - 5, y - 5, x + 5, y + 5], fill=ink, width=width)
                draw.line([x - 5, y + 5, x + 5, y - 5], fill=ink, width=width)


def _draw_scale_bar(image: Image.Image, size_per_dot: float, unit: str) -> None:
    """At the lower right: the largest 1, 2 or 5 times a power of ten within a third of the width."""
    longest = image.width / 3 * size_per_dot
    power = 10.0 ** math.floor(math.log10(longest))
    # Half a power for when the logarithm was rounded up.
    length = max(step * power for step in (0.5, 1, 2, 5) if step * power <= longest)
    right, bottom, width = image.width - 12, image.height - 12, length / size_per_dot
    draw = ImageDraw.Draw(image)
    draw.rectangle([right - width - 1, bottom - 5, right + 1, bottom + 1], fill=_HALO)
    draw.rectangle([right - width, bottom - 4, right, bottom], fill=(255, 255, 255))
    text = f"{length:g} {unit}"
    middle = min(right - width / 2, image.width - 6 - _font(15).getlength(text) / 2)
    _write(image, (middle, bottom - 8), text, "mb", 15)


def _write(
    image: Image.Image,
    at: tuple[float, float],
    text: str,
    anchor: str,
    size: int,
    colour: tuple[int, int, int] = _TEXT,
) -> None:
    draw = ImageDraw.Draw(image)
    draw.text(at, text, colour, _font(size), anchor, stroke_width=2, stroke_fill=_HALO)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    # Pillow's own font has no µ; matplotlib brings one that has.
    return ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans-Bold.ttf"), size)
