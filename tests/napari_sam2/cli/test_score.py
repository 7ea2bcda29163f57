"""`napari-sam2 score` and `summary`: results judged and drawn."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_sam2.cli.main import run

pytest.importorskip("ctc_metrics")


@pytest.fixture
def truth(here: Path) -> np.ndarray:
    """Two squares that move; in truth.tif."""
    labels = np.zeros((5, 40, 60), np.uint16)
    for frame in range(5):
        labels[frame, 5:15, 5 + 2 * frame : 15 + 2 * frame] = 3
        labels[frame, 22:34, 30 - frame : 44 - frame] = 9
    tifffile.imwrite(here / "truth.tif", labels)
    return labels


def scores(text: str) -> dict[str, float]:
    return {name: float(value) for name, value in (line.split() for line in text.splitlines())}


def test_the_truth_against_itself_is_perfect_whatever_the_ids(here, truth, capsys):
    other_ids = np.select([truth == 3, truth == 9], [70, 2]).astype(np.uint16)
    tifffile.imwrite("result.tif", other_ids)
    assert run(["score", "result.tif", "truth.tif"]) == 0
    found = scores(capsys.readouterr().out)
    assert found["truth_objects"] == found["result_objects"] == 2
    for measure in ("SEG", "DET", "TRA", "LNK", "IDF1", "HOTA", "CHOTA", "J", "F", "J&F"):
        assert found[measure] == 1, measure


def test_a_missing_object_costs_half(here, truth, capsys):
    Path("results").mkdir()
    tifffile.imwrite("results/labels.tif", np.where(truth == 9, 0, truth).astype(np.uint16))
    assert run(["score", "results", "truth.tif"]) == 0
    found = scores(capsys.readouterr().out)
    assert found["SEG"] == pytest.approx(0.5)
    assert found["DET"] < 1


def test_another_number_of_frames_is_one_sentence(here, truth, capsys):
    tifffile.imwrite("short.tif", truth[:4], photometric="minisblack")
    assert run(["score", "short.tif", "truth.tif"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "The result has 4 frames and the truth 5" in line


def test_a_page_is_drawn_for_a_folder_of_results(here, truth, capsys):
    for name in ("one", "two"):
        assert run(["measure", "truth.tif", "truth.tif", "--out", f"all/{name}"]) == 0
    assert run(["summary", "all/one", "--out", "one.png"]) == 0
    assert Path("one.png").read_bytes().startswith(b"\x89PNG")
    assert run(["summary", "all", "--out", "all.html"]) == 0
    assert capsys.readouterr().out.endswith("2 pages: all.html\n")
    assert run(["summary", "all", "--out", "all.png"]) == 2
    assert "2 results do not fit into one picture" in capsys.readouterr().err
