"""COCO and YouTube-VIS: opened by pycocotools."""

import json

import numpy as np
import pytest
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from napari_sam2.analysis import MeasureError
from napari_sam2.analysis.exports import write_coco, write_youtube_vis

# pycocotools is older than numpy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def test_pycocotools_draws_every_mask(movie, tmp_path, capsys):
    path = write_coco(movie, tmp_path / "a.json", names={1: "nucleus", 300: "nucleus"}, video="cells")
    coco = COCO(path)
    assert coco.getCatIds(catNms=["nucleus"]) == [1] and coco.getCatIds(catNms=["object"]) == [2]
    drawn = np.zeros_like(movie)
    for image in coco.loadImgs(coco.getImgIds()):
        assert (image["height"], image["width"]) == movie.shape[1:]
        for record in coco.loadAnns(coco.getAnnIds(imgIds=image["id"])):
            mask = coco.annToMask(record).astype(bool)
            drawn[image["frame_index"]][mask] = record["track_id"]
            y, x = np.nonzero(mask)
            assert record["bbox"] == [x.min(), y.min(), np.ptp(x) + 1, np.ptp(y) + 1]
            assert record["area"] == mask.sum()
            assert (record["category_id"] == 1) == (record["track_id"] in (1, 300))
    np.testing.assert_array_equal(drawn, movie)
    content = json.loads(path.read_text())
    assert content["videos"][0]["name"] == "cells" and {t["id"] for t in content["tracks"]} == {
        1,
        2,
        5,
        9,
        300,
    }
    assert content["images"][3]["file_name"] == "00003.jpg"


def test_youtube_vis_has_a_mask_or_null_for_each_frame(movie, tmp_path):
    path = write_youtube_vis(movie, tmp_path / "a.json", file_names=[f"a/{n}.png" for n in range(6)])
    content = json.loads(path.read_text())
    assert content["videos"][0]["file_names"][5] == "a/5.png" and content["videos"][0]["length"] == 6
    drawn = np.zeros_like(movie)
    for track in content["annotations"]:
        assert len(track["segmentations"]) == len(track["bboxes"]) == len(track["areas"]) == 6
        for frame, rle in enumerate(track["segmentations"]):
            if rle is None:
                assert track["areas"][frame] is None and track["bboxes"][frame] is None
            else:
                drawn[frame][coco_mask.decode(rle) == 1] = track["id"]
    np.testing.assert_array_equal(drawn, movie)


@pytest.mark.parametrize("write", [write_coco, write_youtube_vis])
def test_what_does_not_fit(movie, volumes, tmp_path, write):
    with pytest.raises(MeasureError, match="2 file names for 6 frames"):
        write(movie, tmp_path / "a.json", file_names=["a", "b"])
    with pytest.raises(MeasureError, match=r"a frame of labels is \(y, x\) here"):
        write(volumes, tmp_path / "a.json")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("write", [write_coco, write_youtube_vis])
def test_a_movie_without_objects(tmp_path, write):
    content = json.loads(write(np.zeros((2, 3, 4), int), tmp_path / "a.json").read_text())
    assert content["annotations"] == [] and content["categories"] == [{"id": 1, "name": "object"}]
