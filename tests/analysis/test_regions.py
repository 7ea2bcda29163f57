import numpy as np
import pandas as pd
import pytest
from skimage.measure import regionprops_table

from napari_sam2.analysis import MeasureError, measure_regions

SKIMAGE = {
    "object_id": "label",
    "area": "area",
    "convex_area": "area_convex",
    "equivalent_diameter": "equivalent_diameter_area",
    "major_axis": "axis_major_length",
    "minor_axis": "axis_minor_length",
    "feret_max": "feret_diameter_max",
    "euler_number": "euler_number",
    "centroid_y": "centroid-0",
    "centroid_x": "centroid-1",
    "bbox_y0": "bbox-0",
    "bbox_x0": "bbox-1",
    "bbox_y1": "bbox-2",
    "bbox_x1": "bbox-3",
    "eccentricity": "eccentricity",
    "solidity": "solidity",
    "intensity_mean_ch0": "intensity_mean",
    "intensity_median_ch0": "intensity_median",
    "intensity_std_ch0": "intensity_std",
    "intensity_min_ch0": "intensity_min",
    "intensity_max_ch0": "intensity_max",
    "weighted_centroid_y_ch0": "centroid_weighted-0",
    "weighted_centroid_x_ch0": "centroid_weighted-1",
}


def with_skimage(labels, images, pixel_size):
    properties = sorted({name.split("-")[0] for name in SKIMAGE.values()} | {"orientation"})
    if pixel_size[0] == pixel_size[1]:
        properties.append("perimeter")
    parts = [
        pd.DataFrame(regionprops_table(frame, image, properties=properties, spacing=pixel_size))
        for frame, image in zip(labels, images, strict=True)
    ]
    return pd.concat(parts, ignore_index=True)


def assert_equal_to_skimage(labels, images, pixel_size):
    ours = measure_regions(labels, images, pixel_size=pixel_size, unit="µm")
    theirs = with_skimage(labels, images, pixel_size)
    for name, their_name in SKIMAGE.items():
        np.testing.assert_allclose(ours[name], theirs[their_name], rtol=1e-9, atol=2e-6, err_msg=name)
    longer = ours.orientation.notna()
    # a direction has no sign: −π/2 and π/2 are one
    np.testing.assert_allclose(np.sin(ours.orientation - theirs.orientation)[longer], 0, atol=1e-7)
    if pixel_size[0] == pixel_size[1]:
        np.testing.assert_allclose(ours.perimeter, theirs.perimeter, rtol=1e-9)
    else:
        assert ours.perimeter.isna().all() and ours.circularity.isna().all()


@pytest.mark.parametrize("pixel_size", [(1, 1), (0.65, 0.65), (2, 0.3)])
def test_numbers_are_those_of_scikit_image(blobs, pixel_size):
    images = np.random.default_rng(1).integers(0, 4000, blobs.shape).astype(np.uint16)
    assert_equal_to_skimage(blobs, images, pixel_size)


@pytest.mark.parametrize("name", ["time_ptychography_cells", "time_phase_glioma", "z_em_neurites"])
def test_numbers_on_real_masks_are_those_of_scikit_image(shared_data, name):
    import tifffile

    labels = tifffile.imread(shared_data / name / "labels.tif")[:4]
    images = tifffile.imread(shared_data / name / "frames.tif")[:4]
    assert_equal_to_skimage(labels, images, (0.3, 0.45))


def test_a_rectangle_has_the_numbers_one_computes_by_hand(two_cells):
    table = measure_regions(two_cells, pixel_size=(0.5, 2), unit="µm", step=10, step_unit="s")
    row = table[(table.object_id == 1) & (table.frame == 2)].iloc[0]
    assert (row.area_px, row.area) == (24, 24.0)
    assert (row.centroid_y_px, row.centroid_x_px) == (10.5, 10.5)
    assert (row.centroid_y, row.centroid_x) == (5.25, 21.0)
    assert (row.bbox_y0, row.bbox_x0, row.bbox_y1, row.bbox_x1) == (9, 8, 13, 14)
    assert row.time == 20
    assert row.solidity == 1


def test_rows_are_in_order_of_frame_then_id_however_many_processes(blobs):
    one, many = (measure_regions(blobs, blobs, workers=n) for n in (1, 2))
    pd.testing.assert_frame_equal(one, many)
    assert list(one.index) == list(one.sort_values(["frame", "object_id"]).index)


def test_channels_are_measured_one_by_one_and_carry_their_names(two_cells):
    images = np.stack([two_cells * 2.0, two_cells + 1.0], axis=-1)
    table = measure_regions(two_cells, images, channel_names=("DAPI", "GFP"))
    assert list(table.intensity_mean_DAPI) == list(table.object_id * 2.0)
    assert list(table.intensity_mean_GFP) == list(table.object_id + 1.0)


