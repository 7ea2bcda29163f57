"""Cell Tracking Challenge folders: read back by the challenge's metrics, by us, and broken."""

import numpy as np
import pytest
import tifffile
from ctc_metrics.scripts.evaluate import evaluate_sequence
from ctc_metrics.scripts.validate import validate_sequence

from napari_sam2.analysis import MeasureError
from napari_sam2.analysis.exports import read_ctc, write_ctc

PERFECT = ["SEG", "DET", "TRA", "LNK", "CT", "TF"]


def rows_of(path):
    return [tuple(map(int, line.split())) for line in path.read_text().splitlines()]


def test_the_table_and_the_masks_of_a_result(movie, parents, tmp_path):
    folder = write_ctc(movie, tmp_path / "01_RES", parents=parents)
    assert rows_of(folder / "res_track.txt") == [
        (1, 0, 2, 0),
        (2, 0, 2, 0),
        (5, 3, 5, 2),
        (9, 2, 2, 0),
        (300, 4, 5, 0),
        (301, 4, 5, 1),
        (302, 3, 5, 2),
    ]
    mask = tifffile.imread(folder / "mask004.tif")
    assert mask.dtype == np.uint16
    assert set(np.unique(mask)) == {0, 301, 302, 5, 300}
    np.testing.assert_array_equal(mask == 301, movie[4] == 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["01_RES"]


def test_the_metrics_find_it_valid_and_the_truth_equal_to_itself(movie, parents, tmp_path):
    result = write_ctc(movie, tmp_path / "01_RES", parents=parents)
    truth = write_ctc(movie, tmp_path / "01_GT", parents=parents, truth=True)
    assert validate_sequence(str(result), threads=1)["Valid"] == 1
    scores = evaluate_sequence(str(result), str(truth), ["Valid", "BC", *PERFECT], threads=1)
    assert [scores[name] for name in PERFECT] == pytest.approx([1.0] * len(PERFECT))
    assert scores["Valid"] == 1 and scores["BC(0)"] == 1 and scores["gt_divisions"] == 1


def test_volumes(volumes, tmp_path):
    folder = write_ctc(volumes, tmp_path / "01_RES")
    assert validate_sequence(str(folder), threads=1)["Valid"] == 1
    labels, _ = read_ctc(folder)
    assert labels.shape == volumes.shape
    np.testing.assert_array_equal(np.stack(list(labels)), volumes)


@pytest.mark.parametrize("truth", [False, True])
def test_reading_gives_what_was_written(movie, tmp_path, truth):
    # Without object 1's gap and object 2's division nothing needs a new id.
    movie[3:][movie[3:] == 2] = 4
    movie[4:][movie[4:] == 1] = 6
    lineage = {5: 2, 4: 2}
    labels, parents = read_ctc(write_ctc(movie, tmp_path / "x", parents=lineage, truth=truth))
    assert parents == lineage
    np.testing.assert_array_equal(np.stack(list(labels)), movie)
    again, _ = read_ctc(tmp_path / "x" / ("TRA/man_track.txt" if truth else "res_track.txt"))
    assert again.shape == movie.shape


def test_a_thousand_frames_have_four_digits(tmp_path):
    folder = write_ctc(np.ones((1001, 2, 2), np.uint8), tmp_path / "x")
    assert (folder / "mask0000.tif").is_file() and (folder / "mask1000.tif").is_file()
    assert len(read_ctc(folder)[0]) == 1001


def test_ids_that_do_not_fit_sixteen_bits(tmp_path):
    labels = np.full((3, 2, 2), 65535)
    labels[1] = 0
    with pytest.raises(MeasureError, match="need ids above 65535"):
        write_ctc(labels, tmp_path / "x")
    with pytest.raises(MeasureError, match="holds ids up to 65535"):
        write_ctc(labels + 1, tmp_path / "x")
    assert not list(tmp_path.iterdir())


def test_a_folder_with_something_in_it_is_never_touched(movie, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(MeasureError, match="exists already"):
        write_ctc(movie, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_failure_midway_leaves_nothing(movie, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tifffile, "imwrite", full)
    with pytest.raises(OSError, match="No space"):
        write_ctc(movie, tmp_path / "x")
    assert not list(tmp_path.iterdir())


def test_every_problem_of_a_broken_folder_is_told_at_once(movie, tmp_path):
    folder = write_ctc(movie, tmp_path / "x")
    (folder / "res_track.txt").write_text(
        "1 0 2 0\n1 3 3 0\n2 0 5\n5 3 5 77\n9 2 2 9\n300 5 4 0\n301 4 9 1\n70000 0 1 0\n40 0 1 0\n41 2 3 40\n"
        "42 1 2 40\n"
    )
    (folder / "mask001.tif").write_bytes(b"no tiff")
    tifffile.imwrite(folder / "mask003.tif", np.zeros((24, 32), np.float32))
    with pytest.raises(MeasureError) as told:
        read_ctc(folder)
    text = str(told.value)
    for words in [
        "On frame 1 mask001.tif cannot be read as TIFF",
        "On frame 3 the labels are float32",
        "Line 2 of res_track.txt has the label 1 of line 1",
        "Line 3 of res_track.txt is '2 0 5'",
        "Line 4 of res_track.txt gives track 5 the parent 77",
        "Line 5 of res_track.txt makes track 9 its own parent",
        "Line 6 of res_track.txt lets track 300 go from frame 5 to 4",
        "Line 7 of res_track.txt lets track 301 end on frame 9; there are 6 masks",
        "Line 8 of res_track.txt has the label 70000",
        "Line 9 of res_track.txt has track 40, whose label is not in the mask of frame 0",
        "Line 11 of res_track.txt lets track 42 begin on frame 1, when its parent 40 is still there",
        "The masks of frames 0, 2, 4-5 have label 2, not in res_track.txt",
    ]:
        assert words in text
    count = len(text.splitlines()) - 1
    assert text.startswith(f"{folder}: {count} problems.")


def test_missing_masks_are_named(movie, tmp_path):
    folder = write_ctc(movie, tmp_path / "x")
    for frame in (1, 2):
        (folder / f"mask00{frame}.tif").unlink()
    with pytest.raises(MeasureError, match="no mask of frames 1-2"):
        read_ctc(folder)


def test_masks_without_a_table_and_a_table_without_masks(movie, tmp_path):
    folder = write_ctc(movie, tmp_path / "x")
    (folder / "res_track.txt").write_text("")
    with pytest.raises(MeasureError, match="has no tracks"):
        read_ctc(folder)
    (folder / "res_track.txt").unlink()
    with pytest.raises(MeasureError, match=r"no res_track\.txt"):
        read_ctc(folder)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "res_track.txt").write_text("1 0 0 0\n")
    with pytest.raises(MeasureError, match="no mask of frame 0"):
        read_ctc(tmp_path / "empty")


def test_real_cells_score_one_against_themselves(shared_data, tmp_path):
    cells = tifffile.imread(shared_data / "time_ptychography_cells" / "labels.tif")[:8, 200:500, 200:500]
    result = write_ctc(cells, tmp_path / "01_RES")
    truth = write_ctc(cells, tmp_path / "01_GT", truth=True)
    scores = evaluate_sequence(str(result), str(truth), ["Valid", *PERFECT], threads=1)
    assert scores["Valid"] == 1 and [scores[name] for name in PERFECT] == pytest.approx([1.0] * len(PERFECT))
    labels, parents = read_ctc(result)
    assert [set(np.unique(frame > 0)) for frame in labels] == [{False, True}] * 8
    # Pieces after a gap have new ids and the piece before as their parent; the pixels are the same.
    np.testing.assert_array_equal(np.stack(list(labels)) > 0, cells > 0)
    assert set(parents) <= set(np.unique(np.stack(list(labels)))) - set(np.unique(cells))
