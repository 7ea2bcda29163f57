import numpy as np
import pytest
from matplotlib.figure import Figure

from napari_sam2.analysis import MeasureError, measure_regions, measure_tracks, plots
from napari_sam2.analysis.divisions import propose_divisions
from napari_sam2.analysis.lineage import measure_lineage


@pytest.fixture
def ax():
    return Figure().add_subplot()


@pytest.fixture
def regions(dividing_cell):
    return measure_regions(dividing_cell, pixel_size=(0.5, 2), unit="µm", step=10, step_unit="min")


def test_each_object_has_its_path_in_physical_units_over_the_image(ax, regions, dividing_cell):
    plots.plot_trajectories(ax, regions, dividing_cell[0])
    paths = [line for line in ax.lines if line.get_linestyle() != "None"]
    assert len(paths) == 3
    seven = regions[regions.object_id == 7]
    np.testing.assert_allclose(paths[-1].get_xydata(), seven[["centroid_x", "centroid_y"]])
    assert ax.images[0].get_extent() == [-1, 119, 29.75, -0.25]
    assert ax.get_xlabel() == "x (µm)"


def test_without_an_image_rows_still_go_down(ax, regions):
    plots.plot_trajectories(ax, regions)
    low, high = ax.get_ylim()
    assert low > high


def test_a_histogram_counts_what_is_defined_and_says_what_is_not(ax, regions):
    tracks = measure_tracks(regions)
    tracks.loc[0, "mean_speed"] = np.nan
    plots.plot_distribution(ax, tracks, "mean_speed")
    assert sum(patch.get_height() for patch in ax.patches) == 2
    assert ax.get_title() == "mean speed (n = 2, 1 undefined)" and ax.get_xlabel() == "µm/min"


def test_a_column_over_time_has_a_line_an_object_and_the_median(ax, regions):
    plots.plot_over_frames(ax, regions, "area")
    assert len(ax.lines) == 4
    median = ax.lines[-1].get_xydata()
    np.testing.assert_allclose(median[:, 0], np.arange(12) * 10)
    assert ax.get_ylabel() == "area (µm²)" and ax.get_xlabel() == "time (min)"


def test_the_timeline_has_a_pale_bar_for_each_stay_and_a_full_one_where_it_moves(ax, regions):
    plots.plot_timeline(ax, regions)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["1", "2", "7"]
    pale = [bars for bars in ax.collections if bars.get_alpha() is not None]
    stays = [bars.get_paths()[0].get_extents() for bars in pale]
    assert [(box.x0, box.x1) for box in stays] == [(0, 120), (60, 120), (0, 120)]
    assert len(ax.collections) == 6


def test_of_many_objects_those_longest_on_screen_are_drawn(ax):
    labels = np.zeros((3, 10, 100), int)
    labels[0, 2, :] = np.arange(1, 101)
    labels[1:, 5, 60:90] = np.arange(61, 91)
    plots.plot_timeline(ax, measure_regions(labels))
    drawn = {int(label.get_text()) for label in ax.get_yticklabels()}
    assert len(drawn) == 40 and drawn >= set(range(61, 91)) and "40 of 100 objects" in ax.get_title()


def test_the_lineage_shows_families_that_divide(ax, regions):
    plots.plot_lineage(ax, measure_lineage(regions, propose_divisions(regions)))
    cells = [line.get_xydata() for line in ax.lines if line.get_linewidth() == 2]
    assert sorted((float(a[0]), float(b[0])) for a, b in cells) == [(0, 60), (60, 120), (60, 120)]
    parent, first, second = sorted((cell[0, 0], cell[0, 1]) for cell in cells)
    assert parent[1] == (first[1] + second[1]) / 2
    assert ax.get_title() == "lineage: divisions 1, cells without 1"


@pytest.mark.parametrize("plot", [plots.plot_distribution, plots.plot_over_frames])
def test_a_channel_that_does_not_exist_is_named(ax, regions, plot):
    with pytest.raises(MeasureError, match="no column 'intensity_mean_DAPI'; it has object_id, frame"):
        plot(ax, regions, "intensity_mean_DAPI")