def test_pixel_columns_do_not_depend_on_the_pixel_size(blobs):
    small, large = (measure_regions(blobs, pixel_size=size, unit="nm") for size in ((1, 1), (7, 3)))
    names = [name for name in small.columns if name.endswith("_px")]
    assert len(names) > 10
    pd.testing.assert_frame_equal(small[names], large[names])
    for name in names:
        np.testing.assert_allclose(small[name], small[name.removesuffix("_px")], err_msg=name)


def test_what_one_pixel_does_not_define_is_nan():
    table = measure_regions(np.pad([[[7]]], ((0, 0), (2, 2), (2, 2))))
    undefined = ["orientation", "circularity", "second_part", "nearest_distance", "nearest_object"]
    assert table[undefined].isna().all(axis=None)
    assert table[["area", "solidity", "parts", "euler_number"]].to_numpy().tolist() == [[1, 1, 1, 1]]


def test_an_object_in_two_far_pieces_is_measured_whole_and_its_parts_counted(two_cells):
    two_cells[0, 18:, :2] = 1
    row = measure_regions(two_cells).iloc[0]
    assert row.area == 28 and row.parts == 2
    np.testing.assert_allclose(row.second_part, 4 / 24)


def test_the_background_is_read_around_the_object_and_taken_off(two_cells):
    images = np.where(two_cells > 0, 150.0, 100.0)
    images[2] += 7.0
    table = measure_regions(two_cells, images).set_index(["frame", "object_id"])
    assert table.background_ch0[0, 1] == 100 and table.background_ch0[2, 1] == 107
    assert table.intensity_corrected_ch0[0, 1] == 50
    assert table.integrated_corrected_ch0[0, 1] == 24 * 50


def test_an_infinite_intensity_leaves_the_spread_undefined(two_cells):
    images = np.where(two_cells == 1, np.inf, 1.0)
    row = measure_regions(two_cells, images).iloc[0]
    assert row.intensity_mean_ch0 == np.inf and np.isnan(row.intensity_std_ch0)


@pytest.mark.parametrize("size", [np.float32(0.5), 0.5, [0.5, 0.5], np.array([0.5, 0.5])])
def test_a_pixel_size_is_any_kind_of_number(two_cells, size):
    assert measure_regions(two_cells, pixel_size=size, unit="µm").area[0] == 6


def test_no_worker_is_refused(two_cells):
    with pytest.raises(MeasureError, match="workers is 0"):
        measure_regions(two_cells, workers=0)


@pytest.mark.parametrize("ring", [(-1, 2), (0, 0), (1,)])
def test_a_ring_without_pixels_is_refused(two_cells, ring):
    with pytest.raises(MeasureError, match="ring is"):
        measure_regions(two_cells, ring=ring)


def test_without_images_there_are_no_intensity_columns(two_cells):
    assert not [name for name in measure_regions(two_cells).columns if name.startswith("intensity")]


def test_scores_go_to_their_object_and_frame_and_are_nan_elsewhere(two_cells):
    scores = pd.DataFrame({"object_id": [5], "frame": [2], "predicted_iou": [0.9], "object_score": [0.8]})
    table = measure_regions(two_cells, scores=scores)
    scored = table[(table.object_id == 5) & (table.frame == 2)]
    assert scored.predicted_iou.tolist() == [0.9] and scored.object_score.tolist() == [0.8]
    assert table.predicted_iou.isna().sum() == len(table) - 1


def test_two_scores_for_one_object_on_one_frame_are_refused(two_cells):
    scores = pd.DataFrame({"object_id": [5, 5], "frame": 2, "predicted_iou": 0.9, "object_score": 0.8})
    with pytest.raises(MeasureError, match="two rows for object 5 on frame 2"):
        measure_regions(two_cells, scores=scores)


def test_only_the_chosen_frames_are_read_and_progress_counts_them(two_cells):
    read = []

    class Counting:
        def __len__(self):
            return len(two_cells)

        def __getitem__(self, index):
            read.append(index)
            return two_cells[index]

    heard = []
    table = measure_regions(Counting(), frames=[2, 0], progress=lambda done, n: heard.append((done, n)))
    assert sorted(read) == [0, 2] and sorted(table.frame.unique()) == [0, 2]
    assert heard == [(1, 2), (2, 2)]


def test_a_stack_of_slices_has_depth_and_no_time(two_cells):
    table = measure_regions(two_cells, axis="z", step=3, step_unit="µm")
    assert "time" not in table.columns
    assert table.depth.max() == 6


def test_labels_without_any_object_give_an_empty_table_of_the_same_columns(two_cells):
    empty = measure_regions(np.zeros_like(two_cells), two_cells)
    full = measure_regions(two_cells, two_cells)
    assert len(empty) == 0 and list(empty.dtypes.items()) == list(full.dtypes.items())


def test_where_the_image_is_nan_so_is_the_number(two_cells):
    images = two_cells.astype(np.float32)
    images[0, 2, 3] = np.nan
    table = measure_regions(two_cells, images).set_index(["frame", "object_id"])
    assert np.isnan(table.intensity_mean_ch0[0, 1]) and table.intensity_mean_ch0[0, 5] == 5
