"""The overlay shows the right frames, the right part of them, and each object in its colour."""

import errno
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_sam2.errors import InputError
from napari_sam2.models.prompts import Prompt
from napari_sam2.overlay import object_colour, write_overlay


class Grey:
    """Frames of one grey, which note the ones that were asked for."""

    axis = "t"
    unit = "µm"

    def __init__(self, shape, pixel_size=None, grey=0.2):
        self.shape, self.pixel_size, self.grey, self.asked = shape, pixel_size, grey, []

    def rgb(self, index):
        self.asked.append(index)
        return np.full((3, *self.shape[1:]), self.grey, np.float32)


def draw(tmp_path, frames, labels, prompts=None):
    write_overlay(frames, labels, tmp_path / "overlay.png", prompts=prompts)
    assert [path.name for path in tmp_path.iterdir()] == ["overlay.png"]
    with Image.open(tmp_path / "overlay.png") as picture:
        assert picture.format == "PNG" and picture.mode == "RGB"
        return np.asarray(picture)


def count(picture, colour):
    return int((picture == colour).all(axis=-1).sum())


def square(shape, top=30, left=30, side=20, object_id=1, frames=slice(None)):
    labels = np.zeros(shape, np.int32)
    labels[frames, top : top + side, left : left + side] = object_id
    return labels


def test_frames_are_spread_over_those_with_objects(tmp_path):
    frames = Grey((100, 80, 80))
    draw(tmp_path, frames, square(frames.shape, frames=slice(20, 71)))
    assert frames.asked == [20, 30, 40, 50, 60, 70]


def test_the_first_prompted_frame_is_always_shown(tmp_path):
    frames = Grey((100, 80, 80))
    click = Prompt(points=((40.0, 40.0),), labels=(1,))
    draw(tmp_path, frames, square(frames.shape), {(1, 58): click, (1, 90): click})
    assert frames.asked == [0, 20, 40, 58, 79, 99]


def test_few_frames_are_all_shown_and_no_objects_are_no_mistake(tmp_path):
    frames = Grey((3, 80, 80))
    draw(tmp_path, frames, np.zeros(frames.shape, np.int32))
    assert frames.asked == [0, 1, 2]


@pytest.mark.parametrize("size", [(40, 40), (100, 900), (900, 100), (2300, 3000)])
@pytest.mark.parametrize("count_", [1, 5, 9])
def test_the_picture_fits_a_screen(tmp_path, size, count_):
    frames = Grey((count_, *size))
    labels = np.zeros(frames.shape, np.uint8)
    labels[:, 2:-2, 2:-2] = 1
    height, width, _ = draw(tmp_path, frames, labels).shape
    assert width <= 1402 and height <= 1110
    assert width >= 1390 or height >= 1090


def test_an_object_has_its_colour_on_every_tile(tmp_path):
    frames = Grey((2, 100, 100))
    labels = square(frames.shape, side=30) + square(frames.shape, left=70, object_id=2, frames=slice(1))
    picture = draw(tmp_path, frames, labels)
    left, right = np.array_split(picture, 2, axis=1)
    assert count(left, object_colour(1)) > 500 and count(right, object_colour(1)) > 500
    assert count(left, object_colour(2)) > 500 and count(right, object_colour(2)) == 0


def test_the_outline_is_at_the_edge_of_the_object(tmp_path):
    frames = Grey((1, 100, 100))
    picture = draw(tmp_path, frames, square(frames.shape, top=20, left=30, side=60))
    zoom = (picture.shape[1] - 16) / 100
    rows, columns = np.nonzero((picture == object_colour(1)).all(axis=-1))
    tile_y, tile_x = 8 + 26, 8
    assert (rows.min() - tile_y) / zoom == pytest.approx(20, abs=0.3)
    assert (rows.max() + 1 - tile_y) / zoom == pytest.approx(80, abs=0.3)
    assert (columns.min() - tile_x) / zoom == pytest.approx(30, abs=0.3)
    assert (columns.max() + 1 - tile_x) / zoom == pytest.approx(90, abs=0.3)


def test_the_part_with_a_small_object_is_enlarged(tmp_path):
    frames = Grey((6, 2000, 2000))
    picture = draw(tmp_path, frames, square(frames.shape, top=1500, left=700, side=12))
    assert count(picture, object_colour(1)) > 6 * 500


def test_ids_are_left_out_where_there_are_too_many(tmp_path):
    frames = Grey((1, 120, 120), grey=1.0)
    ids = np.arange(1, 101, dtype=np.int32).reshape(1, 10, 10)
    labels = np.kron(ids, np.pad(np.ones((1, 8, 8), np.int32), ((0, 0), (2, 2), (2, 2))))
    few = np.where(labels <= 50, labels, 0)
    halo = (0, 0, 0)
    assert count(draw(tmp_path, frames, few), halo) > count(draw(tmp_path, frames, labels), halo) + 2000


