import sys
import tracemalloc

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sam2.errors import InputError
from napari_sam2.frames import open_frames

SIZES = {"T": 3, "Z": 4, "C": 2, "Y": 17, "X": 19}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tiff")


def counts(shape, dtype=np.uint16):
    return np.random.default_rng(0).integers(0, 200, shape).astype(dtype)


def check_every_frame(path, array, letters, along):
    """Compare all frames along one axis, at the last position of every other, with the array's own."""
    index = {letter.lower(): array.shape[letters.index(letter)] - 1 for letter in "TZ" if letter in letters}
    index.pop(along.lower(), None)
    index = {letter: position for letter, position in index.items() if position > 0}
    with open_frames(path, axis=along.lower(), index=index) as frames:
        assert len(frames) == array.shape[letters.index(along)]
        for number in range(len(frames)):
            key = {letter.upper(): position for letter, position in index.items()} | {along: number}
            expected = array
            kept = letters
            for letter in letters:
                if letter in "TZ":
                    expected = expected.take(key.get(letter, 0), axis=kept.index(letter))
                    kept = kept.replace(letter, "")
            if "C" in kept:
                expected = np.moveaxis(expected, kept.index("C"), -1)
            else:
                expected = expected[..., None]
            np.testing.assert_array_equal(frames[number], expected)
            assert frames[number].dtype == array.dtype


storage = st.sampled_from(
    [
        {},
        {"compression": "zlib"},
        {"compression": "lzw", "tile": (16, 16)},
        {"compression": "zlib", "predictor": True, "rowsperstrip": 5},
        {"byteorder": ">"},
        {"bigtiff": True},
    ]
)


@settings(max_examples=40, deadline=None)
@given(
    outer=st.permutations("TZC"),
    count=st.integers(1, 3),
    dtype=st.sampled_from(["uint8", "uint16", "int16", "uint32", "float32", "float64"]),
    how=storage,
    data=st.data(),
)
def test_ome_tiffs_of_any_order_read_back_frame_by_frame(folder, outer, count, dtype, how, data):
    letters = "".join(outer[:count]) + "YX"
    if not {"T", "Z"} & set(letters):
        letters = "T" + letters
    along = data.draw(st.sampled_from([letter for letter in letters if letter in "TZ"]))
    array = counts([SIZES[letter] for letter in letters], dtype)
    tifffile.imwrite(folder / "a.ome.tif", array, metadata={"axes": letters}, photometric="minisblack", **how)
    check_every_frame(folder / "a.ome.tif", array, letters, along)


@settings(max_examples=30, deadline=None)
@given(
    letters=st.sampled_from(["TYX", "ZYX", "TZYX", "TCYX", "ZCYX", "TZCYX"]),
    dtype=st.sampled_from(["uint8", "uint16", "float32"]),
    how=st.sampled_from([{}, {"compression": "zlib"}, {"byteorder": "<"}]),
    data=st.data(),
)
def test_imagej_hyperstacks_read_back_frame_by_frame(folder, letters, dtype, how, data):
    along = data.draw(st.sampled_from([letter for letter in letters if letter in "TZ"]))
    array = counts([SIZES[letter] for letter in letters], dtype)
    tifffile.imwrite(folder / "ij.tif", array, imagej=True, metadata={"axes": letters}, **how)
    check_every_frame(folder / "ij.tif", array, letters, along)


@pytest.mark.parametrize("how", [{}, {"metadata": None}, {"bigtiff": True}, {"imagej": True}, {"ome": True}])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_a_stack_without_axes_goes_along_its_only_one(tmp_path, how, dtype):
    tyx = counts((20, 17, 19), dtype)
    tifffile.imwrite(tmp_path / "a.tif", tyx, photometric="minisblack", **how)
    with open_frames(tmp_path / "a.tif") as frames:
        assert (frames.shape, frames.name, frames.source) == ((20, 17, 19), "a", str(tmp_path / "a.tif"))
        for index in range(20):
            np.testing.assert_array_equal(frames[index][..., 0], tyx[index])


