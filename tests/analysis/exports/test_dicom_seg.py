"""DICOM SEG: read back by highdicom and pydicom, judged by dciodvfy."""

import shutil
import subprocess

import highdicom
import numpy as np
import pydicom
import pytest

from napari_sam2.analysis import MeasureError
from napari_sam2.analysis.exports import write_dicom_seg
from napari_sam2.analysis.exports.dicom_source import read_affine, read_source
from napari_sam2.frames import open_frames


@pytest.fixture
def ct(shared_data):
    return shared_data / "dicom" / "ct-3slice"


@pytest.fixture
def labels():
    found = np.zeros((3, 512, 512), np.int32)
    found[:, 100:140, 200:260] = 7
    found[1, 300:310, 20:50] = 40
    return found


@pytest.fixture
def slices(tmp_path):
    """A series of four small slices, made here: 12 x 10 pixels, oblique, files in no order of place."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    folder = tmp_path / "series"
    folder.mkdir()
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    for number, height in enumerate((4.0, 0.0, 6.0, 2.0)):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        image = FileDataset(str(folder / f"{number}.dcm"), {}, file_meta=meta, preamble=bytes(128))
        image.SOPClassUID, image.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
        image.StudyInstanceUID, image.SeriesInstanceUID, image.FrameOfReferenceUID = study, series, frame
        image.PatientName, image.PatientID, image.Modality = "Doe^Jane", "1", "CT"
        image.PatientBirthDate = image.PatientSex = image.StudyDate = image.StudyTime = ""
        image.AccessionNumber = image.ReferringPhysicianName = image.StudyID = ""
        image.SeriesNumber, image.InstanceNumber, image.PositionReferenceIndicator = 1, number, ""
        image.Rows, image.Columns, image.PixelSpacing, image.SliceThickness = 12, 10, [0.5, 0.25], 2
        image.ImageOrientationPatient, image.ImagePositionPatient = [0, 1, 0, 0, 0, -1], [-height, 3, 9]
        image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
        image.BitsAllocated = image.BitsStored = 16
        image.HighBit, image.PixelRepresentation = 15, 0
        image.PixelData = bytes(240)
        image.save_as(folder / f"{number}.dcm", enforce_file_format=True)
    return folder


def test_highdicom_gives_back_every_mask_at_its_place(slices, tmp_path):
    labels = np.zeros((4, 12, 10), np.uint16)
    labels[0, 2:5, 1:4], labels[3, 6:9, 5:9], labels[3, 0, 0] = 5, 900, 5
    path = write_dicom_seg(labels, tmp_path / "seg.dcm", source=slices, names={900: "grasper"})
    found = highdicom.seg.segread(path)
    assert found.number_of_segments == 2 and found.NumberOfFrames == 8
    assert [found.get_segment_description(n).SegmentLabel for n in (1, 2)] == ["object 5", "grasper"]
    assert found.SegmentationType == "BINARY"
    # The normal of these slices points to -x, so ascending position is descending x.
    images = sorted((pydicom.dcmread(f) for f in slices.iterdir()), key=lambda i: -i.ImagePositionPatient[0])
    uids = [image.SOPInstanceUID for image in images]
    pixels = found.get_pixels_by_source_instance(uids, combine_segments=True)
    np.testing.assert_array_equal(np.array([0, 5, 900])[pixels], labels)


def test_pydicom_reads_the_frames_and_their_positions(slices, tmp_path):
    labels = np.zeros((4, 12, 10), np.uint8)
    labels[2, 2:5, 1:4] = 1
    found = pydicom.dcmread(write_dicom_seg(labels, tmp_path / "seg.dcm", source=slices))
    (frame,) = np.flatnonzero(found.pixel_array.any(axis=(1, 2)))
    np.testing.assert_array_equal(found.pixel_array[frame], labels[2])
    place = found.PerFrameFunctionalGroupsSequence[frame].PlanePositionSequence[0].ImagePositionPatient
    assert list(place) == [-4, 3, 9] and found.PatientName == "Doe^Jane"


def test_files_in_the_order_of_the_masks(slices, tmp_path):
    files = [slices / f"{number}.dcm" for number in (2, 1)]
    labels = np.zeros((2, 12, 10), np.uint8)
    labels[0, 3, 3] = 1
    found = highdicom.seg.segread(write_dicom_seg(labels, tmp_path / "seg.dcm", source=files))
    uid = pydicom.dcmread(files[0]).SOPInstanceUID
    assert found.get_pixels_by_source_instance([uid], combine_segments=True)[0, 3, 3] == 1


def test_a_real_ct(ct, labels, tmp_path):
    path = write_dicom_seg(labels, tmp_path / "seg.dcm", source=ct)
    images, order = read_source(ct)
    uids = [images[place].SOPInstanceUID for place in order]
    found = highdicom.seg.segread(path).get_pixels_by_source_instance(uids, combine_segments=True)
    np.testing.assert_array_equal(np.array([0, 7, 40])[found], labels)


def test_a_file_of_many_frames(shared_data, tmp_path):
    source = shared_data / "dicom" / "dcmqi_mf.dcm"
    labels = np.zeros((3, 38, 24), np.uint8)
    labels[0, 4:9, 4:9] = 1
    found = highdicom.seg.segread(write_dicom_seg(labels, tmp_path / "seg.dcm", source=source))
    image = pydicom.dcmread(source, stop_before_pixels=True)
    groups = image.PerFrameFunctionalGroupsSequence
    heights = [group.PlanePositionSequence[0].ImagePositionPatient[2] for group in groups]
    frames = [int(place) + 1 for place in np.argsort(heights)]
    pixels = found.get_pixels_by_source_frame(image.SOPInstanceUID, frames, combine_segments=True)
    np.testing.assert_array_equal(pixels, labels)


def test_masks_are_in_the_order_of_our_frames(ct):
    """What is segmented on frame i of `open_frames` is written for the image that frame i is."""
    images, order = read_source(ct)
    pixels = [pydicom.dcmread(image.filename).pixel_array.ravel() for image in images]
    with open_frames(ct) as frames:
        for index, place in enumerate(order):
            likeness = [np.corrcoef(frames[index].ravel(), each)[0, 1] for each in pixels]
            assert np.argmax(likeness) == place and likeness[place] == pytest.approx(1)


def test_the_affine_of_a_file_of_many_frames_is_that_of_its_frames(shared_data):
    source = shared_data / "dicom" / "dcmqi_mf.dcm"
    groups = pydicom.dcmread(source, stop_before_pixels=True).PerFrameFunctionalGroupsSequence
    places = np.array([group.PlanePositionSequence[0].ImagePositionPatient for group in groups], float)
    places = places[np.argsort(places[:, 2])]
    affine = read_affine(source)
    for frame, (left, back, up) in enumerate(places):
        assert (affine @ [0, 0, frame, 1])[:3] == pytest.approx([-left, -back, up], abs=1e-3)


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy (dicom3tools) is not installed")
def test_dciodvfy_finds_no_error(ct, labels, slices, tmp_path):
    small = np.zeros((4, 12, 10), np.uint8)
    small[1, 3, 3] = 2
    for masks, source in ((labels, ct), (small, slices)):
        path = write_dicom_seg(masks, tmp_path / "seg.dcm", source=source)
        told = subprocess.run(["dciodvfy", path], capture_output=True, text=True)
        assert "Error" not in told.stderr + told.stdout, told.stderr
        assert "Segmentation" in told.stderr + told.stdout


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda masks: masks[:2], "2 masks and 4 images"),
        (lambda masks: masks[:, :9], r"\(9, 10\)"),
        (lambda masks: masks * 0, "0 objects"),
        (lambda masks: masks.astype(float), "float64"),
    ],
)
def test_masks_that_do_not_fit(slices, tmp_path, change, words):
    with pytest.raises(MeasureError, match=words):
        write_dicom_seg(change(np.ones((4, 12, 10), int)), tmp_path / "seg.dcm", source=slices)
    assert [path.name for path in tmp_path.iterdir()] == ["series"]


def test_sources_that_are_none(slices, shared_data, tmp_path):
    masks = np.ones((4, 12, 10), int)
    with pytest.raises(MeasureError, match="has no DICOM images"):
        (tmp_path / "empty").mkdir()
        write_dicom_seg(masks, tmp_path / "seg.dcm", source=tmp_path / "empty")
    with pytest.raises(MeasureError, match="not a DICOM file"):
        (tmp_path / "a.tif").write_bytes(b"II*")
        write_dicom_seg(masks, tmp_path / "seg.dcm", source=tmp_path / "a.tif")
    shutil.copy(shared_data / "dicom" / "CT_small.dcm", slices)
    with pytest.raises(MeasureError, match="2 DICOM series"):
        write_dicom_seg(masks, tmp_path / "seg.dcm", source=slices)
    film = shared_data / "dicom" / "examples_ybr_color.dcm"
    with pytest.raises(MeasureError, match="has no frame of reference"):
        write_dicom_seg(np.ones((30, 240, 320), int), tmp_path / "seg.dcm", source=film)


def test_where_the_voxels_of_an_oblique_series_are(slices):
    affine = read_affine(slices)
    # Slice 3, row 2, column 4 in LPS: x = -6, y = 3 + 4 * 0.25, z = 9 - 2 * 0.5; RAS+ turns x and y.
    assert (affine @ [4, 2, 3, 1]).tolist() == pytest.approx([6, -4, 8, 1])
