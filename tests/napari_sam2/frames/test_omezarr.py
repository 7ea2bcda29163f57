import numpy as np
import pytest
import tifffile
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sam2.errors import InputError
from napari_sam2.frames import open_frames

SIZES = {"T": 3, "Z": 4, "C": 2, "Y": 7, "X": 9}
KINDS = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}
UNITS = {"t": "second", "z": "nanometer", "y": "micrometer", "x": "micrometer"}


def counts(shape, dtype=np.uint16):
    return np.random.default_rng(0).integers(0, 200, shape).astype(dtype)


def write_ome_zarr(path, array, letters, version="0.5", scale=None, **more):
    axes = [
        {"name": name, "type": KINDS[name]} | ({"unit": UNITS[name]} if name in UNITS and scale else {})
        for name in letters.lower()
    ]
    levels = [{"path": "0"}, {"path": "1"}]
    for level in levels:
        if scale:
            level["coordinateTransformations"] = [{"type": "scale", "scale": scale}]
    described = {
        "multiscales": [{"axes": axes, "datasets": levels} | more],
        "omero": {"channels": [{"label": "DAPI"}, {"label": "GFP"}]},
    }
    group = zarr.create_group(path, zarr_format=3 if version == "0.5" else 2, overwrite=True)
    group.attrs.update({"ome": {"version": "0.5", **described}} if version == "0.5" else described)
    group.create_array("0", data=array, chunks=tuple(1 if n < 5 else 5 for n in array.shape))
    group.create_array("1", data=array[..., ::2, ::2])
    return group


@settings(max_examples=25, deadline=None)
@given(
    letters=st.permutations("TZCYX").map("".join),
    version=st.sampled_from(["0.4", "0.5"]),
    along=st.sampled_from("TZ"),
    dtype=st.sampled_from(["uint8", "uint16", "int32", "float32", "bool"]),
)
def test_ome_zarrs_of_any_order_read_back_frame_by_frame(tmp_path_factory, letters, version, along, dtype):
    path = tmp_path_factory.mktemp("zarr") / "a.ome.zarr"
    array = counts([SIZES[letter] for letter in letters], dtype)
    write_ome_zarr(path, array, letters, version)
    rest = "Z" if along == "T" else "T"
    frames = open_frames(path, axis=along.lower(), index={rest.lower(): 1})
    assert (frames.name, frames.channel_names) == ("a", ("DAPI", "GFP"))
    expected = array.transpose([letters.index(letter) for letter in (along, rest, "Y", "X", "C")])[:, 1]
    for number in range(SIZES[along]):
        np.testing.assert_array_equal(frames[number], expected[number])


def test_sizes_are_those_of_the_full_resolution(tmp_path):
    write_ome_zarr(tmp_path / "a.zarr", counts((3, 4, 7, 9)), "TZYX", scale=[30, 500, 0.2, 0.1])
    frames = open_frames(tmp_path / "a.zarr", axis="z", index={"t": 0})
    assert (frames.pixel_size, frames.unit, frames.step, frames.step_unit) == ((0.2, 0.1), "µm", 500, "nm")
    assert open_frames(tmp_path / "a.zarr", axis="t", index={"z": 0}).step == 30


def test_a_scale_of_the_whole_image_multiplies(tmp_path):
    common = [{"type": "scale", "scale": [2, 10, 10]}]
    group = write_ome_zarr(
        tmp_path / "a.zarr", counts((3, 7, 9)), "TYX", scale=[1, 0.2, 0.1], coordinateTransformations=common
    )
    frames = open_frames(group)
    assert (frames.pixel_size, frames.step) == ((2, 1), 2)


def test_scales_without_units_are_not_sizes(tmp_path):
    group = write_ome_zarr(tmp_path / "a.zarr", counts((3, 7, 9)), "TYX", "0.4")
    frames = open_frames(group)
    assert (frames.pixel_size, frames.unit, frames.step, frames.step_unit) == (None, "pixel", None, "frame")


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_plain_array_on_disk_and_in_hand(tmp_path, zarr_format):
    tyx = counts((5, 7, 9))
    array = zarr.create_array(tmp_path / "a.zarr", data=tyx, zarr_format=zarr_format)
    for source in (tmp_path / "a.zarr", array):
        frames = open_frames(source)
        assert frames.axis == "t"
        np.testing.assert_array_equal(frames[3][..., 0], tyx[3])


