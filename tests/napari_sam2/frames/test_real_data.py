"""Real stacks: what is read from each, and that their windows show what is in them."""

import pytest

from napari_sam2.frames import open_frames

STACKS = {
    "time_phase_glioma/frames.tif": ((5, 1022, 1024), "t", "uint16", False),
    "time_ptychography_cells/frames.tif": ((30, 615, 615), "t", "uint8", False),
    "time_nuclei_mitosis_nolabels/frames.tif": ((30, 190, 211), "t", "uint8", False),
    "time_rgb_chair/frames": ((60, 480, 720), "t", "uint8", True),
    "surgical_instruments_sparse/frames.tif": ((10, 480, 854), "t", "uint8", True),
    "z_em_neurites/frames.tif": ((60, 250, 250), "z", "uint8", False),
    "z_embryo_nuclei_8cell/frames.tif": ((51, 120, 122), "z", "uint16", False),
    "z_embryo_nuclei_16cell/frames.tif": ((51, 120, 122), "z", "uint16", False),
    "z_plant_membranes/frames.tif": ((32, 128, 128), "z", "uint8", False),
}


@pytest.mark.parametrize("name", STACKS)
def test_a_real_stack_is_read_as_what_it_is(shared_data, name):
    with open_frames(shared_data / name) as frames:
        assert (frames.shape, frames.axis, str(frames.dtype), frames.is_rgb) == STACKS[name]
        assert frames.pixel_size is None
        assert frames.rgb(len(frames) // 2).std() > 0.02


@pytest.mark.parametrize(
    "name",
    ["z_embryo_nuclei_8cell", "z_embryo_nuclei_16cell", "time_ptychography_cells"],
)
def test_fluorescent_objects_stand_out(shared_data, name):
    with open_frames(shared_data / name / "frames.tif") as frames:
        with open_frames(shared_data / name / "labels.tif") as labels:
            middle = len(frames) // 2
            inside = labels[middle][..., 0] > 0
            grey = frames.rgb(middle)[0]
    assert grey[inside].mean() > 0.2 > 0.1 > grey[~inside].mean()
