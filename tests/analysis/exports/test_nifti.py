"""NIfTI: read by nibabel, voxel by voxel and place by place."""

import nibabel
import numpy as np
import pytest

from napari_sam2.analysis import MeasureError
from napari_sam2.analysis.exports import read_affine, write_nifti


def test_slices_are_a_volume_that_stands_upright(movie, tmp_path):
    sizes = {"pixel_size": (0.5, 0.25), "unit": "µm", "step": 2000, "step_unit": "nm", "axis": "z"}
    image = nibabel.load(write_nifti(movie, tmp_path / "a.nii.gz", **sizes))
    assert image.shape == (32, 24, 6) and image.get_data_dtype() == np.uint16
    np.testing.assert_array_equal(np.asarray(image.dataobj).T, movie)
    assert image.header.get_xyzt_units()[0] == "micron"
    np.testing.assert_allclose(image.affine, np.diag([-0.25, -0.5, 2, 1]))
    # Columns go to the patient's left and rows to the back, as radiologists see an axial slice.
    assert nibabel.aff2axcodes(image.affine) == ("L", "P", "S")


def test_a_time_lapse_has_one_slice_and_its_interval(movie, tmp_path):
    image = nibabel.load(
        write_nifti(movie, tmp_path / "a.nii", pixel_size=1, unit="mm", step=2, step_unit="min")
    )
    assert image.shape == (32, 24, 1, 6)
    assert image.header.get_zooms() == (1, 1, 1, 120) and image.header.get_xyzt_units() == ("mm", "sec")
    np.testing.assert_array_equal(np.asarray(image.dataobj)[:, :, 0].T, movie)


def test_volumes_in_time(volumes, tmp_path):
    image = nibabel.load(write_nifti(volumes, tmp_path / "a.nii", pixel_size=(3, 2, 1), unit="mm"))
    assert image.shape == (12, 10, 4, 3) and image.header.get_zooms() == (1, 2, 3, 1)
    np.testing.assert_array_equal(np.asarray(image.dataobj).T, volumes)
    assert image.header.get_xyzt_units() == ("mm", "unknown")


@pytest.mark.parametrize(("largest", "dtype"), [(255, np.uint8), (65535, np.uint16), (2**31 - 1, np.int32)])
def test_ids_get_the_room_they_need_and_are_not_scaled(tmp_path, largest, dtype):
    labels = np.array([[[0, 1], [largest, 2]]])
    image = nibabel.load(write_nifti(labels, tmp_path / "a.nii"))
    assert image.get_data_dtype() == dtype and image.header.get_slope_inter() == (None, None)
    np.testing.assert_array_equal(np.asarray(image.dataobj)[:, :, 0].T, labels)
    assert image.header.get_intent()[0] == "label"


def test_an_affine_goes_into_both_forms(movie, tmp_path):
    affine = np.array([[0, -2.0, 0, 5], [0, 0, 3, -7], [-1.5, 0, 0, 9], [0, 0, 0, 1]])
    image = nibabel.load(write_nifti(movie, tmp_path / "a.nii", axis="z", affine=affine))
    np.testing.assert_allclose(image.affine, affine)
    np.testing.assert_allclose(image.header.get_qform(), affine, atol=1e-5)
    assert image.header.get_zooms() == (1.5, 2, 3) and image.header.get_xyzt_units()[0] == "mm"


def test_masks_of_a_ct_lie_where_the_ct_lies(shared_data, tmp_path):
    """The corner of the mask, through the affine, is where DICOM says that pixel is."""
    affine = read_affine(shared_data / "dicom" / "ct-3slice")
    labels = np.zeros((3, 512, 512), np.uint8)
    labels[2, 10, 20] = 1
    image = nibabel.load(write_nifti(labels, tmp_path / "a.nii", axis="z", affine=affine))
    (voxel,) = np.argwhere(np.asarray(image.dataobj))
    x, y, z = nibabel.affines.apply_affine(image.affine, voxel)
    left, back, up = -235.199997 + 20 * 0.810547, -226.800003 + 10 * 0.810547, -126.690002
    assert (x, y, z) == pytest.approx((-left, -back, up), abs=1e-4)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"path": "a.img"}, "ends with .nii"),
        ({"affine": np.eye(3)}, "4 x 4"),
        ({"affine": np.zeros((4, 4))}, "4 x 4"),
        ({"affine": np.diag([1, 1, 0, 1])}, "inverted"),
        ({"pixel_size": 0}, "pixel_size is"),
        ({"step": -1}, "step is"),
        ({"labels": np.zeros((1, 1, 40000), np.uint8)}, "sides up to 32767"),
        ({"labels": np.zeros((2, 3, 3))}, "float64"),
    ],
)
def test_what_does_not_fit(movie, tmp_path, given, words):
    labels = given.pop("labels", movie)
    with pytest.raises(MeasureError, match=words):
        write_nifti(labels, tmp_path / given.pop("path", "a.nii"), **given)
    assert not list(tmp_path.iterdir())


def test_the_same_labels_give_the_same_bytes(movie, tmp_path):
    first = write_nifti(movie, tmp_path / "a.nii.gz").read_bytes()
    assert write_nifti(movie, tmp_path / "b.nii.gz").read_bytes() == first
