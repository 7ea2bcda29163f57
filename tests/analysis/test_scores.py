import sys

import numpy as np
import pytest

from napari_sam2.analysis import MeasureError
from napari_sam2.analysis.davis import contour_accuracy
from napari_sam2.analysis.scores import score_labels

ALL = ["SEG", "DET", "TRA", "LNK", "IDF1", "HOTA", "CHOTA", "J", "F", "J&F"]


def score(result, truth, **parents):
    pytest.importorskip("ctc_metrics")
    return score_labels(result, truth, **parents).iloc[0]


def test_a_truth_against_itself_is_perfect(dividing_cell):
    assert (score(dividing_cell, dividing_cell)[ALL] == 1).all()
    parents = {2: 1}
    both = score(dividing_cell, dividing_cell, result_parents=parents, truth_parents=parents)
    assert (both[ALL] == 1).all()


def test_a_real_truth_against_itself_is_perfect(shared_data):
    import tifffile

    labels = tifffile.imread(shared_data / "time_ptychography_cells" / "labels.tif")
    assert (score(labels, labels)[ALL] == 1).all()


def test_other_ids_for_the_same_objects_cost_nothing(dividing_cell):
    renamed = np.array([0, 30, 11, 0, 0, 0, 0, 2_000_000_000])[dividing_cell]
    assert (score(renamed, dividing_cell)[ALL] == 1).all()


def test_a_swapped_identity_costs_links_and_identity_but_no_detection(dividing_cell):
    swapped = dividing_cell.copy()
    swapped[9:] = np.array([0, 2, 1, 3, 4, 5, 6, 7])[swapped[9:]]
    row = score(swapped, dividing_cell)
    assert row.DET == row.SEG == 1
    assert row.LNK < 1 and row.TRA < 1 and row.IDF1 < 1 and row.HOTA < 1 and row.J < 1


def test_a_forgotten_division_costs_links(dividing_cell):
    row = score(dividing_cell, dividing_cell, truth_parents={2: 1})
    assert row.DET == 1 and row.LNK < 1 and row.TRA < 1


def test_nothing_found_scores_nothing(dividing_cell):
    row = score(np.zeros_like(dividing_cell), dividing_cell)
    assert (row[["SEG", "DET", "TRA", "LNK", "IDF1", "HOTA", "CHOTA", "J", "F"]] == 0).all()


def test_a_still_image_is_scored_by_its_masks(dividing_cell):
    row = score(dividing_cell[:1], dividing_cell[:1])
    assert (
        row[["DET", "TRA", "LNK"]].isna().all()
        and (row[["SEG", "IDF1", "HOTA", "CHOTA", "J", "F"]] == 1).all()
    )


def test_volumes_are_scored_without_outlines(dividing_cell):
    volumes = np.repeat(dividing_cell[:, None], 2, axis=1)
    row = score(volumes, volumes)
    assert row.SEG == row.TRA == 1 and np.isnan(row.J) and np.isnan(row["J&F"])


def worsened(labels):
    """Shifted, one object lost for two frames, one invented, one with a gap in the truth's middle."""
    result = np.roll(labels, 2, axis=2)
    result[3:5][result[3:5] == 7] = 0
    result[:, 50:55, 50:55] = 9
    return result


def test_the_scores_are_those_of_the_reference_on_folders(dividing_cell, tmp_path, capsys):
    evaluate = pytest.importorskip("ctc_metrics.scripts.evaluate")
    from napari_sam2.analysis.exports import write_ctc

    result = worsened(dividing_cell)
    write_ctc(result, tmp_path / "01_RES")
    write_ctc(dividing_cell, tmp_path / "01_GT", parents={2: 1}, truth=True)
    theirs = evaluate.evaluate_sequence(
        str(tmp_path / "01_RES"), str(tmp_path / "01_GT"), metrics=["SEG", *ALL[1:7]], threads=1
    )
    ours = score(result, dividing_cell, truth_parents={2: 1})
    for name in ALL[:7]:
        np.testing.assert_allclose(ours[name], theirs[name], err_msg=name)
        assert ours[name] < 1


def test_regions_and_contours_are_those_of_the_reference(dividing_cell):
    evaluator = pytest.importorskip("vos_benchmark.evaluator").Evaluator()
    result = worsened(dividing_cell)
    for found, true in zip(result, dividing_cell, strict=True):
        evaluator.feed_frame(found, true)
    theirs = [np.mean(list(one.values())) / 100 for one in evaluator.conclude()]
    ours = score(result, dividing_cell)
    np.testing.assert_allclose([ours.J, ours.F], theirs)
    assert 0.3 < ours.J < 0.9


def test_outlines_count_as_near_within_the_tolerance():
    square = np.zeros((40, 40), bool)
    square[10:20, 10:20] = True
    assert contour_accuracy(square, np.roll(square, 1, axis=0), reach=1) == 1
    assert contour_accuracy(square, np.roll(square, 20, axis=0), reach=1) == 0
    assert contour_accuracy(square, np.zeros_like(square), reach=1) == 0


def test_stacks_that_cannot_be_compared_are_refused(dividing_cell):
    for result, truth, sentence in (
        (dividing_cell[:3], dividing_cell, "The result has 3 frames and the truth 12"),
        (dividing_cell[:, 1:], dividing_cell, "frames of .59, 60. and the truth of .60, 60."),
        (dividing_cell, np.zeros_like(dividing_cell), "The truth holds no object"),
        (dividing_cell - 1, dividing_cell, "(?s)The result.*negative"),
        (dividing_cell, dividing_cell / 1.0, "(?s)The truth.*float64"),
    ):
        with pytest.raises(MeasureError, match=sentence):
            score_labels(result, truth)


def test_without_the_package_a_sentence_says_what_to_install(dividing_cell, monkeypatch):
    for name in ("ctc_metrics", "ctc_metrics.scripts", "ctc_metrics.scripts.evaluate"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MeasureError, match=r"needs the package ctc_metrics.*napari-sam2\[scores\]"):
        score_labels(dividing_cell, dividing_cell)
