"""What napari saves: every writer through the manifest, each file opened by somebody else's reader."""

import json
from pathlib import Path

import geff
import highdicom
import nibabel
import numpy as np
import pydicom
import pytest
import tifffile
import yaozarrs
import zarr
from ctc_metrics.scripts.validate import validate_sequence
from napari.layers import Image, Labels, Tracks
from npe2.io_utils import _write
from PIL import Image as Picture

from napari_sam2.analysis.exports import read_sav, read_trackmate
from napari_sam2.errors import InputError
from napari_sam2.napari_reader import read_layers

MANIFEST = Path(__file__).resolve().parents[2] / "napari_sam2" / "napari.yaml"
MICRONS = {"scale": (2, 0.5, 0.25), "units": ("s", "um", "um")}


@pytest.fixture
def manager(npe2pm):
    """A plugin manager that knows this plugin alone."""
    with npe2pm.tmp_plugin(manifest=str(MANIFEST)):
        yield npe2pm


@pytest.fixture
def save(manager, tmp_path: Path):
    def save(name, *layers):
        (written,) = _write(tmp_path / name, list(layers), _pm=manager)
        assert Path(written) == tmp_path / name
        return tmp_path / name

    return save


@pytest.fixture
def data() -> np.ndarray:
    data = np.zeros((4, 20, 30), np.int32)
    for frame in range(4):
        data[frame, 2:8, 3 + 2 * frame : 9 + 2 * frame] = 7
    return data


def test_ctc(save, data):
    assert validate_sequence(str(save("a.ctc", Labels(data))), threads=1)["Valid"] == 1


def test_coco_and_sav(save, data):
    content = json.loads(save("a.json", Labels(data, name="cells")).read_text())
    assert content["videos"][0]["name"] == "cells" and len(content["annotations"]) == 4
    assert json.loads(save("a.coco.json", Labels(data)).read_text())["tracks"][0]["id"] == 7
    found = read_sav(save("a.sav.json", Labels(data, **MICRONS)))
    assert found.step == 2
    np.testing.assert_array_equal(found[2], data[2])


def test_davis(save, data):
    np.testing.assert_array_equal(
        np.asarray(Picture.open(save("a.davis", Labels(data)) / "00003.png")), data[3]
    )


@pytest.mark.parametrize(
    ("place", "shape", "zooms", "units"),
    [
        (MICRONS, (30, 20, 1, 4), (0.25, 0.5, 1, 2), ("micron", "sec")),
        ({"scale": (2, 0.5, 0.25), "units": ("um",) * 3}, (30, 20, 4), (0.25, 0.5, 2), ("micron", "unknown")),
        ({"axis_labels": "zyx"}, (30, 20, 4), (1, 1, 1), ("unknown", "unknown")),
        ({}, (30, 20, 1, 4), (1, 1, 1, 1), ("unknown", "unknown")),
    ],
)
def test_nifti_knows_time_from_depth(save, data, place, shape, zooms, units):
    found = nibabel.load(save("a.nii.gz", Labels(data, **place)))
    assert found.shape == shape and found.header.get_zooms() == zooms
    assert found.header.get_xyzt_units() == units
    np.testing.assert_array_equal(np.squeeze(np.asarray(found.dataobj)).T, data)


def test_ome_tiff_and_ome_zarr_with_the_image(save, data):
    path = save("a.ome.tif", Labels(data, **MICRONS))
    np.testing.assert_array_equal(tifffile.imread(path), data)
    with tifffile.TiffFile(path) as tiff:
        assert 'PhysicalSizeX="0.25"' in tiff.ome_metadata
    path = save("a.ome.zarr", Labels(data, **MICRONS), Image(data * 3, **MICRONS))
    yaozarrs.validate_zarr_store(path)
    np.testing.assert_array_equal(zarr.open_array(path / "0", mode="r")[:], data * 3)
    assert (save("b.ome.zarr", Labels(data)) / "labels/objects/0").is_dir()


def test_dicom_seg_of_the_images_that_were_opened(save, data, tmp_path, shared_data):
    folder = shared_data / "dicom" / "ct-3slice"
    ((image, place, _),) = read_layers(str(folder))
    scan = Image(np.asarray(image), **place)
    masks = np.zeros(image.shape, np.int32)
    masks[1, 100:120, 200:230] = 4
    found = highdicom.seg.segread(save("a.seg.dcm", Labels(masks), scan))
    assert found.number_of_segments == 1
    assert found.get_volume().array.sum() == 20 * 30
    files = {pydicom.dcmread(file).SOPInstanceUID for file in folder.iterdir()}
    assert {uids[-1] for uids in found.get_source_image_uids()} == files
    for layers in ((Labels(masks),), (Labels(masks), Image(np.asarray(image)))):
        with pytest.raises(InputError, match="opened from DICOM"):
            save("b.dcm", *layers)


def test_volumes_in_time(save, data):
    volumes = np.stack([data, data], axis=1)
    found = nibabel.load(save("a.nii", Labels(volumes, scale=(2, 3, 1, 1), units=("s", "um", "um", "um"))))
    assert found.shape == (30, 20, 2, 4) and found.header.get_zooms() == (1, 1, 3, 2)
    with pytest.raises(InputError, match="4 dimensions"):
        save("a.json", Labels(volumes))


@pytest.fixture
def tracks() -> Tracks:
    points = np.array([[1, 0, 4, 5], [1, 1, 5, 6], [2, 2, 6, 7], [3, 2, 2, 2], [3, 4, 3, 3]], float)
    return Tracks(points, graph={2: [1], 3: [1]}, features={"area": [1.0, 2, 3, 4, 5]}, **MICRONS)


def test_geff(save, tracks):
    graph, metadata = geff.read(save("a.geff", tracks))
    assert sorted(graph.edges) == [(0, 1), (1, 2), (1, 3), (3, 4)]
    assert [graph.nodes[node]["area"] for node in sorted(graph)] == [1, 2, 3, 4, 5]
    assert [(axis.scale, axis.scaled_unit) for axis in metadata.axes][:2] == [
        (2, "second"),
        (0.5, "micrometer"),
    ]
    assert graph.nodes[1]["y"] == 5


def test_trackmate(save, tracks):
    table, parents = read_trackmate(save("a.xml", tracks))
    assert parents == {2: 1, 3: 1} and table["centroid_x"].tolist() == [1.25, 1.5, 1.75, 0.5, 0.75]


def test_layers_that_do_not_fit(save, data, tracks, tmp_path):
    with pytest.raises(InputError, match="depth"):
        save("a.ctc", Labels(data, axis_labels="zyx"))
    with pytest.raises(InputError, match="select the labels layer alone"):
        save("a.ctc", Labels(data), Image(data))
    with pytest.raises(InputError, match="2 dimensions"):
        save("a.nii", Labels(data[0]))
    merging = Tracks(tracks.data, graph={3: [1, 2]})
    with pytest.raises(InputError, match="track 3 has several parents"):
        save("a.geff", merging)
    assert not list(tmp_path.iterdir())


def test_a_name_without_an_ending_stays_with_napari(manager):
    """Our writers come after napari's own for labels, which is one that takes labels alone."""
    writers = [writer for writer in manager.iter_compatible_writers(["labels"])]
    assert writers and all(len(writer.layer_types) == 2 for writer in writers)
