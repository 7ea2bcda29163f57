import pickle
import struct
import sys

import numpy as np
import pytest

from napari_sam2.errors import InputError
from napari_sam2.frames import open_frames


def counts(*shape):
    return np.random.default_rng(0).integers(0, 4000, shape).astype(np.uint16)


# -- ND2 --------------------------------------------------------------------------------------------


def variant(tag, value):
    """A value as ND2 writes it in XML."""
    if isinstance(value, dict):
        inside = "".join(variant(name, one) for name, one in value.items())
        return f'<{tag} runtype="CLxListVariant">{inside}</{tag}>'
    kind = {bool: "bool", int: "lx_uint32", float: "double", str: "CLxStringW"}[type(value)]
    return f'<{tag} runtype="{kind}" value="{str(value).lower() if kind == "bool" else value}"/>'


def document(values):
    return f'<?xml version="1.0"?><variant version="1.0">{variant("no_name", values)}</variant>'.encode()


def write_nd2(path, images_pcyx, loop):
    """A small ND2 of version 2.1: named chunks, and a map of them at the end."""
    n, n_channels, height, width = images_pcyx.shape
    spectrum = {"uiCount": 1, "pPoint": {"Point0": {"eType": 4, "dWavelength": 488.0, "dTValue": 1.0}}}
    probe = {"m_ExcitationSpectrum": spectrum, "m_EmissionSpectrum": spectrum}
    planes = {
        f"a{number}": {"uiCompCount": 1, "sDescription": name, "pFluorescentProbe": probe}
        for number, name in enumerate(["DAPI", "GFP"][:n_channels])
    }
    attributes = {
        "uiWidth": width,
        "uiWidthBytes": width * n_channels * 2,
        "uiHeight": height,
        "uiComp": n_channels,
        "uiBpcInMemory": 16,
        "uiBpcSignificant": 12,
        "uiSequenceCount": n,
        "uiTileWidth": width,
        "uiTileHeight": height,
        "eCompression": 2,
        "dCompressionParam": 0.0,
        "uiVirtualComponents": n_channels,
    }
    picture = {
        "dCalibration": 0.25,
        "dAspect": 1.0,
        "bCalibrated": True,
        "sPicturePlanes": {"uiCount": n_channels, "uiCompCount": n_channels, "sPlaneNew": planes},
    }
    chunks = {
        b"ImageAttributes!": document(attributes),
        b"ImageMetadataSeq|0!": document(picture),
        b"ImageMetadata!": document(loop),
        b"CustomData|AcqTimesCache!": (np.arange(n) * 2500.0).tobytes(),
    }
    for number, image_cyx in enumerate(images_pcyx):
        pixels = image_cyx.transpose(1, 2, 0).astype("<u2").tobytes()
        chunks[b"ImageDataSeq|%d!" % number] = struct.pack("<d", 0) + pixels
    content = bytearray()

    def add(name, data, room):
        content.extend(struct.pack("<IIQ", 0x0ABECEDA, room, len(data)) + name.ljust(room, b"\0") + data)

    add(b"ND2 FILE SIGNATURE CHUNK NAME01!", b"Ver2.1".ljust(64, b"\0"), 32)
    chunk_map = b""
    for name, data in chunks.items():
        chunk_map += name + struct.pack("<QQ", len(content), len(data))
        add(name, data, 4072)
    chunk_map += b"ND2 CHUNK MAP SIGNATURE 0000001!" + struct.pack("<Q", len(content))
    add(b"ND2 FILEMAP SIGNATURE NAME 0001!", chunk_map, 32)
    path.write_bytes(content)
    return path


def time_loop(n):
    return {
        "eType": 1,
        "uLoopPars": {"uiCount": n, "dStart": 0.0, "dPeriod": 2000.0, "dDuration": 2000.0 * n},
    }


def position_loop(n):
    points = {f"i{number:010}": {"dPosX": 0.0, "dPosY": 0.0, "dPosZ": 0.0} for number in range(n)}
    return {"eType": 2, "uLoopPars": {"uiCount": n, "bUseZ": False, "Points": points}}


