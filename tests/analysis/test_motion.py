import numpy as np
import pandas as pd
import pytest

from napari_sam2.analysis import MeasureError, measure_msd, measure_regions, measure_tracks
from napari_sam2.analysis.motion import fit_diffusion, turning_angles


def table_of(positions, frames=None, object_id=1):
    """A region table of one object from positions (frames, d)."""
    axes = (
        ["centroid_y", "centroid_x"]
        if positions.shape[1] == 2
        else ["centroid_z", "centroid_y", "centroid_x"]
    )
    frames = np.arange(len(positions)) if frames is None else frames
    return pd.DataFrame(
        {"object_id": object_id, "frame": frames, **dict(zip(axes, positions.T, strict=True))}
    )


def measured(positions, frames=None, step=0.5):
    return measure_tracks(table_of(positions, frames), unit="µm", step=step, step_unit="s").iloc[0]


def brownian(rng, n_frames, coefficient, step, dimensions=2):
    return rng.normal(0, np.sqrt(2 * coefficient * step), (n_frames, dimensions)).cumsum(axis=0)


def test_a_straight_track():
    row = measured(np.outer(np.arange(21), [3.0, 4.0]))
    assert row.straightness == 1 and row.path_length == 100
    assert row.mean_speed == row.median_speed == row.max_speed == 10
    np.testing.assert_allclose([row.anomalous_exponent, row.directional_persistence], [2, 1])
    assert row.mean_turning_angle == pytest.approx(0, abs=1e-6)


def test_a_circular_track_comes_back_and_turns_by_the_same_angle_every_step():
    angle = np.linspace(0, 2 * np.pi, 37)
    row = measured(10 * np.stack([np.sin(angle), np.cos(angle)], axis=1))
    assert row.net_displacement == pytest.approx(0, abs=1e-9) and row.straightness == pytest.approx(
        0, abs=1e-9
    )
    np.testing.assert_allclose(row.path_length, 36 * 2 * 10 * np.sin(np.pi / 36))
    np.testing.assert_allclose(row.mean_turning_angle, np.pi / 18)
    np.testing.assert_allclose(row.directional_persistence, np.cos(np.pi / 18))


def test_an_object_at_rest_has_no_direction_and_does_not_diffuse():
    row = measured(np.full((20, 2), 7.0))
    assert (row.path_length, row.mean_speed, row.diffusion_coefficient) == (0, 0, 0)
    undefined = ["straightness", "anomalous_exponent", "anomalous_exponent_low", "mean_turning_angle"]
    assert row[[*undefined, "directional_persistence"]].isna().all()


@pytest.mark.parametrize("dimensions", [2, 3])
def test_brownian_tracks_have_the_coefficient_they_were_made_with(dimensions):
    rng = np.random.default_rng(5)
    tracks = [brownian(rng, 200, 0.3, 0.5, dimensions) for _ in range(150)]
    fits = [fit_diffusion(track, 0.5) for track in tracks]
    coefficients = np.array([fit.coefficient for fit in fits])
    assert abs(coefficients.mean() - 0.3) < 3 * coefficients.std() / np.sqrt(len(fits))
    assert abs(np.mean([fit.exponent for fit in fits]) - 1) < 0.05
    assert abs(np.mean([np.cos(turning_angles(track)).mean() for track in tracks])) < 0.03


@pytest.mark.parametrize("n_frames", [20, 60, 300])
def test_the_confidence_interval_of_the_exponent_holds_what_it_says(n_frames):
    rng = np.random.default_rng(n_frames)
    fits = [fit_diffusion(brownian(rng, n_frames, 1.0, 1.0), 1.0) for _ in range(300)]
    held = np.mean([fit.low <= 1 <= fit.high for fit in fits])
    assert 0.90 <= held <= 0.99


def test_a_confined_object_has_an_exponent_below_and_a_driven_one_above_1():
    rng = np.random.default_rng(2)
    caged = rng.normal(0, 1, (200, 2))
    assert measured(caged).anomalous_exponent_high < 1
    driven = brownian(rng, 200, 0.1, 0.5) + np.outer(np.arange(200), [1.0, 0.5])
    assert measured(driven).anomalous_exponent_low > 1


@pytest.mark.filterwarnings("ignore:Starting with pandas version 4.0")  # trackpy's own
@pytest.mark.parametrize("frames", [np.arange(60), np.delete(np.arange(60), [0, 7, 8, 9, 30, 44])])
def test_mean_squared_displacements_are_those_of_trackpy(frames):
    motion = pytest.importorskip("trackpy.motion")
    positions = brownian(np.random.default_rng(1), 60, 2.0, 1.0)[frames]
    ours = measure_msd(table_of(positions, frames), max_lag=25, step=0.1, step_unit="s")
    track = pd.DataFrame({"x": positions[:, 1], "y": positions[:, 0], "frame": frames, "particle": 1})
    theirs = motion.msd(track, mpp=1, fps=10, max_lagtime=25)
    np.testing.assert_allclose(ours.msd, theirs["msd"])
    np.testing.assert_allclose(ours.lag_time, theirs["lagt"])


def test_a_lag_without_two_frames_is_nan_and_has_no_windows():
    table = measure_msd(table_of(np.zeros((2, 2)), frames=[0, 3]))
    assert table.msd.isna().tolist() == [True, True, False] and table.windows.tolist() == [0, 0, 1]


def test_over_a_gap_no_turn_is_counted_and_the_speed_is_spread():
    positions = np.array([[0.0, 0], [1, 0], [2, 0], [2, 4], [2, 5]])
    row = measured(positions, frames=[0, 1, 2, 4, 5], step=1)
    assert row.mean_turning_angle == 0 and row.max_speed == 2 and row.gaps == 1


@pytest.mark.parametrize("n_frames", [1, 2, 3, 4])
def test_short_tracks_leave_what_they_do_not_define_nan(n_frames):
    row = measured(brownian(np.random.default_rng(0), n_frames, 1, 1))
    assert np.isnan(row.diffusion_coefficient) and row.fit_lags == 0
    assert np.isnan(row.directional_persistence) == (n_frames < 3)


def test_growth_and_intensity_over_time(two_cells):
    labels = np.zeros((6, 80, 80), int)
    for frame in range(6):
        labels[frame, : 2 * 2**frame, :10] = 1
    images = np.ones(labels.shape) * (10 - np.arange(6)[:, None, None])
    regions = measure_regions(labels, images, pixel_size=0.5, unit="µm", step=2, step_unit="h")
    row = measure_tracks(regions).iloc[0]
    np.testing.assert_allclose(row.relative_growth_rate, np.log(2) / 2)
    np.testing.assert_allclose(row.growth_rate, np.polyfit(2 * np.arange(6), 5 * 2.0 ** np.arange(6), 1)[0])
    np.testing.assert_allclose([row.intensity_mean_ch0, row.intensity_slope_ch0], [7.5, -0.5])


def test_displacements_of_slices_in_depth_are_refused(two_cells):
    with pytest.raises(MeasureError, match="slices in depth"):
        measure_msd(measure_regions(two_cells, axis="z"))


def test_a_lag_of_no_frame_is_refused(two_cells):
    with pytest.raises(MeasureError, match="max_lag is 0"):
        measure_msd(measure_regions(two_cells), max_lag=0)