@pytest.mark.parametrize(
    "how", [{}, {"imagej": True}, {"metadata": None}, {"ome": True, "metadata": {"axes": "TYXS"}}]
)
def test_colour_stacks(tmp_path, how):
    tyxs = counts((5, 17, 19, 3), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", tyxs, photometric="rgb", **how)
    with open_frames(tmp_path / "a.tif") as frames:
        assert frames.is_rgb and frames.contrast.high == (255, 255, 255)
        np.testing.assert_array_equal(frames[3], tyxs[3])


def test_colour_stored_as_planes(tmp_path):
    tsyx = counts((5, 3, 17, 19), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", tsyx, photometric="rgb", planarconfig="separate")
    with open_frames(tmp_path / "a.tif") as frames:
        assert frames.is_rgb
        np.testing.assert_array_equal(frames[3], tsyx[3].transpose(1, 2, 0))


def test_samples_that_are_no_colours_are_channels(tmp_path):
    tyxs = counts((5, 17, 19, 4))
    tifffile.imwrite(tmp_path / "a.tif", tyxs, photometric="minisblack", planarconfig="contig")
    with open_frames(tmp_path / "a.tif") as frames:
        assert (frames.is_rgb, frames.n_channels) == (False, 4)
        np.testing.assert_array_equal(frames[3], tyxs[3])


def test_colour_jpeg_inside_a_tiff(tmp_path):
    tyxs = np.full((5, 32, 48, 3), (200, 100, 50), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", tyxs, photometric="rgb", compression="jpeg")
    with open_frames(tmp_path / "a.tif") as frames:
        assert frames.is_rgb
        np.testing.assert_allclose(frames[2], tyxs[2], atol=3)


def test_black_and_white_pages(tmp_path):
    tyx = counts((5, 17, 19)) > 100
    tifffile.imwrite(tmp_path / "a.tif", tyx, compression="zlib")
    with open_frames(tmp_path / "a.tif") as frames:
        np.testing.assert_array_equal(frames[3][..., 0], tyx[3])


def test_frames_handed_to_tifffile_one_after_another_are_one_stack(tmp_path):
    tyx = counts((5, 17, 19))
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for image in tyx:
            writer.write(image, compression="zlib")
    with open_frames(tmp_path / "a.tif") as frames:
        np.testing.assert_array_equal(frames[4][..., 0], tyx[4])


def test_a_thumbnail_beside_the_stack_is_passed_over(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(counts((5, 17, 19)))
        writer.write(counts((4, 5)))
    with open_frames(tmp_path / "a.tif") as frames:
        assert frames.shape == (5, 17, 19)


def test_the_full_resolution_of_a_pyramid_is_read(tmp_path):
    tyx = counts((5, 64, 64))
    with tifffile.TiffWriter(tmp_path / "a.ome.tif") as writer:
        writer.write(tyx, subifds=1, metadata={"axes": "TYX"}, tile=(16, 16))
        writer.write(tyx[:, ::2, ::2], subfiletype=1, tile=(16, 16))
    with open_frames(tmp_path / "a.ome.tif") as frames:
        np.testing.assert_array_equal(frames[4][..., 0], tyx[4])


def test_several_positions_are_not_chosen_from_in_silence(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.ome.tif") as writer:
        for _ in range(3):
            writer.write(counts((5, 17, 19)), metadata={"axes": "TYX"})
    with pytest.raises(InputError, match=r"a\.ome\.tif holds 3 images of the same size"):
        open_frames(tmp_path / "a.ome.tif")


def test_ome_sizes_and_channel_names(tmp_path):
    metadata = {
        "axes": "TCYX",
        "PhysicalSizeX": 0.2,
        "PhysicalSizeXUnit": "µm",
        "PhysicalSizeY": 0.3,
        "PhysicalSizeYUnit": "µm",
        "TimeIncrement": 30,
        "TimeIncrementUnit": "s",
        "Channel": {"Name": ["DAPI", "GFP"]},
    }
    tifffile.imwrite(tmp_path / "a.ome.tif", counts((5, 2, 17, 19)), metadata=metadata)
    with open_frames(tmp_path / "a.ome.tif", channels="GFP") as frames:
        assert (frames.pixel_size, frames.unit, frames.step, frames.step_unit) == ((0.3, 0.2), "µm", 30, "s")
        assert (frames.channel_names, frames.shown_channels) == (("DAPI", "GFP"), (1,))
    with open_frames(tmp_path / "a.ome.tif", pixel_size=1, step=7) as frames:
        assert (frames.pixel_size, frames.unit, frames.step, frames.step_unit) == ((1, 1), "µm", 7, "s")


@pytest.mark.parametrize(("axis", "step"), [("t", (2.5, "s")), ("z", (1.5, "µm"))])
def test_imagej_sizes(tmp_path, axis, step):
    tifffile.imwrite(
        tmp_path / "a.tif",
        counts((5, 3, 17, 19)),
        imagej=True,
        resolution=(5, 4),
        metadata={"axes": "TZYX", "unit": "micron", "finterval": 2.5, "spacing": 1.5},
    )
    with open_frames(tmp_path / "a.tif", axis=axis, index={"z" if axis == "t" else "t": 0}) as frames:
        assert (frames.pixel_size, frames.unit) == ((0.25, 0.2), "µm")
        assert (frames.step, frames.step_unit) == step


def test_print_density_is_no_pixel_size(tmp_path):
    density = {"resolution": (72, 72), "resolutionunit": "INCH"}
    tifffile.imwrite(tmp_path / "a.tif", counts((5, 17, 19)), **density)
    tifffile.imwrite(
        tmp_path / "ij.tif",
        counts((5, 17, 19)),
        imagej=True,
        metadata={"axes": "TYX", "unit": "inch"},
        **density,
    )
    for name in ("a.tif", "ij.tif"):
        with open_frames(tmp_path / name) as frames:
            assert (frames.pixel_size, frames.unit, frames.step) == (None, "pixel", None)


def test_damaged_pixels_are_named_by_frame(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", counts((5, 64, 64)), compression="zlib")
    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        offset = tif.pages[3].dataoffsets[0]
    with open(tmp_path / "a.tif", "r+b") as file:
        file.seek(offset)
        file.write(b"\xff" * 50)
    with pytest.raises(InputError, match=r"frame 3 of .*a\.tif cannot be read"):
        open_frames(tmp_path / "a.tif")


def write_two_files(folder):
    """An OME-TIFF whose second half lies in a file of its own, as microscopes write them."""
    tyx = counts((6, 17, 19))
    uuids = ["urn:uuid:11111111-1111-1111-1111-111111111111", "urn:uuid:22222222-2222-2222-2222-222222222222"]
    data = "".join(
        f'<TiffData IFD="{t % 3}" FirstT="{t}" PlaneCount="1">'
        f'<UUID FileName="{t // 3}.ome.tif">{uuids[t // 3]}</UUID></TiffData>'
        for t in range(6)
    )
    for half in range(2):
        description = (
            f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="{uuids[half]}">'
            '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="19" '
            f'SizeY="17" SizeZ="1" SizeC="1" SizeT="6"><Channel ID="Channel:0"/>{data}</Pixels></Image></OME>'
        )
        path = folder / f"{half}.ome.tif"
        planes = tyx[3 * half : 3 * half + 3]
        tifffile.imwrite(path, planes, description=description, metadata=None, photometric="minisblack")
    return tyx


def test_an_image_in_several_files_is_read_from_either(tmp_path):
    tyx = write_two_files(tmp_path)
    for name in ("0.ome.tif", "1.ome.tif"):
        with open_frames(tmp_path / name) as frames:
            assert len(frames) == 6
            for index in range(6):
                np.testing.assert_array_equal(frames[index][..., 0], tyx[index])


def test_a_missing_file_of_several_is_told(tmp_path):
    write_two_files(tmp_path)
    (tmp_path / "1.ome.tif").unlink()
    with pytest.raises(InputError, match=r"0\.ome\.tif is incomplete: page 3 of 6 .* keep all files"):
        open_frames(tmp_path / "0.ome.tif")


@pytest.mark.skipif(sys.platform == "win32", reason="an empty file takes its whole size there")
@pytest.mark.parametrize("how", [{}, {"metadata": None}, {"ome": True, "metadata": {"axes": "TYX"}}])
def test_memory_holds_a_few_frames_of_a_large_file(tmp_path, how):
    tifffile.imwrite(tmp_path / "large.tif", shape=(2000, 1024, 1024), dtype="uint16", bigtiff=True, **how)
    assert (tmp_path / "large.tif").stat().st_size > 4e9
    open_frames(np.zeros((2, 8, 9))).rgb(0)
    tracemalloc.start()
    with open_frames(tmp_path / "large.tif") as frames:
        for index in range(0, 2000, 100):
            frames[index]
        _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64e6


def test_a_frame_of_20_gigabytes_is_read_as_one_of_20_megabytes(tmp_path):
    with open(tmp_path / "hole", "wb") as hole:
        hole.truncate(2**26)
    if getattr((tmp_path / "hole").stat(), "st_blocks", 2**17) * 512 > 2**20:
        pytest.skip("this file system fills holes with zeros")
    path = tmp_path / "large.ome.tif"
    tifffile.imwrite(path, shape=(2_500, 2048, 2048), dtype="uint16", bigtiff=True, metadata={"axes": "TYX"})
    assert path.stat().st_size > 20e9 and path.stat().st_blocks * 512 < 20e6
    mark = np.arange(2048, dtype="<u2")
    with tifffile.TiffFile(path) as tif:
        start = tif.series[0].dataoffset
    with open(path, "r+b") as file:
        file.seek(start + 1_777 * 2048 * 2048 * 2)
        file.write(mark.tobytes())
    open_frames(np.zeros((2, 8, 9))).rgb(0)  # what is imported is not counted
    tracemalloc.start()
    with open_frames(path) as frames:
        assert frames.shape == (2_500, 2048, 2048)
        np.testing.assert_array_equal(frames[1_777][0, :, 0], mark)
        assert not frames[1_778].any()
        _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100e6
