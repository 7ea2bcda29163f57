"""Videos, DICOM and other files as napari layers."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from npe2 import PluginManager, PluginManifest

from napari_sam2.errors import ImageWarning, InputError
from napari_sam2.frames import open_frames
from napari_sam2.frames.sources import read_stack
from napari_sam2.napari_reader import LazyImage, get_reader, read_layers

MANIFEST = PluginManifest.from_file(Path(__file__).resolve().parents[2] / "napari_sam2" / "napari.yaml")


def test_the_manifest_names_what_is_read():
    (command,) = (one for one in MANIFEST.contributions.commands if one.id == "napari-sam2.get_reader")
    assert command.python_name == f"{get_reader.__module__}:{get_reader.__name__}"
    (reader,) = (one for one in MANIFEST.contributions.readers if one.command == command.id)
    assert reader.accepts_directories
    assert {"*.mp4", "*.mov", "*.avi", "*.mkv", "*.webm", "*.dcm", "*.zip"} <= set(reader.filename_patterns)


def test_folders_of_other_kinds_are_left_to_others(tmp_path, write_series):
    assert get_reader(str(tmp_path)) is None
    write_series(tmp_path / "scan")
    assert get_reader(str(tmp_path / "scan")) is read_layers
    assert get_reader([str(tmp_path / "scan"), str(tmp_path)]) is None


def test_a_video_is_a_layer_in_seconds(tmp_path, write_video):
    path = write_video(tmp_path / "a.mp4")
    ((image, place, kind),) = read_layers(str(path))
    assert (kind, image.shape, image.dtype, image.ndim) == ("image", (60, 48, 64, 3), np.uint8, 4)
    assert place == {
        "name": "a",
        "rgb": True,
        "scale": (pytest.approx(1 / 30), 1.0, 1.0),
        "units": ("s", "pixel", "pixel"),
        "axis_labels": ("t", "y", "x"),
        "visible": True,
    }
    with open_frames(path) as frames:
        np.testing.assert_array_equal(image[17], frames[17])


def test_a_volume_is_a_layer_in_millimetres(tmp_path, write_series):
    slices = write_series(tmp_path, np.arange(5) * 2.5, WindowCenter=300, WindowWidth=400)
    ((image, place, _),) = read_layers(str(tmp_path))
    np.testing.assert_array_equal(np.asarray(image), slices)
    assert (place["scale"], place["units"], place["axis_labels"]) == (
        (2.5, 0.7, 0.5),
        ("mm",) * 3,
        ("z", "y", "x"),
    )
    assert (place["contrast_limits"], place["colormap"]) == ((100, 499), "gray")


def test_a_single_image_and_a_negative(tmp_path, write_dicom):
    values = np.random.default_rng(0).integers(0, 900, (12, 10)).astype(np.uint16)
    path = write_dicom(tmp_path / "a.dcm", values, PhotometricInterpretation="MONOCHROME1")
    ((image, place, _),) = read_layers(str(path))
    np.testing.assert_array_equal(image[...], values)
    assert (image.shape, place["colormap"]) == ((12, 10), "gray_r")
    assert 0 <= place["contrast_limits"][0] < place["contrast_limits"][1] <= 900


def test_each_series_is_a_layer_and_the_first_is_shown(tmp_path, write_series):
    write_series(tmp_path / "a", range(3), SeriesInstanceUID="1.2.3", SeriesNumber=7)
    write_series(tmp_path / "b", [0, 1, 2, 9], SeriesInstanceUID="1.2.9", SeriesNumber=12)
    write_series(tmp_path / "c", [0, 1, 1], SeriesInstanceUID="1.2.8", SeriesNumber=13)
    with pytest.warns(ImageWarning) as told:
        layers = read_layers(str(tmp_path))
    assert [place["name"] for _, place, _ in layers] == [f"{tmp_path.name}_7", f"{tmp_path.name}_12"]
    assert [place["visible"] for _, place, _ in layers] == [True, False]
    words = " ".join(str(warning.message) for warning in told)
    assert "has a gap" in words
    assert "has 1 images at some positions and 2 at others" in words
    with pytest.raises(InputError, match="at some positions"):
        read_layers(str(tmp_path / "c"))


def test_each_channel_is_a_layer(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    values = np.random.default_rng(0).integers(0, 900, (9, 7, 5, 4, 2)).astype(np.int16)
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), tmp_path / "a.nii")
    layers = read_layers(str(tmp_path / "a.nii"))
    assert [place["colormap"] for _, place, _ in layers] == ["magenta", "green"]
    assert all(place["visible"] and place["blending"] == "additive" for _, place, _ in layers)
    for channel, (image, place, _) in enumerate(layers):
        assert place["axis_labels"] == ("t", "z", "y", "x")
        np.testing.assert_array_equal(image[...], values[..., channel].T)


@pytest.mark.parametrize(
    "key",
    [
        np.s_[3],
        np.s_[-1],
        np.s_[1:4],
        np.s_[::2, 2:],
        np.s_[..., 3],
        np.s_[2, ..., 1],
        np.s_[4, 3, 2, 1],
        np.s_[1, :, ::-1, 2:5],
        np.s_[5:5],
        np.s_[:, 0, 1:2],
        ...,
    ],
)
def test_lazy_images_are_indexed_as_arrays_are(key):
    array = np.random.default_rng(0).integers(0, 900, (6, 5, 7, 9))
    stack = read_stack(array)
    stack.letters = "ZTXY"
    image = LazyImage(stack)
    expected = array.transpose(1, 0, 3, 2)
    assert (image.axes, image.shape, image.size) == ("TZYX", expected.shape, expected.size)
    np.testing.assert_array_equal(image[key], expected[key])
    assert image[key].dtype == array.dtype


def test_what_the_viewer_shows_is_the_image_of_the_session(tmp_path, write_video):
    path = write_video(tmp_path / "a.mp4")
    ((image, _, _),) = read_layers(str(path))
    with open_frames(path) as frames:
        assert open_frames(image, axis="t").fingerprint() == frames.fingerprint()
        assert pickle.loads(pickle.dumps(image))[3].shape == (48, 64, 3)


def test_napari_opens_a_file_through_the_manifest(tmp_path, write_video):
    from napari.components import ViewerModel

    path = write_video(tmp_path / "a.mp4")
    manager = PluginManager.instance()
    known = MANIFEST.name in manager._manifests
    if not known:
        manager.register(MANIFEST)
    try:
        viewer = ViewerModel()
        (layer,) = viewer.open(str(path), plugin="napari-sam2")
        assert (layer.rgb, layer.data.shape, layer.axis_labels) == (True, (60, 48, 64, 3), ("t", "y", "x"))
        viewer.dims.set_current_step(0, 30)
        with open_frames(path) as frames:
            np.testing.assert_array_equal(layer.data[30], frames[30])
    finally:
        if not known:
            manager.unregister(MANIFEST.name)