def test_an_nd2_is_read_frame_by_frame(tmp_path):
    pytest.importorskip("nd2")
    images = counts(5, 2, 20, 30)
    with open_frames(write_nd2(tmp_path / "a.nd2", images, time_loop(5)), channels="GFP") as frames:
        assert (frames.shape, frames.axis, frames.dtype) == ((5, 20, 30), "t", np.uint16)
        assert (frames.channel_names, frames.shown_channels) == (("DAPI", "GFP"), (1,))
        assert (frames.pixel_size, frames.unit) == ((0.25, 0.25), "µm")
        # when the images were taken, not when they should have been
        assert (frames.step, frames.step_unit) == (2.5, "s")
        for index in (4, 0, 2):
            np.testing.assert_array_equal(frames[index], images[index].transpose(1, 2, 0))
        with pickle.loads(pickle.dumps(frames)) as received:
            np.testing.assert_array_equal(received[3], frames[3])


def test_the_positions_of_an_nd2_are_listed_for_choice(tmp_path):
    pytest.importorskip("nd2")
    images = counts(6, 1, 20, 30)
    loop = time_loop(3) | {"uiNextLevelCount": 1, "ppNextLevelEx": {"i0000000000": position_loop(2)}}
    path = write_nd2(tmp_path / "a.nd2", images, loop)
    with pytest.raises(InputError, match=r"a\.nd2 holds 2 images: 0 \(0\), 1 \(1\); choose one with series"):
        open_frames(path)
    with open_frames(path, series=1) as frames:
        assert (frames.shape, frames.name) == ((3, 20, 30), "a_1")
        np.testing.assert_array_equal(frames[2][..., 0], images[5, 0])
    with pytest.raises(InputError, match=r"a\.nd2 has no image 2; it holds 0 \(0\), 1 \(1\)"):
        open_frames(path, series=2)


@pytest.mark.parametrize("part", [0, 0.5])
def test_a_truncated_nd2(tmp_path, part):
    pytest.importorskip("nd2")
    path = write_nd2(tmp_path / "a.nd2", counts(5, 2, 20, 30), time_loop(5))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    with pytest.raises(InputError, match=r"a\.nd2 cannot be read as ND2 .* may be truncated"):
        open_frames(path)


# -- CZI and LIF ------------------------------------------------------------------------------------


def test_a_czi_is_read_frame_by_frame(tmp_path):
    pytest.importorskip("bioio_czi")
    from pylibCZIrw import czi

    images = counts(3, 2, 2, 20, 30)
    with czi.create_czi(str(tmp_path / "a.czi")) as file:
        for time, height, channel in np.ndindex(3, 2, 2):
            plane = {"T": time, "Z": height, "C": channel}
            file.write(images[time, height, channel][..., None], plane=plane)
        names = {0: "DAPI", 1: "GFP"}
        file.write_metadata("a", channel_names=names, scale_x=1e-7, scale_y=2e-7, scale_z=5e-7)
    with open_frames(tmp_path / "a.czi", axis="z", index={"t": 2}) as frames:
        assert (frames.shape, frames.kind, frames.dtype) == ((2, 20, 30), "CZI", np.uint16)
        assert (frames.channel_names, frames.unit) == (("DAPI", "GFP"), "µm")
        assert (frames.pixel_size, frames.step) == (pytest.approx((0.2, 0.1)), pytest.approx(0.5))
        np.testing.assert_array_equal(frames[1], images[2, 1].transpose(1, 2, 0))
        with pickle.loads(pickle.dumps(frames)) as received:
            np.testing.assert_array_equal(received[0], frames[0])


@pytest.mark.parametrize("name", ["a.czi", "a.lif"])
def test_a_broken_file_of_a_microscope(tmp_path, name, caplog):
    pytest.importorskip(f"bioio_{name[2:]}")
    (tmp_path / name).write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match=rf"{name} cannot be read as {name[2:].upper()} .* may be truncated"):
        open_frames(tmp_path / name)
    assert not caplog.records  # one sentence, and no other lines beside it


@pytest.mark.parametrize("name", ["a.nd2", "a.czi", "a.lif"])
def test_what_reads_them_is_an_extra(tmp_path, monkeypatch, name):
    for module in ("nd2", "bioio_czi", "bioio_lif"):
        monkeypatch.setitem(sys.modules, module, None)
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(InputError, match=r"pip install 'napari-sam2\[bio\]', or save it as OME-TIFF"):
        open_frames(tmp_path / name)
