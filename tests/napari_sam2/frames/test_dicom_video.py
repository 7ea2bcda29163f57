"""Videos inside DICOM files, as endoscopes record them."""

import pickle

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate

from napari_sam2.errors import InputError
from napari_sam2.frames import open_frames

MPEG4 = "1.2.840.10008.1.2.4.102"


@pytest.fixture
def endoscopy(tmp_path, write_video, write_dicom):
    """A file with an mp4 of 60 frames in it, and that mp4."""
    movie = write_video(tmp_path / "movie.mp4", container={"movflags": "faststart"})
    path = write_dicom(
        tmp_path / "endoscopy.dcm",
        np.zeros((60, 1, 1, 3), np.uint8),
        60,
        Modality="ES",
        CineRate=25,
        PhotometricInterpretation="YBR_PARTIAL_420",
    )
    dataset = pydicom.dcmread(path)
    dataset.Rows, dataset.Columns = 48, 64
    dataset.file_meta.TransferSyntaxUID = MPEG4
    dataset.PixelData = encapsulate([movie.read_bytes()], fragments_per_frame=3, has_bot=False)
    dataset["PixelData"].VR = "OB"
    dataset.save_as(path)
    return path, movie


def test_a_video_in_dicom_shows_the_frames_of_the_video(endoscopy):
    path, movie = endoscopy
    with open_frames(path) as frames, open_frames(movie) as expected:
        assert (frames.shape, frames.axis, frames.is_rgb) == ((60, 48, 64), "t", True)
        assert frames.kind == "DICOM series 1 (ES, 60 images of 48 x 64)"
        assert frames.step == pytest.approx(1 / 30)  # the video's own times, not what the file says of them
        for index in (59, 0, 31):
            np.testing.assert_array_equal(frames[index], expected[index])
        assert pickle.loads(pickle.dumps(frames))[31].shape == (48, 64, 3)


def test_a_truncated_video_in_dicom(endoscopy):
    path, _ = endoscopy
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(InputError, match=r"endoscopy\.dcm is truncated"):
        open_frames(path)


def test_a_video_in_a_zip_is_to_be_unpacked(endoscopy, tmp_path):
    import zipfile

    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(endoscopy[0], "endoscopy.dcm")
    with pytest.raises(InputError, match=r"a\.zip is a video, which is not read from a zip; unpack it"):
        open_frames(tmp_path / "a.zip")
