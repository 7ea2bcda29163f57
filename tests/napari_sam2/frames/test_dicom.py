import pickle
import shutil
import struct
from concurrent.futures import ThreadPoolExecutor

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.pixels import apply_color_lut, get_decoder
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

from napari_sam2.errors import ImageWarning, InputError
from napari_sam2.frames import open_frames
from napari_sam2.frames.sources import read_stack


def pydicoms_own(name):
    """A file that comes with pydicom; nothing is downloaded."""
    path = get_testdata_file(name, download=False)
    if path is None:
        pytest.skip(f"this pydicom comes without {name}")
    return path


def read_all(stack):
    """All images of a stack, in one array."""
    n_walked = stack.letters.index("Y")
    rest = (slice(None),) * (len(stack.letters) - n_walked)
    walked = stack.array.shape[:n_walked]
    images = [stack.array.read((*map(int, place), *rest)) for place in np.ndindex(walked)]
    return np.array(images).reshape(stack.array.shape)


# -- pydicom's own files, against pydicom's own decoding of them ------------------------------------

EXACT = """
    CT_small.dcm MR_small.dcm MR_small_RLE.dcm MR_small_bigendian.dcm MR_small_implicit.dcm
    MR_small_padded.dcm MR_small_jp2klossless.dcm MR_small_jpeg_ls_lossless.dcm JPEG2000.dcm 693_J2KI.dcm
    JPGExtended.dcm J2K_pixelrep_mismatch.dcm SC_rgb_rle_2frame.dcm SC_rgb_rle_16bit_2frame.dcm
    SC_rgb_rle_32bit_2frame.dcm SC_rgb_small_odd.dcm SC_rgb_small_odd_big_endian.dcm SC_rgb_jpeg_gdcm.dcm
    SC_rgb_jpeg.dcm ExplVR_BigEnd.dcm GDCMJ2K_TextGBR.dcm examples_rgb_color.dcm examples_jpeg2k.dcm
    examples_overlay.dcm examples_palette.dcm image_dfl.dcm rtdose.dcm rtdose_rle.dcm rtdose_expb.dcm
    liver_1frame.dcm liver_expb_1frame.dcm
""".split()
CONVERTED = """
    examples_ybr_color.dcm SC_rgb_jpeg_dcmtk.dcm SC_rgb_dcmtk_+eb+cy+np.dcm SC_ybr_full_422_uncompressed.dcm
    SC_rgb_small_odd_jpeg.dcm
""".split()
"""Colours stored as luminance and chroma, which two programs may round by one step differently."""


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", EXACT + CONVERTED)
def test_a_file_of_pydicom_is_decoded_as_pydicom_does(name):
    path = pydicoms_own(name)
    dataset = pydicom.dcmread(path)
    if not get_decoder(dataset.file_meta.TransferSyntaxUID).is_available:
        pytest.skip("no decoder for it is installed")
    try:
        expected = dataset.pixel_array
    except RuntimeError:
        pytest.skip("no decoder that is installed can read it")
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        expected = apply_color_lut(expected, dataset)
    slope, intercept = dataset.get("RescaleSlope", 1), dataset.get("RescaleIntercept", 0)
    found = read_all(read_stack(path))
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected * float(slope) + float(intercept), atol=name in CONVERTED)


def test_an_ultrasound_cine_has_colours_times_and_sizes():
    with open_frames(pydicoms_own("examples_ybr_color.dcm")) as frames:
        assert (frames.shape, frames.axis, frames.is_rgb, frames.dtype) == (
            (30, 240, 320),
            "t",
            True,
            np.uint8,
        )
        assert (frames.step, frames.step_unit) == (pytest.approx(0.033333), "s")
        assert (frames.pixel_size, frames.unit) == (pytest.approx((0.5105, 0.5105), abs=1e-4), "mm")
        assert frames.kind == "DICOM series 1 (US, 30 images of 240 x 320)"
        assert frames.contrast.high == (255, 255, 255)


def test_real_volumes(shared_data):
    with open_frames(shared_data / "dicom" / "ct-3slice") as frames:
        assert (frames.shape, frames.axis, frames.step) == ((3, 512, 512), "z", 1.0)
        assert (frames.contrast.low, frames.contrast.high) == ((-160,), (239,))
        # the lowest slice comes first although it was numbered last
        lowest = pydicom.dcmread(shared_data / "dicom" / "ct-3slice" / "03.dcm")
        np.testing.assert_array_equal(frames[0][..., 0], lowest.pixel_array.astype(int) - 1024)
    with open_frames(shared_data / "dicom" / "dcmqi_mf.dcm") as frames:
        assert (frames.shape, frames.axis, frames.step) == ((3, 38, 24), "z", 2.5)


