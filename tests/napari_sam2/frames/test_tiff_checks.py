import logging

import numpy as np
import pytest
import tifffile

from napari_sam2.errors import InputError
from napari_sam2.frames import open_frames
from napari_sam2.frames.tiff_checks import quiet

KINDS = {
    "plain": {},
    "bare": {"metadata": None},
    "compressed": {"compression": "zlib"},
    "compressed, bare": {"compression": "zlib", "metadata": None},
    "tiled": {"tile": (32, 32)},
    "strips": {"rowsperstrip": 7, "metadata": None},
    "big": {"bigtiff": True},
    "big endian": {"byteorder": ">"},
    "imagej": {"imagej": True},
    "ome": {"ome": True},
    "ome, compressed": {"ome": True, "compression": "zlib"},
}


def write(path, **how):
    tyx = np.random.default_rng(0).poisson(50, (20, 100, 100)).astype(np.uint16)
    tifffile.imwrite(path, tyx, **how)
    return path.read_bytes()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", [0.001, 0.3, 0.6, 0.97, 0.995, 0.999])
def test_a_cut_off_file_is_told_in_one_sentence(tmp_path, caplog, capfd, kind, part):
    path = tmp_path / "cut.tif"
    whole = write(path, **KINDS[kind])
    open_frames(path).close()
    path.write_bytes(whole[: int(len(whole) * part)])
    with pytest.raises(InputError, match=r"cut\.tif .*truncated"):
        open_frames(path)
    assert not caplog.records
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "kind", ["plain", "big", "big endian", "imagej", "compressed", "ome, compressed", "tiled"]
)
def test_the_first_missing_page_is_named(tmp_path, kind):
    path = tmp_path / "cut.tif"
    whole = write(path, **KINDS[kind])
    with tifffile.TiffFile(path) as tif:
        series = tif.series[0]
        page_bytes = 100 * 100 * 2
        end_of_page_12 = (
            series.dataoffset + 13 * page_bytes
            if series.dataoffset
            else series[12].dataoffsets[-1] + series[12].databytecounts[-1]
        )
    path.write_bytes(whole[: end_of_page_12 - 5])
    with pytest.raises(InputError, match=r"truncated: page 12\b"):
        open_frames(path)


def test_a_series_with_a_missing_plane_is_incomplete(tmp_path):
    path = tmp_path / "a.ome.tif"
    write(path, ome=True, compression="zlib", metadata={"axes": "TYX"})
    # the description tells of more frames than there are, as after a recording that was stopped
    tifffile.tiffcomment(path, tifffile.tiffcomment(path).replace('SizeT="20"', 'SizeT="30"'))
    with pytest.raises(InputError, match="incomplete: page 20 of 30"):
        open_frames(path)


@pytest.mark.parametrize("content", [b"", b"II", b"II*\0", b"hello world, this is no TIFF"])
def test_what_is_no_tiff_is_told_in_one_sentence(tmp_path, content):
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.tif (cannot be read as a TIFF|holds no image|has a broken)"):
        open_frames(tmp_path / "a.tif")


def test_tifffile_speaks_again_afterwards(caplog):
    logger = logging.getLogger("tifffile")
    with quiet():
        logger.error("not heard")
    logger.error("heard")
    assert [record.message for record in caplog.records] == ["heard"]
