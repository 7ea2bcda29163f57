"""Prompts for volumes in time: t and z in a CSV, three-dimensional labels."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_sam2.errors import InputError
from napari_sam2.session import Session, read_prompts

TIMES, SLICES = 4, 5
HEAD = "object_id,t,z,kind,y,x,y1,x1,label\n"


@pytest.fixture
def volumes(small_frames: type) -> Session:
    return Session(small_frames(shape=(TIMES * SLICES, 12, 16), axis="zt", n_slices=SLICES))


def prompts(session: Session, folder: Path, text: str) -> None:
    (folder / "p.csv").write_text(text)
    read_prompts(folder / "p.csv", session)


def test_a_click_has_a_volume_and_a_slice(volumes: Session, tmp_path: Path):
    prompts(volumes, tmp_path, HEAD + "1,0,2,point,3,4,,,1\n1,3,1,box,1,1,5,5,\n7,2,4,point,6,7,,,\n")
    assert {i: sorted(one.prompts) for i, one in volumes.objects.items()} == {1: [2, 16], 7: [14]}
    assert volumes.objects[7].prompts[14].points == ((6.0, 7.0),)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (HEAD + "1,4,0,point,3,4,,,1\n", "line 2: t 4 does not exist; the image has t 0 to 3"),
        (HEAD + "1,0,5,point,3,4,,,1\n", "line 2: z 5 does not exist; the image has z 0 to 4"),
        (HEAD + "1,,0,point,3,4,,,1\n", "line 2: t '' is not a whole number"),
        (HEAD + "1,1,3,point,3,4,,,0\n", "only points outside it on its first frame, t=1, z=3"),
        (HEAD + "1,1,3,box,3,4,6,7,\n" * 2, "line 3: object 1 has a box on frame t=1, z=3 already"),
        (
            "object_id,frame,kind,y,x,y1,x1,label\n1,0,point,3,4,,,1\n",
            "it lacks columns 't', 'z'; the columns of a prompts file for volumes in time are object_id, t, "
            "z",
        ),
    ],
)
def test_what_is_wrong_is_told_by_time_and_slice(volumes: Session, tmp_path: Path, text: str, sentence: str):
    with pytest.raises(InputError) as error:
        prompts(volumes, tmp_path, text)
    assert sentence in str(error.value)
    assert not volumes.objects


def test_a_label_is_given_by_all_its_slices_in_its_first_volume(volumes: Session, tmp_path: Path):
    labels = np.zeros((TIMES, SLICES, 12, 16), np.uint8)
    labels[1, 1:4, 2:6, 2:6] = 3
    labels[2, 0:4, 2:6, 2:6] = 3
    labels[2, 2, 8:10, 8:12] = 9
    tifffile.imwrite(tmp_path / "labels.tif", labels)
    read_prompts(tmp_path / "labels.tif", volumes)
    given = {i: sorted(one.prompts) for i, one in volumes.objects.items()}
    assert given == {3: [SLICES + 1, SLICES + 2, SLICES + 3], 9: [2 * SLICES + 2]}
    assert np.array_equal(volumes.objects[3].prompts[SLICES + 1].mask.unpack(), labels[1, 1] == 3)


def test_one_volume_of_labels_is_the_first(volumes: Session, tmp_path: Path):
    labels = np.zeros((SLICES, 12, 16), np.uint16)
    labels[2:4, 2:6, 2:6] = 1
    np.save(tmp_path / "labels.npy", labels)
    read_prompts(tmp_path / "labels.npy", volumes)
    assert sorted(volumes.objects[1].prompts) == [2, 3]


def test_labels_of_another_shape_are_refused(volumes: Session, tmp_path: Path):
    np.save(tmp_path / "labels.npy", np.zeros((12, 16), np.uint16))
    words = (
        "the labels have shape 12 x 16, but the image needs 4 x 5 x 12 x 16 for all volumes, or 5 x 12 x 16"
    )
    with pytest.raises(InputError, match=words):
        read_prompts(tmp_path / "labels.npy", volumes)