# -- series ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("packed", [False, True])
def test_a_series_is_sorted_by_position_whatever_its_files_are_called(tmp_path, write_series, packed):
    slices = write_series(tmp_path / "scan" / "deep", np.arange(12) * 2.5 - 7)
    source = pack(tmp_path / "scan") if packed else tmp_path / "scan"
    with open_frames(source) as frames:
        assert (frames.name, frames.shape, frames.axis) == ("scan", (12, 12, 10), "z")
        assert (frames.step, frames.step_unit) == (2.5, "mm")
        assert (frames.pixel_size, frames.unit) == ((0.7, 0.5), "mm")
        np.testing.assert_array_equal([frames[index][..., 0] for index in range(12)], slices)


def test_slices_that_lie_askew_are_sorted_along_their_normal(tmp_path, write_dicom):
    across = np.array([0.6, 0.8, 0.0])
    down = np.array([0.0, 0.0, -1.0])
    normal = np.cross(across, down)
    for number in (3, 0, 2, 1):
        write_dicom(
            tmp_path / f"{9 - number}.dcm",
            np.full((4, 5), number, np.uint16),
            ImagePositionPatient=[float(f"{value:.6f}") for value in normal * number * 1.5 + (7, 8, 9)],
            ImageOrientationPatient=[*across.tolist(), *down.tolist()],
        )
    with open_frames(tmp_path) as frames:
        assert [int(frames[index][0, 0, 0]) for index in range(4)] == [0, 1, 2, 3]
        assert frames.step == 1.5


def test_without_positions_the_numbers_of_the_images_count(tmp_path, write_dicom):
    for number in (10, 9, 11):
        write_dicom(tmp_path / f"{20 - number}", np.full((4, 5), number, np.uint8), InstanceNumber=number)
    with open_frames(tmp_path) as frames:
        assert [int(frames[index][0, 0, 0]) for index in range(3)] == [9, 10, 11]
        assert (frames.axis, frames.step, frames.pixel_size) == ("t", None, None)
    assert open_frames(tmp_path, axis="z", step=3).step_unit == "µm"


def test_single_images_over_time(tmp_path, write_dicom):
    for number in range(4):
        write_dicom(
            tmp_path / f"{number}",
            np.full((4, 5), number, np.uint8),
            AcquisitionDate="20240229" if number < 2 else "20240301",
            AcquisitionTime=["235959.0", "235959.5", "000000.00", "000000.50"][number],
            InstanceNumber=number,
        )
    with open_frames(tmp_path) as frames:
        assert (frames.axis, frames.step, frames.step_unit) == ("t", 0.5, "s")


def test_a_gap_is_told_in_one_sentence(tmp_path, write_series):
    write_series(tmp_path, [0, 2, 4, 10, 12])
    with pytest.warns(
        ImageWarning,
        match=r"has a gap, as if 2 slices are missing: slices 2 and 3 .* are 6 mm apart, most others 2 mm",
    ) as told:
        frames = open_frames(tmp_path)
    assert len(told) == len(frames.remarks) == 1
    assert (len(frames), frames.step) == (5, 2)


def test_uneven_distances_are_told(tmp_path, write_series):
    write_series(tmp_path, [0, 2, 4.4, 6])
    with pytest.warns(
        ImageWarning, match=r"slices that are 1\.6 to 2\.4 mm apart: the step of 2 mm is their median"
    ):
        open_frames(tmp_path)


def test_a_missing_number_is_told(tmp_path, write_dicom):
    for number in (1, 2, 4):
        write_dicom(tmp_path / f"{number}", np.zeros((4, 5), np.uint8), InstanceNumber=number)
    with pytest.warns(ImageWarning, match="the image with the number 2 is followed by 4"):
        open_frames(tmp_path)


def test_a_copy_of_a_file_is_not_another_slice(tmp_path, write_series):
    write_series(tmp_path, range(4))
    (tmp_path / "copy").write_bytes((tmp_path / "IM2").read_bytes())
    assert len(open_frames(tmp_path)) == 4


