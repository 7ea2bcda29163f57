import numpy as np
import pytest

from napari_sam2.analysis import MeasureError, measure_regions
from napari_sam2.analysis.events import Settings, measure_activity, measure_intervals, measure_presence


@pytest.fixture
def footage():
    """Regions of 40 frames 50 x 100, 2 frames a second.

    Instrument 1 (10 x 10) comes in over the left border on frame 5, moves 4 right a frame to frame 14,
    rests to frame 24, is away for 5 frames, comes back and stays. Organ 2 (20 x 50) is always there.
    """
    labels = np.zeros((40, 50, 100), int)
    labels[:, 30:, 50:] = 2
    for frame in [*range(5, 25), *range(30, 40)]:
        left = min(4 * (frame - 5), 36)
        labels[frame, 10:20, left : left + 10] = 1
    return measure_regions(labels, pixel_size=0.1, unit="mm", step=0.5, step_unit="s")


def test_presence_intervals_entries_and_exits(footage):
    table = measure_intervals(footage)
    assert table[["object_id", "first_frame", "last_frame"]].values.tolist() == [
        [1, 5, 24],
        [1, 30, 39],
        [2, 0, 39],
    ]
    assert table[["start", "end", "duration"]].values[0].tolist() == [2.5, 12.5, 10]
    assert table.enters.tolist() == [True, True, False]
    assert table.leaves.tolist() == [True, False, False]
    assert table.enters_at_border.tolist() == [True, False, True]
    np.testing.assert_allclose(table.path_length, [3.6, 0, 0])
    np.testing.assert_allclose(table.mean_speed[0], 3.6 / 9.5)


def test_a_short_gap_may_stay_within_an_interval(footage):
    assert measure_intervals(footage, Settings(max_gap=5)).object_id.tolist() == [1, 2]


def test_time_on_screen_and_share_of_the_frame(footage):
    table = measure_presence(footage).set_index("object_id")
    assert table.time_on_screen.tolist() == [15, 20] and table.share_of_time.tolist() == [0.75, 1]
    assert table.entries.tolist() == [2, 0] and table.exits.tolist() == [1, 0]
    np.testing.assert_allclose(table.mean_frame_share, [100 / 5000, 1000 / 5000])
    np.testing.assert_allclose(table.path_length, [3.6, 0])


def test_a_moving_object_is_active_and_a_resting_one_idle(footage):
    table = measure_activity(footage).set_index(["object_id", "frame"])
    active = table.active[1]
    assert active.loc[5:14].all() and not active.loc[18:].any()
    assert not table.active[2].any()
    presence = measure_presence(footage).set_index("object_id")
    assert presence.active_time[1] == active.sum() * 0.5
    assert presence.active_time[1] + presence.idle_time[1] == presence.time_on_screen[1]


def test_small_trembling_is_not_activity():
    rng = np.random.default_rng(0)
    labels = np.zeros((30, 60, 60), int)
    for frame in range(30):
        top, left = 20 + rng.integers(-1, 2, 2)
        labels[frame, top : top + 20, left : left + 20] = 1
    assert not measure_activity(measure_regions(labels)).active.any()


def test_moving_to_and_fro_is_activity():
    labels = np.zeros((30, 60, 60), int)
    for frame in range(30):
        labels[frame, 20:40, 10 + 12 * (frame % 2) : 30 + 12 * (frame % 2)] = 1
    assert measure_activity(measure_regions(labels)).active.all()


def test_an_object_on_a_single_frame_is_neither_active_nor_idle(two_cells):
    table = measure_presence(measure_regions(two_cells)).set_index("object_id")
    assert measure_activity(measure_regions(two_cells)).active.isna().sum() == 2
    assert (table.active_time[5], table.idle_time[5], table.time_on_screen[5]) == (0, 0, 2)
    assert np.isnan(table.path_length[5]) and np.isnan(table.mean_speed[5])


def test_frames_without_any_object_count_for_the_share_of_time():
    labels = np.zeros((10, 8, 8), int)
    labels[2:4, 2:5, 2:5] = 1
    presence, interval = (f(measure_regions(labels)).iloc[0] for f in (measure_presence, measure_intervals))
    assert presence.share_of_time == 0.2
    assert interval.enters and interval.leaves


def test_no_object_gives_empty_tables_of_the_same_columns(two_cells):
    for measure in (measure_activity, measure_intervals, measure_presence):
        empty = measure(measure_regions(np.zeros_like(two_cells)))
        full = measure(measure_regions(two_cells))
        assert len(empty) == 0 and list(empty.dtypes.items()) == list(full.dtypes.items())


def test_the_window_is_a_second_of_footage(footage):
    assert measure_activity(footage).attrs["napari_sam2"]["parameters"]["window"] == 5
    labels = np.ones((2, 4, 4), int)
    fast = measure_activity(measure_regions(labels, step=1 / 30, step_unit="s"))
    assert fast.attrs["napari_sam2"]["parameters"]["window"] == 30


@pytest.mark.parametrize("settings", [{"window": 1}, {"max_gap": -1}, {"threshold": 0}])
def test_settings_that_make_no_sense_are_refused(two_cells, settings):
    with pytest.raises(MeasureError, match="give a window of at least 2"):
        measure_activity(measure_regions(two_cells), Settings(**settings))


def test_slices_in_depth_have_no_events(two_cells):
    with pytest.raises(MeasureError, match="slices in depth"):
        measure_presence(measure_regions(two_cells, axis="z"))