def test_clicks_and_boxes_are_drawn_where_they_were_given(tmp_path):
    frames = Grey((1, 100, 100))
    nothing = square(frames.shape, top=0, left=0, side=100, object_id=1)
    plain = draw(tmp_path, frames, nothing)
    zoom = (plain.shape[1] - 16) / 100

    def changed(prompt):
        picture = draw(tmp_path, frames, nothing, {(3, 0): prompt})
        # The caption, which says "prompted", is not part of the tile.
        rows, columns = np.nonzero((picture != plain).any(axis=-1)[34:])
        return np.array([rows.min(), columns.min() - 8, rows.max(), columns.max() - 8]) / zoom - 0.5

    for label in (0, 1):
        y0, x0, y1, x1 = changed(Prompt(points=((70.0, 20.0),), labels=(label,)))
        assert (y0 + y1) / 2 == pytest.approx(70, abs=0.2) and (x0 + x1) / 2 == pytest.approx(20, abs=0.2)
    assert changed(Prompt(box=(60.0, 10.0, 80.0, 50.0))) == pytest.approx([59.5, 9.5, 80.5, 50.5], abs=0.3)


def test_a_box_without_extent_on_a_thin_large_image_is_drawn_too(tmp_path):
    frames = Grey((1, 5, 8000))
    labels = np.ones(frames.shape, np.uint16)
    draw(tmp_path, frames, labels, {(1, 0): Prompt(box=(2.0, 700.0, 2.0, 700.0))})


@pytest.mark.parametrize("pixel_size", [(0.5, 0.5), (1e-4, 1e-4), (3000.0, 3000.0)])
def test_the_scale_bar_has_the_length_it_says(tmp_path, monkeypatch, pixel_size):
    texts = []
    monkeypatch.setattr("napari_sam2.overlay._write", lambda _image, _at, text, *_: texts.append(text))
    frames = Grey((1, 100, 100), pixel_size)
    picture = draw(tmp_path, frames, square(frames.shape, side=60))
    zoom = (picture.shape[1] - 16) / 100
    _, columns = np.nonzero((picture == 255).all(axis=-1))
    length = (columns.max() - columns.min()) / zoom * pixel_size[1]
    (text,) = (text for text in texts if text.endswith(" µm"))
    assert float(text.removesuffix(" µm")) == pytest.approx(length, rel=0.02)
    assert 10 < length / pixel_size[1] < 34


def test_no_scale_bar_without_a_pixel_size(tmp_path, monkeypatch):
    monkeypatch.setattr("napari_sam2.overlay._write", lambda *_: None)
    frames = Grey((1, 100, 100))
    assert count(draw(tmp_path, frames, square(frames.shape)), (255, 255, 255)) == 0


def test_colours_of_neighbouring_ids_differ_and_stay():
    colours = np.array([object_colour(object_id) for object_id in range(1, 200)])
    assert np.abs(np.diff(colours, axis=0)).sum(axis=1).min() > 90
    assert object_colour(1) == (230, 159, 0)
    assert colours.min() >= 0 and colours.max() <= 255 and colours.max(axis=1).min() > 100


def test_a_full_disk_is_one_sentence(tmp_path, monkeypatch):
    def full(self, path, **_kwargs):
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    frames = Grey((1, 50, 50))
    with pytest.raises(InputError, match=r"^disk full while writing .*overlay\.png;"):
        write_overlay(frames, square(frames.shape), tmp_path / "overlay.png")
    assert list(tmp_path.iterdir()) == []


def test_real_cells_are_drawn_over_a_real_image(tmp_path, shared_data):
    image = tifffile.imread(shared_data / "time_ptychography_cells" / "frames.tif")
    labels = tifffile.imread(shared_data / "time_ptychography_cells" / "labels.tif")
    frames = SimpleNamespace(
        axis="t",
        pixel_size=None,
        unit="pixel",
        rgb=lambda i: np.stack([image[i].astype(np.float32) / 255] * 3),
    )
    picture = draw(tmp_path, frames, labels)
    drawn = set(map(tuple, np.unique(picture.reshape(-1, 3), axis=0).tolist()))
    there = np.unique(labels[[0, 6, 12, 17, 23, 29]])[1:].tolist()
    missing = [object_id for object_id in there if object_colour(object_id) not in drawn]
    assert len(there) > 40 and not missing