def test_volumes_over_time_leave_a_choice(tmp_path, write_dicom):
    for time in range(3):
        for height in range(4):
            write_dicom(
                tmp_path / f"{height}_{2 - time}",
                np.full((4, 5), 10 * time + height, np.uint8),
                ImagePositionPatient=[0, 0, 2.0 * height],
                ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
                AcquisitionTime=f"1200{30 + 5 * time:02d}.{height}",
            )
    with pytest.raises(InputError, match=r"3 time points \(T\) and 4 slices \(Z\); choose one to go along"):
        open_frames(tmp_path)
    with open_frames(tmp_path, axis="t", index={"z": 3}) as frames:
        assert ([int(frames[time][0, 0, 0]) for time in range(3)], frames.step) == ([3, 13, 23], 5)
    with open_frames(tmp_path, axis="z", index={"t": 2}) as frames:
        assert ([int(frames[height][0, 0, 0]) for height in range(4)], frames.step) == ([20, 21, 22, 23], 2)
    (tmp_path / "3_0").unlink()
    with pytest.raises(InputError, match="has 2 images at some positions and 3 at others"):
        open_frames(tmp_path)


def test_several_series_are_listed_for_choice(tmp_path, write_series, write_dicom):
    write_series(tmp_path / "a", range(3), SeriesInstanceUID="1.2.3.4", SeriesNumber=7)
    expected = write_series(
        tmp_path / "b", range(5), SeriesInstanceUID="1.2.9", SeriesNumber=2, Modality="MR"
    )
    write_dicom(
        tmp_path / "cine", np.zeros((6, 4, 5), np.uint8), 6, SeriesInstanceUID="1.2.3.5", SeriesNumber=9
    )
    listed = r"2 \(MR, 5 images of 12 x 10\), 7 \(CT, 3 images of 12 x 10\), 9 \(CT, 6 images of 4 x 5\)"
    with pytest.raises(
        InputError, match=rf"holds 3 DICOM series: {listed}; choose one with series, such as series 2"
    ):
        open_frames(tmp_path)
    for name in (2, "2", "1.2.9"):
        with open_frames(tmp_path, series=name) as frames:
            assert (len(frames), frames.name) == (5, f"{tmp_path.name}_2")
            np.testing.assert_array_equal(frames[4][..., 0], expected[4])
    with pytest.raises(InputError, match=rf"has no series 4; it holds {listed}"):
        open_frames(tmp_path, series=4)
    with pytest.raises(InputError, match=r"has 2 series 1\.2\.3"):
        open_frames(tmp_path, series="1.2.3")


def test_series_with_one_number_are_counted_instead(tmp_path, write_series):
    write_series(tmp_path / "a", range(3), SeriesInstanceUID="1.1", SeriesNumber=4)
    write_series(tmp_path / "b", range(5), SeriesInstanceUID="1.2", SeriesNumber=4)
    assert [len(open_frames(tmp_path, series=number)) for number in (1, 2)] == [3, 5]


@pytest.mark.parametrize(
    ("odd", "sentence"),
    [
        (
            {"image": np.zeros((9, 10), np.int16)},
            r"mixes images of 12 x 10 with images of 9 x 10, such as odd;",
        ),
        (
            {"image": np.zeros((12, 10, 3), np.uint8)},
            r"mixes images of 12 x 10 with images of 12 x 10 in colour",
        ),
        (
            {"image": np.zeros((12, 10), np.int16), "ImageOrientationPatient": [1, 0, 0, 0, 0, -1]},
            r"mixes images of several directions",
        ),
    ],
)
def test_images_that_do_not_fit_together(tmp_path, write_series, write_dicom, odd, sentence):
    write_series(tmp_path)
    place = {"ImagePositionPatient": [0, 0, 99], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}
    write_dicom(tmp_path / "odd", **{**place, **odd})
    with pytest.raises(InputError, match=sentence):
        open_frames(tmp_path)


# -- values ---------------------------------------------------------------------------------------


def test_values_are_the_real_ones(tmp_path, write_series):
    slices = write_series(
        tmp_path, range(3), RescaleSlope=2, RescaleIntercept=-1024, BitsStored=12, HighBit=11
    )
    with open_frames(tmp_path) as frames:
        assert frames.dtype == np.int16
        np.testing.assert_array_equal(frames[1][..., 0], slices[1] * 2 - 1024)


