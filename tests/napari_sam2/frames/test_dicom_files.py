"""Folders and zips of DICOM: found in place, without following links in circles or filling the memory."""

import shutil
import struct
import time
import zipfile

import numpy as np
import pydicom
import pytest

from napari_sam2.errors import InputError
from napari_sam2.frames import dicom_files, open_frames
from napari_sam2.frames.dicom_files import walk

META = struct.pack("<HH2sHL", 2, 0, b"UL", 4, 26)
META += struct.pack("<HH2sH18s", 2, 0x0010, b"UI", 18, b"1.2.840.10008.1.2\0")
"""Begin of a file that says how it is written, and nothing more."""


def pack(path, folder, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for file in folder.rglob("*"):
            archive.write(file, file.relative_to(folder))
    return path


def link(path, to):
    try:
        path.symlink_to(to)
    except OSError:
        pytest.skip("this system makes no links")


# -- folders --------------------------------------------------------------------------------------


def test_links_in_a_circle_end(tmp_path, write_series):
    write_series(tmp_path / "scan" / "deep")
    link(tmp_path / "scan" / "deep" / "back", tmp_path / "scan")
    link(tmp_path / "scan" / "self", tmp_path / "scan" / "self")
    link(tmp_path / "scan" / "lost", tmp_path / "nowhere")
    link(tmp_path / "scan" / "again", tmp_path / "scan" / "deep")
    assert len(list(walk(tmp_path / "scan"))) == 6
    assert len(open_frames(tmp_path / "scan")) == 6
    with pytest.raises(InputError, match=r"there is no file or folder .*self; check the path"):
        open_frames(tmp_path / "scan" / "self")


def test_a_series_elsewhere_is_found_through_a_link(tmp_path, write_series):
    write_series(tmp_path / "archive")
    (tmp_path / "work").mkdir()
    link(tmp_path / "work" / "scan", tmp_path / "archive")
    assert len(open_frames(tmp_path / "work")) == 6


def test_other_files_beside_the_images_are_passed_over(tmp_path, write_series):
    write_series(tmp_path)
    (tmp_path / "notes.txt").write_text("no DICOM")
    (tmp_path / ".IM0.dcm").write_bytes(b"left by another system")
    shutil.copy(tmp_path / "IM0", tmp_path / "DICOMDIR")
    assert len(open_frames(tmp_path)) == len(open_frames(tmp_path / "DICOMDIR")) == 6


def test_a_folder_of_pictures_is_not_taken_for_dicom(tmp_path, write_series):
    write_series(tmp_path / "scan")
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"a\.png cannot be read"):
        open_frames(tmp_path)
    shutil.copy(tmp_path / "scan" / "IM0", tmp_path / "b.dcm")
    assert len(open_frames(tmp_path)) == 6


def test_a_folder_of_everything(tmp_path, monkeypatch, write_series):
    monkeypatch.setattr(dicom_files, "MAX_FILES", 5)
    write_series(tmp_path)
    with pytest.raises(InputError, match="holds more than 5 files; give the folder of one series"):
        open_frames(tmp_path)


def test_an_empty_folder(tmp_path):
    with pytest.raises(InputError, match="has no png, jpg or tif images"):
        open_frames(tmp_path)


# -- zips -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_a_zip_is_read_without_unpacking_it_to_the_disk(tmp_path, write_dicom, compression):
    images = np.random.default_rng(0).integers(0, 255, (9, 40, 50)).astype(np.uint8)
    write_dicom(tmp_path / "scan" / "cine.dcm", images, 9)
    (tmp_path / "scan" / "__MACOSX").mkdir()
    (tmp_path / "scan" / "__MACOSX" / "._cine.dcm").write_bytes(b"left by another system")
    path = pack(tmp_path / "a.zip", tmp_path / "scan", compression)
    before = set(tmp_path.rglob("*"))
    with open_frames(path) as frames:
        for index in (8, 0, 1, 2, 7, 3):
            np.testing.assert_array_equal(frames[index][..., 0], images[index])
    assert set(tmp_path.rglob("*")) == before
    path.unlink()  # it is closed


def test_a_zip_that_would_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(dicom_files, "SMALL_ZIP", 2**20)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("IM0", bytes(10 * 2**20))
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_, **__: pytest.fail("it was opened"))
    with pytest.raises(InputError, match=r"bomb\.zip has 0\.01.. MB but says that it unpacks to 0\.0105 GB"):
        open_frames(tmp_path / "bomb.zip")


