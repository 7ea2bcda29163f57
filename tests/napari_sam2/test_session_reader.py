"""What napari opens of our own: sessions and folders of results, with image, masks, tracks or prompts."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from napari.layers import Layer
from npe2.io_utils import _read

from napari_sam2 import Session, open_frames
from napari_sam2.errors import ImageWarning, InputError
from napari_sam2.label_store import LabelStore
from napari_sam2.readers import get_reader
from napari_sam2.run import results_to_folder

MANIFEST = Path(__file__).resolve().parents[2] / "napari_sam2" / "napari.yaml"


@pytest.fixture
def open_in_napari(npe2pm):
    """Open a path as File > Open does, with this plugin alone; gives napari's own layers."""

    def open_in_napari(path):
        return [Layer.create(*data) for data in _read([str(path)], stack=False, _pm=npe2pm)]

    with npe2pm.tmp_plugin(manifest=str(MANIFEST)):
        yield open_in_napari


@pytest.fixture
def movie(tmp_path: Path) -> Path:
    image = np.random.default_rng(0).integers(0, 4000, (4, 20, 30), dtype=np.uint16)
    tifffile.imwrite(tmp_path / "movie.tif", image, imagej=True, metadata={"axes": "TYX"})
    return tmp_path / "movie.tif"


def results(movie: Path, axis: str = "t") -> Path:
    """A folder of results with two objects, of which the second ends early."""
    with open_frames(movie, axis=axis, pixel_size=(0.5, 0.25), step=3) as frames:
        session = Session(frames)
        session.add_points(1, 0, [(4, 5)], [1])
        store = LabelStore.in_memory(frames.shape)
        store.labels[:, 2:8, 3:9] = 1
        store.labels[:2, 12:16, 3:9] = 2
        results_to_folder(session, store, store.scores(), movie.parent / "results")
    return movie.parent / "results"


@pytest.mark.parametrize("opened", ["results", "results/session.json"])
def test_a_folder_of_results_is_image_masks_and_tracks(open_in_napari, movie: Path, opened: str):
    folder = results(movie)
    image, masks, tracks = open_in_napari(movie.parent / opened)
    assert [layer._type_string for layer in (image, masks, tracks)] == ["image", "labels", "tracks"]
    assert [layer.name for layer in (image, masks, tracks)] == ["movie", "movie masks", "movie tracks"]
    np.testing.assert_array_equal(np.asarray(image.data), tifffile.imread(movie))
    np.testing.assert_array_equal(masks.data, tifffile.imread(folder / "labels.tif"))
    for layer in (image, masks, tracks):
        assert layer.scale.tolist() == [3, 0.5, 0.25]
        assert [str(unit) for unit in layer.units] == ["second", "micrometer", "micrometer"]
    assert tracks.data[:, :2].tolist() == [[1, 0], [1, 1], [1, 2], [1, 3], [2, 0], [2, 1]]
    assert tracks.data[0, 2:].tolist() == [4.5, 5.5]
    masks.paint((0, 0, 0), 7)
    assert masks.data[0, 0, 0] == 7


def test_slices_have_no_tracks(open_in_napari, tmp_path: Path):
    tifffile.imwrite(tmp_path / "stack.tif", np.zeros((4, 20, 30), np.uint8), photometric="minisblack")
    folder = results(tmp_path / "stack.tif", axis="z")
    assert [layer._type_string for layer in open_in_napari(folder)] == ["image", "labels"]


def test_large_masks_are_only_shown(open_in_napari, movie: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("napari_sam2.session_reader._EDITABLE", 100)
    folder = results(movie)
    _, masks, _ = open_in_napari(folder)
    assert not isinstance(masks.data, np.ndarray)
    np.testing.assert_array_equal(np.asarray(masks.data[1]), tifffile.imread(folder / "labels.tif")[1])


def test_masks_whose_image_is_elsewhere_are_shown_alone(open_in_napari, movie: Path):
    folder = results(movie)
    movie.rename(movie.with_name("moved.tif"))
    with pytest.warns(ImageWarning, match=r"without their image: the image of .*, movie.tif, is not beside"):
        layers = open_in_napari(folder)
    assert [layer._type_string for layer in layers] == ["labels", "tracks"]


def test_another_image_of_the_same_name_is_not_taken_for_it(open_in_napari, movie: Path):
    folder = results(movie)
    tifffile.imwrite(movie, np.ones((4, 20, 30), np.uint16), photometric="minisblack")
    with pytest.warns(ImageWarning, match="is not the image that"):
        layers = open_in_napari(folder)
    assert [layer._type_string for layer in layers] == ["labels", "tracks"]


def test_a_session_without_masks_shows_what_was_clicked(open_in_napari, movie: Path):
    with open_frames(movie) as frames:
        session = Session(frames)
        session.add_points(1, 2, [(4, 5), (9, 9)], [1, 0])
        session.add_box(3, 1, (2, 3, 8, 9))
        session.save(movie.with_name("movie_session.json"))
    image, clicks, boxes = open_in_napari(movie.with_name("movie_session.json"))
    assert image.name == "movie"
    assert clicks.data.tolist() == [[2, 4, 5], [2, 9, 9]]
    assert clicks.features["object_id"].tolist() == [1, 1] and clicks.features["label"].tolist() == [1, 0]
    assert boxes.data[0].tolist() == [[1, 2, 3], [1, 2, 9], [1, 8, 9], [1, 8, 3]]
    assert boxes.features["object_id"].tolist() == [3]


def test_a_session_of_volumes_in_time(open_in_napari, tmp_path: Path):
    volumes = np.random.default_rng(0).integers(0, 99, (3, 4, 20, 30), dtype=np.uint16)
    tifffile.imwrite(tmp_path / "v.tif", volumes, imagej=True, metadata={"axes": "TZYX"})
    with open_frames(tmp_path / "v.tif", axis="zt") as frames:
        session = Session(frames)
        session.add_points(1, 2 * 4 + 3, [(4, 5)], [1])
        session.save(tmp_path / "v_session.json")
    image, clicks = open_in_napari(tmp_path / "v_session.json")
    np.testing.assert_array_equal(np.asarray(image.data), volumes)
    assert clicks.data.tolist() == [[2, 3, 4, 5]]


def test_a_session_of_which_nothing_can_be_shown(movie: Path):
    with open_frames(movie) as frames:
        Session(frames).save(movie.with_name("s.json"))
    movie.unlink()
    read = get_reader(str(movie.with_name("s.json")))
    with pytest.raises(InputError, match=r"movie.tif, is not beside it"):
        read(str(movie.with_name("s.json")))


def test_other_json_and_folders_are_left_to_others(tmp_path: Path):
    (tmp_path / "a.json").write_text('{"format": "another"}')
    assert get_reader(str(tmp_path / "a.json")) is None
    assert get_reader(str(tmp_path)) is None
