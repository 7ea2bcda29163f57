import numpy as np
import pandas as pd
import pytest
from skimage.measure import marching_cubes, mesh_surface_area, regionprops_table

from napari_sam2.analysis import MeasureError, measure_tracks, measure_volumes

SKIMAGE = {
    "object_id": "label",
    "volume": "area",
    "convex_volume": "area_convex",
    "major_axis": "axis_major_length",
    "minor_axis": "axis_minor_length",
    "equivalent_diameter": "equivalent_diameter_area",
    "feret_max": "feret_diameter_max",
    "solidity": "solidity",
    "euler_number": "euler_number",
    "centroid_z": "centroid-0",
    "centroid_y": "centroid-1",
    "centroid_x": "centroid-2",
    "bbox_z0": "bbox-0",
    "bbox_y1": "bbox-4",
    "bbox_x1": "bbox-5",
    "intensity_mean_ch0": "intensity_mean",
    "intensity_median_ch0": "intensity_median",
    "intensity_std_ch0": "intensity_std",
    "intensity_min_ch0": "intensity_min",
    "intensity_max_ch0": "intensity_max",
    "weighted_centroid_z_ch0": "centroid_weighted-0",
    "weighted_centroid_x_ch0": "centroid_weighted-2",
}


def assert_equal_to_skimage(labels, images, voxel_size):
    ours = measure_volumes([labels], [images], voxel_size=voxel_size, unit="µm")
    properties = sorted({name.split("-")[0] for name in SKIMAGE.values()})
    theirs = regionprops_table(labels, images, properties=properties, spacing=voxel_size)
    for name, their_name in SKIMAGE.items():
        np.testing.assert_allclose(ours[name], theirs[their_name], rtol=1e-9, atol=2e-6, err_msg=name)
    for object_id, surface in zip(ours.object_id, ours.surface, strict=True):
        vertices, faces, *_ = marching_cubes(np.pad(labels == object_id, 1), 0.5, spacing=voxel_size)
        np.testing.assert_allclose(surface, mesh_surface_area(vertices, faces), rtol=1e-5)


@pytest.fixture
def bodies() -> np.ndarray:
    """A ragged ball, a box with a cavity beside it, and a ring with a speck of its own far away."""
    z, y, x = np.mgrid[:14, :22, :30]
    labels = np.zeros(z.shape, np.int32)
    ragged = np.random.default_rng(3).random(z.shape) < 0.95
    labels[((z - 6) ** 2 + (y - 7) ** 2 + (x - 7) ** 2 < 30) & ragged] = 4
    labels[2:10, 3:12, 12:20] = 9
    labels[5, 6, 15] = 0
    distance = np.hypot(y - 15, x - 24)
    labels[(distance > 2) & (distance < 5) & (z > 4) & (z < 9)] = 2
    labels[0:2, 0:2, 28:30] = 2
    return labels


@pytest.mark.parametrize("voxel_size", [(1, 1, 1), (2.0, 0.5, 0.3)])
def test_numbers_are_those_of_scikit_image(bodies, voxel_size):
    images = np.random.default_rng(1).integers(0, 4000, bodies.shape).astype(np.uint16)
    assert_equal_to_skimage(bodies, images, voxel_size)


def test_numbers_on_real_nuclei_are_those_of_scikit_image(shared_data):
    import tifffile

    folder = shared_data / "z_embryo_nuclei_8cell"
    labels, images = (tifffile.imread(folder / name) for name in ("labels.tif", "frames.tif"))
    assert_equal_to_skimage(labels, images, (2.0, 0.8, 0.7))


def test_parts_border_and_neighbours(bodies):
    table = measure_volumes([bodies], voxel_size=(2, 0.5, 0.5), unit="µm").set_index("object_id")
    assert table.parts.tolist() == [2, 1, 1]
    assert table.touches_border.tolist() == [True, False, False]
    assert table.nearest_object[4] == 9


def test_two_boxes_in_contact_share_the_faces_one_counts_by_hand():
    labels = np.zeros((5, 6, 8), int)
    labels[1:3, 1:4, 1:4], labels[3:4, 1:4, 1:4], labels[1:3, 1:4, 4:6] = 1, 2, 3
    table = measure_volumes([labels], voxel_size=(2, 3, 5), unit="nm").set_index("object_id")
    # box 1: 2 x 3 x 3 voxels; level faces 3 x 5, faces along y 2 x 5, faces along x 2 x 3
    outside = 2 * 9 * 15 + 2 * 6 * 10 + 2 * 6 * 6
    assert table.neighbours.tolist() == [2, 1, 1]
    np.testing.assert_allclose(table.contact_fraction[1], (9 * 15 + 6 * 6) / outside)
    assert table.nearest_distance.tolist() == [2, 2, 5]


def test_a_flat_object_has_a_convex_volume():
    labels = np.zeros((3, 6, 6), int)
    labels[1, 1:5, 1:5] = 1
    labels[1, 2:4, 2:4] = 0
    row = measure_volumes([labels]).iloc[0]
    assert (row.volume, row.convex_volume, row.solidity) == (12, 16, 0.75)


def test_the_background_is_read_around_the_object_in_every_slice():
    labels = np.zeros((3, 15, 15), int)
    labels[:, 5:9, 5:9] = 1
    images = np.where(labels > 0, 30.0, 10.0)
    row = measure_volumes([labels], [images]).iloc[0]
    assert (row.background_ch0, row.intensity_corrected_ch0, row.integrated_corrected_ch0) == (10, 20, 960)


def test_volumes_follow_in_time_and_make_tracks(bodies):
    later = np.roll(bodies, (1, 2, 0), axis=(0, 1, 2))
    table = measure_volumes(np.stack([bodies, later]), voxel_size=(2, 1, 1), unit="µm", step=5, step_unit="s")
    assert table.frame.tolist() == [0, 0, 0, 1, 1, 1] and table.time.tolist() == [0, 0, 0, 5, 5, 5]
    tracks = measure_tracks(table[table.object_id == 9])
    np.testing.assert_allclose(tracks.net_displacement, np.hypot(2, 2))


def test_slices_are_read_one_by_one_and_an_object_is_dropped_when_the_sweep_has_left_it(bodies):
    class Lazy:
        def __len__(self):
            return len(bodies)

        def __getitem__(self, z):
            assert isinstance(z, int)
            return bodies[z]

    heard = []
    table = measure_volumes([Lazy()], [Lazy()], progress=lambda done, n: heard.append((done, n)))
    pd.testing.assert_frame_equal(table, measure_volumes([bodies], [bodies]))
    assert heard == [(z + 1, 14) for z in range(14)]


def test_no_object_gives_an_empty_table_of_the_same_columns(bodies):
    empty = measure_volumes([np.zeros_like(bodies)], [bodies])
    full = measure_volumes([bodies], [bodies])
    assert len(empty) == 0 and list(empty.dtypes.items()) == list(full.dtypes.items())


@pytest.mark.parametrize("voxel_size", [(1, 1), (1, 0, 1), (1, 1, -2)])
def test_voxel_sizes_that_are_none(bodies, voxel_size):
    with pytest.raises(MeasureError, match="voxel_size is"):
        measure_volumes([bodies], voxel_size=voxel_size)


def test_slices_of_different_shape_are_refused(bodies):
    with pytest.raises(MeasureError, match="Slice 1 has the shape"):
        measure_volumes([[bodies[0], bodies[0][1:]]])


def test_no_volume_is_refused():
    with pytest.raises(MeasureError, match="0 volumes of labels"):
        measure_volumes([])