@pytest.mark.parametrize("begin", [b"", bytes(128) + b"DICM", bytes(128) + b"DICM" + META])
def test_a_zip_of_very_many_zeros_is_told_at_once(tmp_path, begin):
    with (
        zipfile.ZipFile(tmp_path / "zeros.zip", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.dcm", "w") as member,
    ):
        member.write(begin)
        member.write(bytes(2**26))
    begun = time.process_time()
    with pytest.raises(InputError, match=r"zeros\.zip is no DICOM file, or one without images"):
        open_frames(tmp_path / "zeros.zip")
    assert time.process_time() - begun < 3


def test_a_file_of_very_many_elements_is_not_read_to_its_end(tmp_path):
    element = struct.pack("<HHL", 9, 0x1010, 0)
    (tmp_path / "a.dcm").write_bytes(struct.pack("<HHL", 8, 0x0060, 2) + b"CT" + element * 20_000)
    with pytest.raises(InputError, match=r"a\.dcm cannot be read as DICOM \(it has more than 10000 elements"):
        open_frames(tmp_path / "a.dcm")


def test_an_encrypted_file_is_told(tmp_path, write_dicom):
    path = write_dicom(tmp_path / "a.dcm", np.zeros((4, 5), np.uint8))
    dataset = pydicom.dcmread(path)
    del dataset.PixelData
    sealed = pydicom.Dataset()
    sealed.EncryptedContentTransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    sealed.EncryptedContent = bytes(200)
    dataset.EncryptedAttributesSequence = [sealed]
    dataset.save_as(path)
    with pytest.raises(InputError, match=r"a\.dcm is encrypted; decrypt it where it comes from"):
        open_frames(path)


def test_a_zip_whose_members_are_one(tmp_path, write_series):
    """Members that lie upon one another: the trick of the smallest bombs."""
    write_series(tmp_path / "scan", range(1))
    path = pack(tmp_path / "a.zip", tmp_path / "scan", zipfile.ZIP_STORED)
    content = path.read_bytes()
    start, end = content.index(b"PK\1\2"), content.index(b"PK\5\6")
    entry = content[start:end]
    counted = bytearray(content[end:])
    counted[8:12] = struct.pack("<HH", 50, 50)
    counted[12:16] = struct.pack("<L", 50 * len(entry))
    path.write_bytes(content[:start] + entry * 50 + bytes(counted))
    with pytest.raises(InputError, match=r"a\.zip has .* as zips do that are made to fill a memory"):
        open_frames(path)


def test_a_zip_of_too_many_files(tmp_path, monkeypatch, write_series):
    write_series(tmp_path / "scan")
    path = pack(tmp_path / "a.zip", tmp_path / "scan")
    monkeypatch.setattr(dicom_files, "MAX_FILES", 5)
    with pytest.raises(InputError, match=r"a\.zip holds more than 5 files"):
        open_frames(path)


def test_a_zip_that_is_locked(tmp_path, write_series):
    write_series(tmp_path / "scan", range(1))
    path = pack(tmp_path / "a.zip", tmp_path / "scan")
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.zip is locked with a password \(IM0\); unpack it"):
        open_frames(path)


def test_a_zip_that_is_packed_in_a_way_of_its_own(tmp_path, write_series):
    write_series(tmp_path / "scan", range(1))
    path = pack(tmp_path / "a.zip", tmp_path / "scan")
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\1\2") + 10] = 9  # deflate64
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.zip is packed in a way that is not read here \(IM0\)"):
        open_frames(path)


def test_a_truncated_zip(tmp_path, write_series):
    write_series(tmp_path / "scan")
    path = pack(tmp_path / "a.zip", tmp_path / "scan")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match=r"a\.zip cannot be read as a zip .* may be truncated"):
        open_frames(path)


def test_a_damaged_member_is_named(tmp_path, write_series):
    write_series(tmp_path / "scan")
    path = pack(tmp_path / "a.zip", tmp_path / "scan", zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    at = content.index(b"PK\1\2") - 40
    content[at : at + 20] = bytes(20)
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"IM\d in .*a\.zip cannot be read as DICOM \(Bad CRC-32"):
        open_frames(path)


def test_a_zip_without_dicom(tmp_path):
    (tmp_path / "scan").mkdir()
    (tmp_path / "scan" / "a.txt").write_text("nothing")
    path = pack(tmp_path / "a.zip", tmp_path / "scan")
    with pytest.raises(InputError, match=r"a\.zip is no DICOM file, or one without images"):
        open_frames(path)
