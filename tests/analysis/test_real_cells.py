"""Tables of real cells from their true masks, against a few lines of numpy that share no code with ours."""

import numpy as np
import pytest

from napari_sam2.analysis import measure_regions, measure_tracks

PIXEL, STEP = 0.62, 15.0


@pytest.fixture(scope="module")
def stack(shared_data):
    import tifffile

    folder = shared_data / "time_ptychography_cells"
    return tuple(tifffile.imread(folder / name) for name in ("labels.tif", "frames.tif"))


@pytest.fixture(scope="module")
def regions(stack):
    return measure_regions(*stack, pixel_size=PIXEL, unit="µm", step=STEP, step_unit="min")


@pytest.mark.parametrize("cell", [2, 3, 35])
def test_the_numbers_of_a_cell(stack, regions, cell):
    labels, images = stack
    row = measure_tracks(regions).set_index("object_id").loc[cell]
    mine = regions[regions.object_id == cell].set_index("frame")

    present = [frame for frame in range(len(labels)) if (labels[frame] == cell).any()]
    places, areas = [], []
    for frame in present:
        y, x = np.nonzero(labels[frame] == cell)
        intensities = images[frame][y, x].astype(float)
        places.append((y.mean() * PIXEL, x.mean() * PIXEL))
        areas.append(len(y) * PIXEL**2)
        assert mine.area_px[frame] == len(y)
        np.testing.assert_allclose(mine.loc[frame, ["centroid_y", "centroid_x"]].astype(float), places[-1])
        np.testing.assert_allclose(mine.intensity_mean_ch0[frame], intensities.mean())
        np.testing.assert_allclose(mine.intensity_median_ch0[frame], np.median(intensities))
        spread = np.linalg.eigvalsh(np.cov(y, x, bias=True))
        np.testing.assert_allclose(mine.major_axis[frame], 4 * np.sqrt(spread[1]) * PIXEL)
        np.testing.assert_allclose(mine.eccentricity[frame], np.sqrt(1 - spread[0] / spread[1]))
    assert mine.index.tolist() == present

    hops = np.linalg.norm(np.diff(places, axis=0), axis=1)
    minutes = np.diff(present) * STEP
    assert (row.first_frame, row.last_frame, row.frames_present) == (present[0], present[-1], len(present))
    assert row.gaps == (np.diff(present) > 1).sum()
    np.testing.assert_allclose(row.path_length, hops.sum())
    np.testing.assert_allclose(row.net_displacement, np.hypot(*(np.array(places[-1]) - places[0])))
    np.testing.assert_allclose(row.mean_speed, hops.sum() / minutes.sum())
    np.testing.assert_allclose(row.max_speed, (hops / minutes).max())
    np.testing.assert_allclose(row.growth_rate, np.polyfit(np.array(present) * STEP, areas, 1)[0])
