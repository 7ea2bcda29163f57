import gzip
import pickle
import sys

import numpy as np
import pytest

from napari_sam2.errors import InputError
from napari_sam2.frames import open_frames

nibabel = pytest.importorskip("nibabel")


def write(path, values_xyzt, sizes=(0.5, 0.6, 2.0, 3.0), units=("mm", "sec"), stored=None):
    image = nibabel.Nifti1Image(values_xyzt, np.diag([-1, -1, 1, 1]))
    image.header.set_zooms(sizes[: values_xyzt.ndim])
    image.header.set_xyzt_units(*units)
    if stored is not None:
        image.header.set_data_dtype(stored)
    nibabel.save(image, path)
    return path


def counts(*shape):
    return np.random.default_rng(0).integers(0, 900, shape).astype(np.int16)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_a_volume_is_read_as_it_is_stored(tmp_path, name):
    values = counts(9, 7, 5)
    with open_frames(write(tmp_path / name, values)) as frames:
        assert (frames.name, frames.kind, frames.shape, frames.axis) == ("a", "NIfTI", (5, 7, 9), "z")
        assert (frames.dtype, frames.pixel_size, frames.unit) == (np.int16, (0.6, 0.5), "mm")
        assert (frames.step, frames.step_unit) == (2, "mm")
        for index in (4, 0, 3):
            np.testing.assert_array_equal(frames[index][..., 0], values[:, :, index].T)


def test_volumes_over_time_leave_a_choice(tmp_path):
    values = counts(9, 7, 5, 4)
    path = write(tmp_path / "a.nii.gz", values)
    with pytest.raises(InputError, match=r"5 slices \(Z\) and 4 time points \(T\); choose one to go along"):
        open_frames(path)
    with open_frames(path, axis="t", index={"z": 2}) as frames:
        assert (len(frames), frames.step, frames.step_unit) == (4, 3, "s")
        np.testing.assert_array_equal(frames[3][..., 0], values[:, :, 2, 3].T)


def test_scaled_values_are_the_real_ones(tmp_path):
    values = counts(9, 7, 5)
    with open_frames(write(tmp_path / "a.nii", values * 0.25 + 3, stored=np.int16)) as frames:
        assert frames.dtype == np.float32
        np.testing.assert_allclose(frames[1][..., 0], values[:, :, 1].T * 0.25 + 3, atol=0.01)


def test_colours(tmp_path):
    colours = np.zeros((9, 7, 5), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    colours["R"], colours["G"], colours["B"] = counts(3, 9, 7, 5) % 256
    with open_frames(write(tmp_path / "a.nii", colours)) as frames:
        assert (frames.is_rgb, frames.dtype) == (True, np.uint8)
        np.testing.assert_array_equal(frames[2][..., 1], colours["G"][:, :, 2].T)


def test_sizes_without_a_unit_are_not_sizes(tmp_path):
    with open_frames(write(tmp_path / "a.nii", counts(9, 7, 5), units=("unknown", "unknown"))) as frames:
        assert (frames.pixel_size, frames.step) == (None, None)


def test_a_volume_travels_to_another_process(tmp_path, monkeypatch):
    values = counts(9, 7, 5)
    write(tmp_path / "a.nii.gz", values)
    monkeypatch.chdir(tmp_path)
    with open_frames("a.nii.gz") as frames:
        sent = pickle.dumps(frames)
    assert len(sent) < 5000
    monkeypatch.chdir(tmp_path.parent)
    with pickle.loads(sent) as received:
        np.testing.assert_array_equal(received[4][..., 0], values[:, :, 4].T)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("part", [0.001, 0.5, 0.98])
def test_a_truncated_file(tmp_path, name, part):
    content = gzip.decompress(write(tmp_path / "whole.nii.gz", counts(40, 40, 5)).read_bytes())
    packed = gzip.compress(content) if name.endswith(".gz") else content
    (tmp_path / name).write_bytes(packed[: int(len(packed) * part)])
    with pytest.raises(InputError, match=rf"{name} cannot be read as NIfTI .* may be truncated"):
        open_frames(tmp_path / name)


def test_nibabel_is_an_extra(tmp_path, monkeypatch):
    write(tmp_path / "a.nii", counts(9, 7, 5))
    monkeypatch.setitem(sys.modules, "nibabel", None)
    with pytest.raises(InputError, match=r"install it with: pip install 'napari-sam2\[nifti\]'"):
        open_frames(tmp_path / "a.nii")
