import gc
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_sam2.errors import InputError
from napari_sam2.frames import Contrast, open_frames


def counts(shape, dtype=np.uint16, seed=0):
    return np.random.default_rng(seed).integers(0, 200, shape).astype(dtype)


def test_a_frame_is_rows_columns_channels_in_the_arrays_own_type():
    tcyx = counts((5, 2, 8, 9))
    frames = open_frames(tcyx)
    assert (len(frames), frames.shape, frames.dtype, frames.n_channels) == (5, (5, 8, 9), np.uint16, 2)
    np.testing.assert_array_equal(frames[3], tcyx[3].transpose(1, 2, 0))
    np.testing.assert_array_equal(frames[-1], frames[4])


@pytest.mark.parametrize("index", [5, -6])
def test_a_frame_outside_raises_as_lists_do(index):
    with pytest.raises(IndexError, match="5 frames"):
        open_frames(counts((5, 8, 9)))[index]


def test_frames_can_be_iterated():
    assert len(list(open_frames(counts((5, 8, 9))))) == 5


def test_one_channel_is_grey():
    rgb = open_frames(counts((5, 2, 8, 9)), channels=1, contrast=(0, 200)).rgb(0)
    np.testing.assert_allclose(rgb, np.stack([counts((5, 2, 8, 9))[0, 1] / 200] * 3), rtol=1e-6)


def test_two_channels_are_magenta_and_green():
    red, green, blue = open_frames(counts((5, 2, 8, 9)), contrast=(0, 200)).rgb(2)
    first, second = counts((5, 2, 8, 9))[2] / 200
    np.testing.assert_allclose([red, green, blue], [first, second, first], rtol=1e-6)


def test_of_many_channels_the_first_three_are_shown():
    frames = open_frames(counts((5, 4, 8, 9)), contrast=(0, 200))
    assert frames.shown_channels == (0, 1, 2)
    np.testing.assert_allclose(frames.rgb(2), counts((5, 4, 8, 9))[2, :3] / 200, rtol=1e-6)


def test_channels_are_shown_in_the_order_asked_for():
    frames = open_frames(counts((5, 4, 8, 9)), contrast=(0, 200), channels=[3, 1, "0"])
    np.testing.assert_allclose(frames.rgb(2), counts((5, 4, 8, 9))[2, [3, 1, 0]] / 200, rtol=1e-6)


def test_each_shown_channel_has_its_own_window():
    frames = open_frames(counts((5, 2, 8, 9)), channels=[1], contrast=[(0, 1), (0, 400)])
    np.testing.assert_allclose(frames.rgb(0)[0], counts((5, 2, 8, 9))[0, 1] / 400, rtol=1e-6)


def test_colours_are_shown_as_they_are_and_alpha_is_not_read():
    tyxs = counts((5, 8, 9, 4), np.uint8)
    frames = open_frames(tyxs)
    assert frames.is_rgb and frames.channel_names == ("red", "green", "blue")
    np.testing.assert_array_equal(frames[1], tyxs[1, ..., :3])
    np.testing.assert_allclose(frames.rgb(1), tyxs[1, ..., :3].transpose(2, 0, 1) / 255, rtol=1e-6)


@pytest.mark.parametrize(
    ("channels", "sentence"),
    [
        (2, r"no channel 2; its channels are 0 \(ch0\), 1 \(ch1\)"),
        (-1, "no channel -1"),
        ("GFP", "no channel 'GFP'"),
        ([], "0 channels were asked"),
        ([0, 1, 0, 1], "4 channels were asked"),
    ],
)
def test_a_channel_that_does_not_exist_is_named(channels, sentence):
    with pytest.raises(InputError, match=sentence):
        open_frames(counts((5, 2, 8, 9)), channels=channels)


def test_the_contrast_can_be_set():
    frames = open_frames(counts((5, 8, 9)))
    frames.contrast = (0, 400)
    assert frames.contrast == Contrast((0,), (400,))
    np.testing.assert_allclose(frames.rgb(0)[0], counts((5, 8, 9))[0] / 400, rtol=1e-6)
    with pytest.raises(InputError, match="is empty"):
        frames.contrast = (4, 4)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_no_number_is_found_on_opening(value):
    tyx = counts((5, 8, 9), np.float32)
    tyx[4, 2, 3] = value
    with pytest.raises(InputError, match=r"frame 4 of the numpy array holds 1 NaN .*nan_to_num"):
        open_frames(tyx)