def test_each_slice_may_have_a_slope_of_its_own(tmp_path, write_dicom):
    for height in range(3):
        write_dicom(
            tmp_path / f"{height}",
            np.full((4, 5), 100, np.uint16),
            ImagePositionPatient=[0, 0, height],
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
            RescaleSlope=0.5 + height,
            RescaleIntercept=0,
        )
    with open_frames(tmp_path) as frames:
        assert frames.dtype == np.float32
        assert [float(frames[height][0, 0, 0]) for height in range(3)] == [50, 150, 250]


def test_the_window_of_the_files_is_the_contrast(tmp_path, write_series):
    write_series(tmp_path, range(3), WindowCenter=[300, 50], WindowWidth=[400, 10])
    with open_frames(tmp_path) as frames:
        assert (frames.contrast.low, frames.contrast.high) == ((100,), (499,))
    assert open_frames(tmp_path, contrast=(0, 7)).contrast.high == (7,)
    write_series(tmp_path, range(3), WindowCenter=300, WindowWidth=400, VOILUTFunction="LINEAR_EXACT")
    assert open_frames(tmp_path).contrast.high == (500,)
    write_series(tmp_path, range(3), WindowCenter=300, WindowWidth=0)
    assert open_frames(tmp_path).contrast.high != (500,)


def test_negatives_are_turned_for_viewing_only(tmp_path, write_series):
    positive = write_series(tmp_path / "a", range(3), WindowCenter=450, WindowWidth=900)
    write_series(
        tmp_path / "b", range(3), WindowCenter=450, WindowWidth=900, PhotometricInterpretation="MONOCHROME1"
    )
    with open_frames(tmp_path / "a") as shown, open_frames(tmp_path / "b") as turned:
        np.testing.assert_array_equal(turned[1][..., 0], positive[1])
        np.testing.assert_allclose(turned.rgb(1), 1 - shown.rgb(1), atol=1e-6)


def test_a_table_of_values_is_looked_up(tmp_path, write_series):
    table = Dataset()
    table.LUTDescriptor, table.ModalityLUTType = [900, 0, 16], "US"
    table.LUTData = (np.arange(900, dtype=np.uint16)[::-1] * 3).tobytes()
    slices = write_series(tmp_path, range(3), ModalityLUTSequence=[table], PixelRepresentation=0)
    with open_frames(tmp_path) as frames:
        np.testing.assert_array_equal(frames[1][..., 0], (899 - slices[1]) * 3)


# -- several images in one file ---------------------------------------------------------------------


def enhanced(positions, **shared):
    """Functional groups of images at positions along z, in the order in which they are stored."""
    frames = []
    for number, z in enumerate(positions):
        frame, place, content = Dataset(), Dataset(), Dataset()
        place.ImagePositionPatient = [0, 0, z]
        content.TemporalPositionIndex = number // len(set(positions)) + 1
        frame.PlanePositionSequence, frame.FrameContentSequence = [place], [content]
        frames.append(frame)
    common, direction, measures, values = Dataset(), Dataset(), Dataset(), Dataset()
    direction.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    measures.PixelSpacing = [0.4, 0.3]
    values.RescaleSlope, values.RescaleIntercept = 1, -100
    common.PlaneOrientationSequence, common.PixelMeasuresSequence = [direction], [measures]
    common.PixelValueTransformationSequence = [values]
    return {"PerFrameFunctionalGroupsSequence": frames, "SharedFunctionalGroupsSequence": [common]}


def test_the_slices_of_an_enhanced_file_are_sorted(tmp_path, write_dicom):
    images = np.arange(4, dtype=np.uint16)[:, None, None] + np.zeros((4, 6, 5), np.uint16)
    write_dicom(tmp_path / "a.dcm", images, 4, **enhanced([6, 0, 4, 2]))
    with open_frames(tmp_path / "a.dcm") as frames:
        assert [int(frames[index][0, 0, 0]) for index in range(4)] == [-99, -97, -98, -100]
        assert (frames.axis, frames.step, frames.pixel_size) == ("z", 2, (0.4, 0.3))


def test_an_enhanced_file_may_hold_volumes_over_time(tmp_path, write_dicom):
    images = np.arange(6, dtype=np.uint16)[:, None, None] + np.zeros((6, 6, 5), np.uint16)
    write_dicom(tmp_path / "a.dcm", images, 6, **enhanced([5, 0, 5, 0, 5, 0]))
    with open_frames(tmp_path / "a.dcm", axis="t", index={"z": 1}) as frames:
        assert [int(frames[index][0, 0, 0]) + 100 for index in range(3)] == [0, 2, 4]


