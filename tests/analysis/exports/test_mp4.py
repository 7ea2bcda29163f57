"""The movie: decoded by FFmpeg, its colours and its pace."""

import av
import numpy as np
import pytest

from napari_sam2.analysis import MeasureError
from napari_sam2.analysis.colours import object_colour
from napari_sam2.analysis.exports import write_mp4


@pytest.fixture
def labels():
    found = np.zeros((7, 61, 83), np.int32)
    for frame in range(7):
        found[frame, 20:50, 10 + 4 * frame : 40 + 4 * frame] = 2
    return found


def decode(path):
    with av.open(str(path)) as movie:
        stream = movie.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24") for frame in movie.decode(stream)]
        return np.stack(frames), stream.average_rate, stream.codec_context.name


def test_ffmpeg_shows_objects_in_their_colours_on_the_image(labels, tmp_path):
    images = np.full((*labels.shape, 3), 120, np.uint8)
    frames, rate, codec = decode(write_mp4(images, labels, tmp_path / "a.mp4"))
    assert frames.shape == (7, 62, 84, 3) and rate == 10 and codec == "h264"
    for frame in (0, 6):
        left = 10 + 4 * frame
        assert np.abs(frames[frame, 5:15, 5:75].astype(int) - 120).max() < 12
        edge = frames[frame, 30:40, left].astype(int).mean(axis=0)
        assert np.abs(edge - object_colour(2)).max() < 40
        inside = frames[frame, 30:40, left + 10 : left + 20].astype(int).mean(axis=(0, 1))
        tinted = 0.78 * 120 + 0.22 * np.array(object_colour(2))
        assert np.abs(inside - tinted).max() < 8


@pytest.mark.parametrize(
    ("step", "unit", "rate"),
    [
        (0.04, "s", 25),
        (40, "ms", 25),
        (1 / 29.97, "s", 29.97),
        (30, "s", 10),
        (1, "min", 10),
        (None, "frame", 10),
    ],
)
def test_footage_plays_in_real_time_and_slow_movies_do_not(labels, tmp_path, step, unit, rate):
    grey = np.zeros(labels.shape, np.uint8)
    _, found, _ = decode(write_mp4(grey, labels, tmp_path / "a.mp4", step=step, step_unit=unit))
    assert float(found) == pytest.approx(rate, rel=1e-4)


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.zeros((3, 61, 83), np.uint8), "3 images and 7 masks"),
        (np.zeros((7, 61, 83), np.uint16), "8-bit"),
        (np.zeros((7, 61, 80), np.uint8), r"\(61, 80\)"),
        (np.zeros((7, 61, 83, 4), np.uint8), "8-bit"),
    ],
)
def test_images_that_do_not_fit(labels, tmp_path, images, words):
    with pytest.raises(MeasureError, match=words):
        write_mp4(images, labels, tmp_path / "a.mp4")
    assert not list(tmp_path.iterdir())


def test_a_failure_midway_leaves_the_old_movie(labels, tmp_path):
    grey = [np.zeros((61, 83), np.uint8)] * 7
    before = write_mp4(grey, labels, tmp_path / "a.mp4").read_bytes()
    with pytest.raises(MeasureError, match="Image 5"):
        write_mp4([*grey[:5], np.zeros((5, 5), np.uint8), grey[0]], labels, tmp_path / "a.mp4")
    assert (tmp_path / "a.mp4").read_bytes() == before and len(list(tmp_path.iterdir())) == 1