def test_dimension_names_are_read(tmp_path):
    array = zarr.create_array(tmp_path / "a.zarr", data=counts((5, 7, 9)), dimension_names=["z", "y", "x"])
    assert open_frames(array).axis == "z"


def test_names_that_lack_rows_or_columns_are_passed_over(tmp_path):
    array = zarr.create_array(tmp_path / "a.zarr", data=counts((5, 7, 9)), dimension_names=["a", None, "c"])
    assert open_frames(array).shape == (5, 7, 9)


def test_the_zarr_store_of_a_tiff(tmp_path):
    tcyx = counts((5, 2, 7, 9))
    tifffile.imwrite(tmp_path / "a.ome.tif", tcyx, metadata={"axes": "TCYX"})
    store = tifffile.imread(tmp_path / "a.ome.tif", aszarr=True)
    frames = open_frames(store)
    np.testing.assert_array_equal(frames[3], tcyx[3].transpose(1, 2, 0))
    store.close()


def test_the_only_image_of_a_group_is_found(tmp_path):
    outer = zarr.create_group(tmp_path / "a.zarr")
    outer.create_group("OME")
    write_ome_zarr(tmp_path / "a.zarr" / "0", counts((3, 7, 9)), "TYX")
    (tmp_path / "a.zarr" / "notes.txt").write_text("not Zarr")
    assert open_frames(tmp_path / "a.zarr").shape == (3, 7, 9)


def test_a_group_without_an_image(tmp_path):
    zarr.create_group(tmp_path / "a.zarr")
    with pytest.raises(InputError, match=r"a\.zarr is a Zarr group without an array"):
        open_frames(tmp_path / "a.zarr")


def test_several_images_are_not_chosen_from_in_silence(tmp_path):
    group = zarr.create_group(tmp_path / "a.zarr")
    group.create_array("raw", data=counts((3, 7, 9)))
    group.create_array("labels", data=counts((3, 7, 9)))
    with pytest.raises(InputError, match=r"holds several images \(labels, raw\); give the path of one"):
        open_frames(tmp_path / "a.zarr")
    assert open_frames(tmp_path / "a.zarr" / "raw").shape == (3, 7, 9)


@pytest.mark.parametrize(
    "broken",
    [
        {"multiscales": []},
        {"multiscales": [{"axes": [{"name": "t"}], "datasets": []}]},
        {"multiscales": [{"axes": [{"name": "t"}], "datasets": [{"path": "nowhere"}]}]},
        {"multiscales": [{"axes": [{"name": "t"}], "datasets": [{"path": "0"}]}]},
        {"multiscales": [{"datasets": [{"path": "0"}]}]},
    ],
)
def test_broken_metadata_are_told_in_one_sentence(tmp_path, broken):
    group = write_ome_zarr(tmp_path / "a.zarr", counts((3, 7, 9)), "TYX")
    group.attrs["ome"] = broken
    with pytest.raises(InputError, match=r"a\.zarr (has broken OME-Zarr metadata|names 1 axes)"):
        open_frames(tmp_path / "a.zarr")


def test_a_broken_description_is_told_in_one_sentence(tmp_path):
    zarr.create_array(tmp_path / "a.zarr", data=counts((3, 7, 9)))
    (tmp_path / "a.zarr" / "zarr.json").write_text("{")
    with pytest.raises(InputError, match=r"a\.zarr cannot be opened as Zarr"):
        open_frames(tmp_path / "a.zarr")


def test_a_broken_chunk_is_named_by_frame(tmp_path):
    zarr.create_array(tmp_path / "a.zarr", data=counts((3, 7, 9)), chunks=(1, 7, 9))
    (tmp_path / "a.zarr" / "c" / "1" / "0" / "0").write_bytes(b"no chunk")
    with pytest.raises(InputError, match=r"frame 1 of .*a\.zarr cannot be read"):
        open_frames(tmp_path / "a.zarr")