def test_a_value_that_is_no_number_between_the_sampled_frames_is_found_on_reading():
    tyx = counts((200, 8, 9), np.float32)
    tyx[1, 2, 3] = np.nan
    frames = open_frames(tyx)
    with pytest.raises(InputError, match="frame 1 "):
        frames[1]
    with pytest.raises(InputError, match="frame 1 "):
        frames.rgb(1)


def test_true_and_false_are_read_as_one_and_zero():
    frames = open_frames(counts((5, 8, 9)) > 100)
    assert frames.dtype == frames[0].dtype == np.uint8
    assert frames[0].max() == 1


@pytest.mark.parametrize("dtype", [complex, object, "U3", "datetime64[s]"])
def test_values_that_are_no_intensities_are_refused(dtype):
    with pytest.raises(InputError, match="which are not intensities"):
        open_frames(counts((5, 8, 9)).astype(dtype))


def test_the_fingerprint_depends_on_every_sampled_pixel_on_shape_and_on_type():
    tyx = counts((5, 8, 9))
    other = tyx.copy()
    other[2, 3, 4] += 1
    prints = {
        open_frames(array).fingerprint()
        for array in (tyx, other, tyx.astype(np.int16), tyx.reshape(5, 9, 8), tyx[:, None].repeat(2, axis=1))
    }
    assert len(prints) == 5
    assert all(len(value) == 64 for value in prints)


def test_the_fingerprint_does_not_depend_on_the_run_or_the_byte_order():
    tyx = np.arange(60, dtype=np.uint16).reshape(3, 4, 5)
    expected = "48896b031badefb961586dc40b166a02"
    fingerprint = open_frames(tyx).fingerprint()
    assert fingerprint == open_frames(tyx.astype(">u2")).fingerprint()
    assert fingerprint[:32] == expected


def test_a_file_and_its_array_have_the_same_fingerprint(tmp_path):
    tyx = counts((20, 8, 9))
    tifffile.imwrite(tmp_path / "a.tif", tyx, compression="zlib")
    with open_frames(tmp_path / "a.tif") as frames:
        assert frames.fingerprint() == open_frames(tyx).fingerprint()


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_many_threads_read_what_one_reads(tmp_path, compression):
    tyx = counts((40, 64, 65))
    tifffile.imwrite(tmp_path / "a.tif", tyx, compression=compression, tile=(16, 16) if compression else None)
    with open_frames(tmp_path / "a.tif") as frames, ThreadPoolExecutor(8) as pool:
        order = np.random.default_rng(0).permutation(np.repeat(np.arange(40), 10)).tolist()
        for index, image in zip(order, pool.map(frames.__getitem__, order), strict=True):
            np.testing.assert_array_equal(image[..., 0], tyx[index])


def test_frames_of_a_file_travel_to_another_process(tmp_path, monkeypatch):
    tyx = counts((5, 8, 9))
    tifffile.imwrite(tmp_path / "a.tif", tyx)
    monkeypatch.chdir(tmp_path)
    with open_frames("a.tif", contrast=(0, 99), pixel_size=0.5) as frames:
        sent = pickle.dumps(frames)
    assert len(sent) < 5000
    monkeypatch.chdir(tmp_path.parent)
    with pickle.loads(sent) as received:
        np.testing.assert_array_equal(received[2][..., 0], tyx[2])
        assert (received.contrast, received.pixel_size) == (frames.contrast, (0.5, 0.5))


def open_files(name):
    fds = Path("/proc/self/fd")
    if not fds.is_dir():
        pytest.skip("this system does not list open files")
    return [fd for fd in fds.iterdir() if fd.exists() and fd.resolve().name == name]


def test_the_file_is_closed_by_close_and_with_the_object(tmp_path):
    tifffile.imwrite(tmp_path / "closing.tif", counts((5, 8, 9)))
    frames = open_frames(tmp_path / "closing.tif")
    assert open_files("closing.tif")
    frames.close()
    assert not open_files("closing.tif")
    assert frames[0].shape == (8, 9, 1)
    assert open_files("closing.tif")
    del frames
    gc.collect()
    assert not open_files("closing.tif")


def test_the_file_is_closed_when_opening_fails(tmp_path):
    tifffile.imwrite(tmp_path / "failing.tif", counts((5, 8, 9)))
    with pytest.raises(InputError):
        open_frames(tmp_path / "failing.tif", channels="GFP")
    assert not open_files("failing.tif")


def test_frames_show_what_they_are():
    assert (
        repr(open_frames(counts((5, 8, 9)), axis="z")) == "<Frames 'image': 5 x 8 x 9 along z, uint16, ch0>"
    )
