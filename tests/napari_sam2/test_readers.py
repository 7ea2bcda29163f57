"""What napari opens: CTC, GEFF, TrackMate, SA-V and DAVIS as layers in place."""

from pathlib import Path

import numpy as np
import pytest
from napari.layers import Layer
from npe2.io_utils import _read

from napari_sam2.analysis import MeasureError, measure_regions
from napari_sam2.analysis.exports import write_ctc, write_davis, write_geff, write_sav, write_trackmate
from napari_sam2.readers import get_reader

MANIFEST = Path(__file__).resolve().parents[2] / "napari_sam2" / "napari.yaml"


@pytest.fixture
def open_in_napari(npe2pm):
    """Open a path as File > Open does, with this plugin alone; gives napari's own layers."""

    def open_in_napari(path):
        return [Layer.create(*data) for data in _read([str(path)], stack=False, _pm=npe2pm)]

    with npe2pm.tmp_plugin(manifest=str(MANIFEST)):
        yield open_in_napari


@pytest.fixture
def data() -> np.ndarray:
    data = np.zeros((4, 20, 30), np.int32)
    data[:2, 2:8, 3:9] = 1
    data[2:, 2:8, 3:6] = 2
    data[2:, 2:8, 7:9] = 3
    return data


LINEAGE = {2: 1, 3: 1}


@pytest.mark.parametrize("given", ["01_RES", "01_RES/res_track.txt", "01_GT", "01_GT/TRA"])
def test_ctc_gives_labels_and_tracks_with_their_lineage(open_in_napari, data, tmp_path, given):
    write_ctc(data, tmp_path / "01_RES", parents=LINEAGE)
    write_ctc(data, tmp_path / "01_GT", parents=LINEAGE, truth=True)
    labels, tracks = open_in_napari(tmp_path / given)
    np.testing.assert_array_equal(labels.data, data)
    assert tracks.graph == {2: [1], 3: [1]}
    assert tracks.data[:3].tolist() == [[1, 0, 4.5, 5.5], [1, 1, 4.5, 5.5], [2, 2, 4.5, 4]]


def test_volumes_of_ctc(open_in_napari, data, tmp_path):
    labels, tracks = open_in_napari(write_ctc(np.stack([data, data], axis=1), tmp_path / "a.ctc"))
    assert labels.data.shape == (4, 2, 20, 30) and tracks.data.shape == (6, 5)


@pytest.mark.parametrize(("write", "name"), [(write_geff, "a.geff"), (write_trackmate, "a.xml")])
def test_tracks_lie_on_their_image(open_in_napari, data, tmp_path, write, name):
    regions = measure_regions(data, pixel_size=(0.5, 0.25), unit="µm", step=2, step_unit="min")
    (tracks,) = open_in_napari(write(regions, tmp_path / name, parents=LINEAGE))
    assert tracks.scale.tolist() == [2, 0.5, 0.25]
    assert [str(unit) for unit in tracks.units] == ["minute", "micrometer", "micrometer"]
    assert tracks.data[0].tolist() == [1, 0, 4.5, 5.5] and tracks.graph == {2: [1], 3: [1]}
    area = "area" if name == "a.geff" else "AREA"
    assert tracks.features[area].iloc[0] == 36 * 0.125


def test_tracks_of_unknown_size(open_in_napari, data, tmp_path):
    (tracks,) = open_in_napari(write_geff(measure_regions(data), tmp_path / "a.geff"))
    assert {str(unit) for unit in tracks.units} == {"pixel"} and tracks.scale.tolist() == [1, 1, 1]


def test_masks_of_videos(open_in_napari, data, tmp_path):
    (labels,) = open_in_napari(write_sav(data, tmp_path / "a.json", video="clip", step=2, step_unit="s"))
    np.testing.assert_array_equal(labels.data, data)
    assert labels.name == "clip" and labels.scale.tolist() == [2, 1, 1]
    (labels,) = open_in_napari(write_davis(data, tmp_path / "a.davis"))
    np.testing.assert_array_equal(labels.data, data)


def test_other_files_are_left_to_others(data, tmp_path):
    (tmp_path / "a.json").write_text('{"other": 1}')
    (tmp_path / "a.xml").write_text("<OME/>")
    (tmp_path / "x_RES").mkdir()
    for name in ("a.json", "a.xml", "x_RES"):
        assert get_reader(str(tmp_path / name)) is None
    assert get_reader([str(tmp_path / "a.json")]) is None


def test_a_broken_folder_is_told(open_in_napari, data, tmp_path):
    folder = write_ctc(data, tmp_path / "01_RES")
    (folder / "res_track.txt").write_text("1 0\n")
    with pytest.raises(MeasureError, match="Line 1"):
        open_in_napari(folder)
