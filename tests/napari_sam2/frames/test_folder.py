import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_sam2.errors import InputError
from napari_sam2.frames import open_frames
from napari_sam2.frames.folder import natural_order


def colours(n=3, height=20, width=30):
    return np.random.default_rng(0).integers(0, 256, (n, height, width, 3)).astype(np.uint8)


def save_pngs(folder, images):
    folder.mkdir(exist_ok=True)
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / f"frame_{number}.png")
    return folder


def test_files_are_counted_as_people_count():
    names = ["f10.png", "f2.png", "F1.png", "f2b.png", "10.png", "9.png"]
    assert sorted(names, key=natural_order) == ["9.png", "10.png", "F1.png", "f2.png", "f2b.png", "f10.png"]


def test_each_file_is_a_frame(tmp_path):
    images = colours(12)
    folder = save_pngs(tmp_path / "movie", images)
    (folder / "notes.txt").write_text("not an image")
    (folder / ".hidden.png").write_text("not an image")
    frames = open_frames(folder)
    assert (frames.name, frames.shape, frames.is_rgb, frames.axis) == ("movie", (12, 20, 30), True, "t")
    for index, image in enumerate(images):
        np.testing.assert_array_equal(frames[index], image)
    assert open_frames(folder, axis="z").axis == "z"


@pytest.mark.parametrize("mode", ["L", "I;16", "P", "RGBA", "LA", "1"])
def test_kinds_of_png(tmp_path, mode):
    image = Image.fromarray(colours()[0])
    if mode == "I;16":
        image = Image.fromarray(colours()[0, ..., 0].astype(np.uint16) * 200)
    else:
        image = image.convert(mode)
    image.save(tmp_path / "a.png")
    frames = open_frames(tmp_path)
    assert frames.is_rgb == (mode in ("P", "RGBA"))
    assert frames.dtype == (np.uint16 if mode == "I;16" else np.uint8)
    expected = image.convert("RGB") if frames.is_rgb else image.convert("L") if mode in ("LA", "1") else image
    np.testing.assert_array_equal(frames[0].squeeze(), np.asarray(expected))


def test_sixteen_bit_colours_are_kept(tmp_path):
    deep = colours()[0].astype(np.uint16) * 256
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(deep))
    frames = open_frames(tmp_path)
    assert frames.is_rgb
    np.testing.assert_array_equal(frames[0], deep)


def test_jpgs_in_colour_and_grey(tmp_path):
    for name, image in (("colour", colours()[0]), ("grey", colours()[0, ..., 0])):
        (tmp_path / name).mkdir()
        Image.fromarray(image).save(tmp_path / name / "a.JPG", quality=95)
    assert open_frames(tmp_path / "colour").n_channels == 3
    assert open_frames(tmp_path / "grey").n_channels == 1


def test_tifs(tmp_path):
    tyx = colours()[..., 0].astype(np.uint16)
    for number, image in enumerate(tyx):
        tifffile.imwrite(tmp_path / f"{number}.tif", image, compression="zlib")
    frames = open_frames(tmp_path)
    np.testing.assert_array_equal(frames[2][..., 0], tyx[2])


def test_an_empty_folder(tmp_path):
    with pytest.raises(InputError, match=rf"folder {tmp_path} has no png, jpg or tif images"):
        open_frames(tmp_path)


def test_the_first_image_of_another_size_is_named(tmp_path):
    folder = save_pngs(tmp_path / "movie", [*colours(3), *colours(2, height=21)])
    with pytest.raises(InputError, match=r"frame_3\.png is 21 x 30 pixels but frame_0\.png is 20 x 30"):
        open_frames(folder)


def test_an_image_of_another_kind_is_named(tmp_path):
    folder = save_pngs(tmp_path / "movie", [*colours(2), colours()[0, ..., 0]])
    with pytest.raises(
        InputError, match=r"frame_2\.png is 20 x 30 uint8 but frame_0\.png is 20 x 30 x 3 uint8"
    ):
        open_frames(folder)


def test_kinds_of_files_are_not_mixed(tmp_path):
    folder = save_pngs(tmp_path / "movie", colours(2))
    tifffile.imwrite(folder / "labels.tif", colours()[0, ..., 0])
    with pytest.raises(InputError, match=r"mixes kinds of images.*labels\.tif"):
        open_frames(folder)


def test_stacks_in_a_folder_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((5, 20, 30), np.uint8))
    with pytest.raises(InputError, match=r"a\.tif is itself a stack"):
        open_frames(tmp_path)


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
@pytest.mark.parametrize("place", [0, 1])
def test_a_damaged_image_is_named(tmp_path, suffix, place):
    for number, image in enumerate(colours(3)):
        Image.fromarray(image).save(tmp_path / f"{number}.{suffix}")
    whole = (tmp_path / f"{place}.{suffix}").read_bytes()
    (tmp_path / f"{place}.{suffix}").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=rf"{place}\.{suffix} cannot be read"):
        open_frames(tmp_path)