@pytest.mark.parametrize(
    ("elements", "step"),
    [
        ({"FrameTime": 40}, 0.04),
        ({"FrameTimeVector": [0, 40, 40, 40, 40, 40]}, 0.04),
        ({"CineRate": 25}, 0.04),
        ({"RecommendedDisplayFrameRate": 50}, 0.02),
        ({}, None),
        ({"FrameTime": 0}, None),
    ],
)
def test_the_time_between_the_frames_of_a_cine(tmp_path, write_dicom, elements, step):
    write_dicom(tmp_path / "a.dcm", np.zeros((6, 4, 5), np.uint8), 6, **elements)
    with open_frames(tmp_path / "a.dcm") as frames:
        assert (frames.axis, frames.step) == ("t", step)


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless, JPEGLSLossless])
def test_compressed_frames_are_read_one_by_one(tmp_path, write_dicom, syntax):
    images = np.random.default_rng(0).integers(0, 255, (7, 32, 40, 3)).astype(np.uint8)
    try:
        write_dicom(tmp_path / "a.dcm", images, 7, syntax=syntax)
    except RuntimeError:
        pytest.skip("no encoder for it is installed")
    with open_frames(tmp_path / "a.dcm") as frames, ThreadPoolExecutor(4) as pool:
        order = [6, 0, 3, 3, 1, 5, 2, 4] * 4
        for index, image in zip(order, pool.map(frames.__getitem__, order), strict=True):
            np.testing.assert_array_equal(image, images[index])


def encapsulated(pieces, table=b""):
    items = b"".join(struct.pack("<HHL", 0xFFFE, 0xE000, len(piece)) + piece for piece in (table, *pieces))
    return items + struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)


def replace_pixels(path, pixels, syntax):
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = pixels
    dataset["PixelData"].VR = "OB"
    dataset.save_as(path, implicit_vr=False, little_endian=True)
    return path


@pytest.mark.parametrize("how", ["one piece each", "a table", "no table", "no end"])
def test_frames_in_pieces_are_put_together(tmp_path, write_dicom, how):
    images = np.random.default_rng(0).integers(0, 255, (3, 32, 40)).astype(np.uint8)
    path = write_dicom(tmp_path / "a.dcm", images, 3)
    whole = [imagecodecs.jpeg2k_encode(image, codecformat="J2K", reversible=True) for image in images]
    cut = [whole[0][:100], whole[0][100:], whole[1], whole[2][:30], whole[2][30:60], whole[2][60:]]
    lengths = [8 + len(piece) for piece in cut]
    table = struct.pack("<3L", 0, sum(lengths[:2]), sum(lengths[:3]))
    pixels = {
        "one piece each": encapsulated(whole),
        "a table": encapsulated(cut, table),
        "no table": encapsulated(cut),
        "no end": encapsulated(cut)[:-8],
    }[how]
    with open_frames(replace_pixels(path, pixels, JPEG2000Lossless)) as frames:
        np.testing.assert_array_equal([frames[index][..., 0] for index in range(3)], images)


# -- what is kept, and what is not ------------------------------------------------------------------


def test_nothing_that_names_the_patient_is_kept(tmp_path, write_series):
    write_series(tmp_path, range(3), PatientBirthDate="19010203", InstitutionName="Hospital of Secrets")
    with open_frames(tmp_path) as frames:
        frames[0]
        kept = pickle.dumps(frames) + repr(frames).encode() + frames.kind.encode()
    assert b"frames.dicom" in kept
    for secret in (b"ecret", b"SECRET", b"1901", b"Hospital"):
        assert secret not in kept


def test_a_series_travels_to_another_process(tmp_path, monkeypatch, write_series):
    slices = write_series(tmp_path / "scan")
    monkeypatch.chdir(tmp_path)
    with open_frames("scan") as frames:
        sent = pickle.dumps(frames)
    monkeypatch.chdir(tmp_path.parent)
    with pickle.loads(sent) as received:
        np.testing.assert_array_equal(received[2][..., 0], slices[2])


