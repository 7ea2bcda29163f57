"""Palette PNGs: read by Pillow and imagecodecs, by us, and broken."""

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from napari_sam2.analysis import MeasureError
from napari_sam2.analysis.exports import read_davis, write_davis


@pytest.fixture
def small(movie):
    """The movie with ids that a palette holds."""
    return np.where(movie == 300, 255, movie)


def test_pillow_finds_the_ids_and_the_colours_of_the_data_sets(small, tmp_path):
    folder = write_davis(small, tmp_path / "Annotations")
    assert [path.name for path in sorted(folder.iterdir())] == [f"0000{n}.png" for n in range(6)]
    for frame in range(6):
        with Image.open(folder / f"0000{frame}.png") as image:
            assert image.mode == "P"
            np.testing.assert_array_equal(np.asarray(image), small[frame])
            palette = np.array(image.getpalette()).reshape(-1, 3)
    # DAVIS and PASCAL VOC: black, dark red, dark green, dark yellow, dark blue ... and white-ish at the end.
    assert palette[:5].tolist() == [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0], [0, 0, 128]]
    assert palette[255].tolist() == [224, 224, 192]


def test_libpng_reads_the_indices_as_colours(small, tmp_path):
    decoded = imagecodecs.png_decode((write_davis(small, tmp_path / "a") / "00000.png").read_bytes())
    assert decoded.shape == (24, 32, 3) and decoded[16, 8].tolist() == [0, 128, 0]


def test_reading_gives_what_was_written(small, tmp_path):
    labels, frames = read_davis(write_davis(small, tmp_path / "a"))
    assert frames == (0, 1, 2, 3, 4, 5) and labels.shape == small.shape
    np.testing.assert_array_equal(np.stack(list(labels)), small)


def test_youtube_vos_numbers_every_fifth_frame(small, tmp_path):
    folder = write_davis(small, tmp_path / "a")
    for frame in range(5, 0, -1):
        (folder / f"0000{frame}.png").rename(folder / f"{5 * frame:05d}.png")
    labels, frames = read_davis(folder)
    assert frames == (0, 5, 10, 15, 20, 25)
    np.testing.assert_array_equal(labels[5], small[5])


def test_ids_beyond_the_palette(movie, tmp_path):
    with pytest.raises(
        MeasureError, match="On frames 4-5 a label is 300, and a palette PNG holds ids up to 255"
    ):
        write_davis(movie, tmp_path / "a")
    assert not list(tmp_path.iterdir())


def test_every_problem_of_a_folder_at_once(small, tmp_path):
    folder = write_davis(small, tmp_path / "a")
    (folder / "00001.png").write_bytes(b"no png")
    Image.new("RGB", (32, 24)).save(folder / "00002.png")
    Image.new("L", (30, 24)).save(folder / "00003.png")
    with pytest.raises(MeasureError) as told:
        read_davis(folder)
    for words in ("On frame 1 00001.png cannot be read", "00002.png has the colour mode RGB", "(24, 30)"):
        assert words in str(told.value)


def test_folders_without_masks(tmp_path):
    with pytest.raises(MeasureError, match="no PNGs named by number"):
        read_davis(tmp_path)
    with pytest.raises(MeasureError, match="There is no folder"):
        read_davis(tmp_path / "missing")
