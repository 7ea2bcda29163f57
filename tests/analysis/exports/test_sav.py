"""SA-V masklets: the data set's own files, ours read by pycocotools, and broken ones."""

import json

import numpy as np
import pytest
from pycocotools import mask as coco

from napari_sam2.analysis import MeasureError
from napari_sam2.analysis.exports import read_sav, write_sav

# pycocotools is older than numpy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def test_pycocotools_decodes_what_was_written(movie, tmp_path):
    path = write_sav(movie, tmp_path / "a.json", video="clip", step=0.5, step_unit="min")
    content = json.loads(path.read_text())
    drawn = np.zeros_like(movie)
    for frame, encoded in enumerate(content["masklet"]):
        for masklet_id, rle in zip(content["masklet_id"], encoded, strict=True):
            drawn[frame][coco.decode(rle) == 1] = masklet_id
    np.testing.assert_array_equal(drawn, movie)
    assert content["video_duration"] == 180 and content["video_frame_count"] == 6
    assert content["masklet_id"] == [1, 2, 5, 9, 300] and content["masklet_num"] == 5
    assert content["masklet_visibility_changes"] == [2, 0, 0, 1, 0]
    assert content["masklet_first_appeared_frame"] == [0, 0, 3, 2, 4]
    assert content["masklet_size_abs"] == [24, 56, 32, 1, 36]
    assert set(content["masklet_size_bucket"]) == {"small"}


def test_reading_gives_what_was_written(movie, tmp_path):
    found = read_sav(write_sav(movie, tmp_path / "a.json", step=2, step_unit="s"))
    np.testing.assert_array_equal(np.stack(list(found)), movie)
    assert found.shape == movie.shape and found.video_frames == tuple(range(6)) and found.step == 2
    assert read_sav(write_sav(movie, tmp_path / "b.json")).step is None


def test_a_movie_without_objects(tmp_path):
    found = read_sav(write_sav(np.zeros((2, 3, 4), int), tmp_path / "a.json"))
    assert found.shape == (2, 3, 4) and not np.any(found[1])


@pytest.mark.parametrize(("name", "masklets"), [("manual", 5), ("auto", 9)])
def test_a_file_of_the_data_set(shared_data, tmp_path, name, masklets):
    source = shared_data / "video" / f"sav_000001_{name}.json"
    content = json.loads(source.read_text())
    found = read_sav(source)
    assert found.shape == (121, 848, 480) and found.video == "sav_000001"
    assert found.object_ids == tuple(range(1, masklets + 1)) and found.video_frames[-1] == 480
    assert found.step == pytest.approx(4 * 20.125 / 483)
    for frame in (0, 60, 120):
        expected = np.stack([coco.decode(rle) for rle in content["masklet"][frame]]).astype(bool)
        np.testing.assert_array_equal(found.masks(frame), expected)
        labels = found[frame]
        assert ((labels > 0) == expected.any(axis=0)).all()
        alone = expected.sum(axis=0) == 1
        assert (
            labels[alone] == (expected * np.array(found.object_ids)[:, None, None]).sum(axis=0)[alone]
        ).all()


def test_the_summary_is_that_of_the_data_set(shared_data, tmp_path):
    source = shared_data / "video" / "sav_000001_auto.json"
    told = json.loads(source.read_text())
    found = read_sav(source)
    alone = [np.where(found.masks(frame)[8], 8, 0) for frame in range(121)]
    content = json.loads(write_sav(alone, tmp_path / "a.json").read_text())
    for key in (
        "size_abs",
        "size_rel",
        "visibility_changes",
        "first_appeared_frame",
        "size_bucket",
        "frame_count",
    ):
        assert content[f"masklet_{key}"][0] == pytest.approx(told[f"masklet_{key}"][8]), key


def broken(content):
    content["masklet"][1] = content["masklet"][1][:2]
    content["masklet"][2][0]["counts"] = "x"
    content["masklet"][3][1]["size"] = [32, 24]
    return content


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: [], ["no list of masklets"]),
        (lambda c: c | {"masklet": []}, ["no annotated frames"]),
        (
            lambda c: c | {"video_height": "tall", "masklet_id": [0, 0]},
            ["video_height is 'tall'", "a number twice"],
        ),
        (lambda c: c | {"masklet_id": None}, ["no list of whole numbers"]),
        (
            broken,
            [
                "3 problems",
                "On frame 1 there are 2 masks for 5 masklets",
                "On frame 2 the mask of masklet 1 is broken",
                "On frame 3 the mask of masklet 2 is (32, 24) and the movie (24, 32)",
            ],
        ),
    ],
)
def test_broken_files(movie, tmp_path, change, words):
    path = write_sav(movie, tmp_path / "a.json")
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(MeasureError) as told:
        read_sav(path)
    for each in words:
        assert each in str(told.value)


def test_what_is_no_json(tmp_path):
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(MeasureError, match="is not JSON"):
        read_sav(tmp_path / "a.json")