# -- what can be wrong ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["rtplan.dcm", "rtstruct.dcm", "test-SR.dcm", "waveform_ecg.dcm"])
def test_dicom_without_pixels(name):
    with pytest.raises(InputError, match="is no DICOM file, or one without images, as reports and plans are"):
        open_frames(pydicoms_own(name))


def test_a_folder_without_images(tmp_path):
    for name in ("rtplan.dcm", "rtstruct.dcm"):
        shutil.copy(pydicoms_own(name), tmp_path)
    with pytest.raises(InputError, match="holds no DICOM files, or only some without images"):
        open_frames(tmp_path)


def test_an_image_without_pixels(tmp_path, write_dicom):
    path = write_dicom(tmp_path / "a.dcm", np.zeros((4, 5), np.uint8))
    dataset = pydicom.dcmread(path)
    del dataset.PixelData
    dataset.save_as(path)
    with pytest.raises(
        InputError, match=r"a\.dcm says that it is an image but has no pixels; it may be truncated"
    ):
        open_frames(path)


def test_a_truncated_file():
    with pytest.raises(InputError, match=r"MR_truncated\.dcm is truncated: its image is cut off"):
        open_frames(pydicoms_own("MR_truncated.dcm"))


@pytest.mark.parametrize("syntax", ["", RLELossless])
def test_a_truncated_cine_names_the_frame(tmp_path, write_dicom, syntax):
    images = np.random.default_rng(0).integers(0, 255, (6, 40, 40)).astype(np.uint8)
    path = write_dicom(tmp_path / "a.dcm", images, 6, syntax=syntax)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(InputError, match=r"a\.dcm is truncated: frame 4 of 6 \(counted from 0\) is cut off"):
        open_frames(path)


def test_more_frames_are_promised_than_are_there(tmp_path, write_dicom):
    path = write_dicom(tmp_path / "a.dcm", np.zeros((6, 4, 5), np.uint8), 6, NumberOfFrames=2_000_000_000)
    with pytest.raises(InputError, match=r"frame 6 of 2000000000 .* is cut off"):
        open_frames(path)


def test_a_damaged_file_in_a_folder_is_named(tmp_path, write_series):
    write_series(tmp_path)
    content = (tmp_path / "IM3").read_bytes()
    (tmp_path / "IM3").write_bytes(content[:300] + b"\xff" * 100 + content[400:])
    with pytest.raises(InputError, match=r"IM3 in .* says that it is an image but has no pixels"):
        open_frames(tmp_path)


def test_an_unknown_transfer_syntax(tmp_path, write_dicom):
    path = write_dicom(tmp_path / "a.dcm", np.zeros((6, 4, 5), np.uint8), 6)
    replace_pixels(path, encapsulated([b"1234"] * 6), "1.2.840.10008.1.2.4.94")
    with pytest.raises(InputError, match="stores its pixels as 'JPIP Referenced', which is not read here"):
        open_frames(path)


def test_a_missing_decoder_says_what_to_install(monkeypatch):
    path = pydicoms_own("SC_rgb_jpeg_gdcm.dcm")
    decoder = get_decoder(pydicom.dcmread(path).file_meta.TransferSyntaxUID)
    monkeypatch.setattr(decoder, "_available", {})
    with pytest.raises(
        InputError,
        match=r"is compressed as 'JPEG Lossless.* install it with: pip install 'napari-sam2\[dicom\]'",
    ):
        open_frames(path)


def test_a_decoder_that_is_not_enough_says_what_to_install(monkeypatch):
    path = pydicoms_own("JPGExtended.dcm")
    decoder = get_decoder(pydicom.dcmread(path).file_meta.TransferSyntaxUID)
    monkeypatch.setattr(decoder, "_available", {"pillow": decoder._available["pillow"]})
    with pytest.raises(ValueError, match=r"another decoder may read it: pip install 'napari-sam2\[dicom\]'"):
        read_all(read_stack(path))


def test_what_the_installed_decoders_cannot_read_says_so(tmp_path, write_dicom):
    path = write_dicom(tmp_path / "a.dcm", np.zeros((2, 40, 40), np.uint8), 2)
    replace_pixels(path, encapsulated([b"\xff\x4fnothing!"] * 2), JPEG2000Lossless)
    with pytest.raises(InputError, match=r"frame 0 of .*a\.dcm cannot be read"):
        open_frames(path)


def pack(folder):
    return shutil.make_archive(str(folder), "zip", folder.parent, folder.name)
