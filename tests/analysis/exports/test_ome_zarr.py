"""OME-Zarr: validated and opened by yaozarrs, read by zarr, opened by our own frames."""

import numpy as np
import pytest
import yaozarrs
import zarr

from napari_sam2.analysis import MeasureError
from napari_sam2.analysis.colours import object_colour
from napari_sam2.analysis.exports import write_ome_zarr
from napari_sam2.frames import open_frames

SIZES = {"pixel_size": (0.5, 0.25), "unit": "µm", "step": 2, "step_unit": "min"}


def test_masks_alone(movie, tmp_path):
    path = write_ome_zarr(movie, tmp_path / "a.zarr", **SIZES)
    for part in ("labels", "labels/objects"):
        yaozarrs.validate_zarr_store(path / part)
    found = yaozarrs.open_group(path / "labels/objects").ome_metadata()
    assert [axis.name for axis in found.multiscales[0].axes] == ["t", "y", "x"]
    assert [axis.unit for axis in found.multiscales[0].axes] == ["minute", "micrometer", "micrometer"]
    assert found.multiscales[0].datasets[0].coordinateTransformations[0].scale == [2, 0.5, 0.25]
    colours = {each.label_value: each.rgba for each in found.image_label.colors}
    assert list(colours) == [1, 2, 5, 9, 300] and tuple(colours[5][:3]) == object_colour(5)
    array = zarr.open_array(path / "labels/objects/0", mode="r")
    assert array.dtype == np.uint16
    np.testing.assert_array_equal(array[:], movie)


@pytest.mark.parametrize("channels", [None, 2])
def test_masks_with_their_image(movie, tmp_path, channels):
    images = np.random.default_rng(0).integers(0, 4000, movie.shape).astype(np.uint16)
    images = images if channels is None else np.stack([images, images + 1], axis=-1)
    path = write_ome_zarr(movie, tmp_path / "a.zarr", images=images, name="cells", **SIZES)
    yaozarrs.validate_zarr_store(path)
    yaozarrs.validate_zarr_store(path / "labels/cells")
    stored = zarr.open_array(path / "0", mode="r")[:]
    np.testing.assert_array_equal(stored if channels is None else np.moveaxis(stored, 1, -1), images)
    label = yaozarrs.open_group(path / "labels/cells").ome_metadata().image_label
    assert label.source.image == "../../"


def test_levels_are_half_as_fine_and_lie_where_they_were_taken(tmp_path):
    labels = np.zeros((1, 1300, 40), np.uint8)
    labels[0, 500:, 10:21] = 3
    images = labels * 50
    path = write_ome_zarr(labels, tmp_path / "a.zarr", images=images, pixel_size=1, unit="nm")
    yaozarrs.validate_zarr_store(path)
    group = zarr.open_group(path, mode="r")
    assert [group[str(level)].shape for level in range(3)] == [(1, 1300, 40), (1, 650, 20), (1, 325, 10)]
    assert sorted(group["labels/objects"].array_keys()) == ["0", "1", "2"] and "3" not in group
    np.testing.assert_array_equal(group["labels/objects/2"][0], labels[0, ::4, ::4])
    assert group["1"][0, 400].tolist() == [0] * 5 + [150] * 5 + [75] + [0] * 9
    datasets = group.attrs["ome"]["multiscales"][0]["datasets"]
    assert datasets[2]["coordinateTransformations"][1] == {
        "type": "translation",
        "translation": [0, 1.5, 1.5],
    }
    datasets = group["labels/objects"].attrs["ome"]["multiscales"][0]["datasets"]
    assert [len(each["coordinateTransformations"]) for each in datasets] == [1, 1, 1]


def test_volumes_in_time_and_slices(volumes, movie, tmp_path):
    path = write_ome_zarr(volumes, tmp_path / "a.zarr", pixel_size=(3, 2, 1), unit="µm") / "labels/objects"
    yaozarrs.validate_zarr_store(path)
    multiscale = yaozarrs.open_group(path).ome_metadata().multiscales[0]
    assert "".join(axis.name for axis in multiscale.axes) == "tzyx" and multiscale.axes[0].unit is None
    assert multiscale.datasets[0].coordinateTransformations[0].scale == [1, 3, 2, 1]
    path = write_ome_zarr(movie, tmp_path / "b.zarr", step=40, step_unit="nm", axis="z") / "labels/objects"
    yaozarrs.validate_zarr_store(path)
    axes = yaozarrs.open_group(path).ome_metadata().multiscales[0].axes
    assert [(axis.name, axis.type, axis.unit) for axis in axes] == [
        ("z", "space", "nanometer"),
        ("y", "space", None),
        ("x", "space", None),
    ]


def test_our_frames_open_it(movie, tmp_path):
    with open_frames(write_ome_zarr(movie, tmp_path / "a.zarr", **SIZES)) as frames:
        assert frames.pixel_size == (0.5, 0.25) and (frames.step, frames.step_unit) == (2, "min")
        np.testing.assert_array_equal(frames[4][..., 0], movie[4])


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.zeros((5, 24, 32), np.uint8), "5 images and 6 masks"),
        (np.zeros((6, 24, 30), np.uint8), r"\(24, 30\)"),
        (np.zeros((6, 2, 24, 32), np.uint8), r"\(2, 24, 32\)"),
    ],
)
def test_images_that_do_not_fit(movie, tmp_path, images, words):
    with pytest.raises(MeasureError, match=words):
        write_ome_zarr(movie, tmp_path / "a.zarr", images=images)
    assert not list(tmp_path.iterdir())
