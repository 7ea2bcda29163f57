import re
import subprocess
import sys

import numpy as np
import pytest

from napari_sam2.analysis import MeasureError, measure_regions, measure_volumes, write_table
from napari_sam2.analysis.divisions import propose_divisions
from napari_sam2.analysis.lineage import measure_lineage
from napari_sam2.analysis.summary import Result, draw_summary, read_results, write_summary


@pytest.fixture
def result(dividing_cell):
    regions = measure_regions(dividing_cell, pixel_size=0.5, unit="µm", step=10, step_unit="min")
    return Result("dish 3", regions, measure_lineage(regions, propose_divisions(regions)), dividing_cell[0])


def titles(figure):
    return [ax.get_title() for ax in figure.axes]


def test_a_page_has_the_lineage_where_something_divides_else_the_timeline(result):
    assert any(title.startswith("lineage") for title in titles(draw_summary(result)))
    plain = draw_summary(Result("dish 3", result.regions))
    assert any(title.startswith("on screen") for title in titles(plain))
    assert "dish 3: 3 objects on frames 0 to 11\npixel 0.5 x 0.5 µm, step 10 min" in plain.get_suptitle()


def test_pages_of_slices_of_volumes_and_of_nothing(dividing_cell):
    slices = measure_regions(dividing_cell, axis="z")
    assert any("present" in title for title in titles(draw_summary(Result("z", slices))))
    volumes = measure_volumes(np.repeat(dividing_cell[:3, None], 2, axis=1))
    assert any(title.startswith("volume") for title in titles(draw_summary(Result("v", volumes))))
    nothing = measure_regions(np.zeros((2, 5, 5), int))
    assert draw_summary(Result("empty", nothing)).texts[-1].get_text() == "no objects"


def test_one_result_as_a_picture_several_as_pages_or_a_web_page(result, tmp_path):
    assert write_summary(result, tmp_path / "one.png").read_bytes().startswith(b"\x89PNG")
    pdf = write_summary([result, result], tmp_path / "two.pdf").read_bytes()
    assert len(re.findall(rb"/Type /Page\b", pdf)) == 2
    page = write_summary([result, Result("<dish 4>", result.regions)], tmp_path / "two.html").read_text(
        "utf-8"
    )
    assert page.count("<img") == 2 and "&lt;dish 4&gt;" in page
    assert "mean_speed (µm/min)" in page and "&quot;step&quot;: 10.0" in page
    assert sorted(file.name for file in tmp_path.iterdir()) == ["one.png", "two.html", "two.pdf"]


def test_a_folder_of_results_is_read_with_its_subfolders(result, tmp_path):
    for name in ("b", "a/inner"):
        (tmp_path / name).mkdir(parents=True)
        write_table(result.regions, tmp_path / name / "regions.csv")
    write_table(result.lineage, tmp_path / "b" / "lineage.csv")
    first, second = read_results(tmp_path)
    assert (first.name, second.name) == ("a/inner", "b")
    assert first.lineage is None and second.lineage.equals(result.lineage)
    assert read_results(tmp_path / "b")[0].name == "b"


def test_results_of_slices_have_bodies_and_those_of_volumes_over_time_only_them(dividing_cell, tmp_path):
    bodies = np.repeat(dividing_cell[:3, None], 2, axis=1)
    for name in ("slices", "volumes"):
        (tmp_path / name).mkdir()
    write_table(measure_regions(dividing_cell, axis="z"), tmp_path / "slices" / "regions.csv")
    write_table(measure_volumes([dividing_cell]), tmp_path / "slices" / "volumes.csv")
    write_table(measure_volumes(bodies), tmp_path / "volumes" / "volumes.csv")
    slices, volumes = read_results(tmp_path)
    assert len(slices.regions) > len(slices.volumes) == 3
    assert any(title.startswith("sphericity") for title in titles(draw_summary(slices)))
    assert volumes.volumes is None and volumes.regions["frame"].max() == 2
    assert any(title.startswith("volume") for title in titles(draw_summary(volumes)))


@pytest.mark.parametrize(
    ("name", "n_results", "sentence"),
    [
        ("a.jpg", 1, "cannot be written as a.jpg; end its name in .png, .pdf or .html"),
        ("a.png", 2, "2 results do not fit into one picture"),
        ("a.pdf", 0, "There is no result"),
    ],
)
def test_what_cannot_be_written_says_so_and_writes_nothing(result, tmp_path, name, n_results, sentence):
    with pytest.raises(MeasureError, match=re.escape(sentence)):
        write_summary([result] * n_results, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_folders_without_results_are_refused(tmp_path):
    with pytest.raises(MeasureError, match="holds no result"):
        read_results(tmp_path)
    with pytest.raises(MeasureError, match="There is no folder"):
        read_results(tmp_path / "nowhere")


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read as Linux tells it")
def test_a_page_of_a_long_walk_takes_little_memory(tmp_path):
    code = """
import resource, numpy as np
from napari_sam2.analysis import measure_regions
from napari_sam2.analysis.summary import Result, write_summary

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

frame = np.zeros((40, 40), int)
frame[10:20, 10:20] = 1
once = measure_regions(frame[None].repeat(2, 0))
write_summary(Result("short", once), "page.png")
n = 20_000
walk = once.iloc[[0] * n].assign(frame=np.arange(n), time=np.arange(n, dtype=float))
y, x = np.random.default_rng(0).uniform(5, 35, (2, n))
walk = walk.assign(centroid_y=y, centroid_x=x)
walk.attrs = once.attrs
before = peak()
write_summary(Result("long", walk), "page.png")
print(peak() - before)
"""
    out = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)
    assert float(out.stdout) < 120
