"""What docs/formats.md says of each format is true of a file that was written just now."""

import json
from contextlib import ExitStack
from pathlib import Path
from xml.etree import ElementTree

import av
import geff
import highdicom
import nibabel
import numpy as np
import pyarrow.parquet
import pytest
import tifffile
import yaml
import zarr

from napari_sam2.analysis import mark_divisions, measure_lineage, read_table, write_table
from napari_sam2.analysis.exports import read_sav
from napari_sam2.analysis.exports.formats import CARRIED, FORMATS, formats_page
from napari_sam2.export import WRITERS, export
from napari_sam2.exportable import open_exportable
from napari_sam2.frames import open_frames
from napari_sam2.readers import get_reader
from napari_sam2.run import measure_to_folder

ROOT = Path(__file__).resolve().parents[3]
BY_NAME = {one.name: one for one in FORMATS}
SIZE, STEP = 0.5, 0.25


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    """Object 1 moves; object 2 divides on frame 3, from where on object 3 is the other half."""
    labels = np.zeros((6, 64, 80), np.uint16)
    for frame in range(6):
        labels[frame, 4 + frame : 14 + frame, 6:20] = 1
    labels[:, 40:50, 20:30] = 2
    labels[:3, 40:50, 30:40] = 2
    labels[3:, 40:50, 30:40] = 3
    return labels


@pytest.fixture(scope="module")
def results(labels, tmp_path_factory) -> Path:
    """A folder of results with a pixel size, a step, a lineage and names; movie.tif beside it."""
    place = tmp_path_factory.mktemp("results")
    tifffile.imwrite(place / "movie.tif", labels * 50, imagej=True, metadata={"axes": "TYX"})
    folder = place / "results"
    with open_frames(place / "movie.tif", pixel_size=SIZE, step=STEP) as frames:
        measure_to_folder(frames, labels, folder)
    tifffile.imwrite(folder / "labels.tif", labels, imagej=True, metadata={"axes": "TYX"})
    regions = read_table(folder / "regions.csv")
    lineage = measure_lineage(regions, mark_divisions(regions, [(2, 3, [2, 3])]))
    write_table(lineage, folder / "lineage.csv")
    edits = [{"kind": "rename_object", "object_id": 1, "name": "grasper"}]
    (folder / "session.json").write_text(json.dumps({"edits": edits}))
    return folder


@pytest.fixture
def written(results, tmp_path):
    """Write a format and return where it is."""

    def write(name: str, out: str | None = None, **more) -> Path:
        path = tmp_path / (out or BY_NAME[name].out)
        said = {"image": results.parent / "movie.tif", "pixel_size": SIZE, "step": STEP, **more}
        export(results, path, name, **said)
        return path

    return write


def of_ctc(path: Path) -> set[str]:
    rows = np.loadtxt(path / "res_track.txt", int)
    assert tifffile.imread(path / "mask000.tif").any()
    return {"masks", "tracks", *["lineage"] * bool(rows[:, 3].any())}


def of_geff(path: Path) -> set[str]:
    graph, about = geff.read(path)
    scales = [axis.scale for axis in about.axes]
    found = {"tracks": len(graph.edges), "lineage": max(d for _, d in graph.out_degree()) == 2}
    found |= {"step": scales[0] == STEP, "pixel size": scales[-1] == SIZE}
    return {
        *(key for key, there in found.items() if there),
        *["numbers"] * ("area" in about.node_props_metadata),
    }


def of_trackmate(path: Path) -> set[str]:
    root = ElementTree.parse(path).getroot()
    spots, edges = root.findall(".//Spot"), root.findall(".//Edge")
    image = root.find("Settings/ImageData")
    starts = [edge.get("SPOT_SOURCE_ID") for edge in edges]
    found = {"masks": all(spot.get("ROI_N_POINTS") for spot in spots), "tracks": edges}
    found |= {"lineage": len(set(starts)) < len(starts), "numbers": "AREA" in spots[0].attrib}
    found |= {"pixel size": float(image.get("pixelwidth")) == SIZE}
    found |= {"step": float(image.get("timeinterval")) == STEP}
    return {key for key, there in found.items() if there}


def of_json(path: Path) -> set[str]:
    """COCO and YouTube-VIS."""
    content = json.loads(path.read_text())
    names = {one["name"] for one in content["categories"]}
    records = content["annotations"]
    assert records[0].get("segmentation") or records[0]["segmentations"]
    return {"masks", "tracks", *["names"] * ("grasper" in names)}


def of_sav(path: Path) -> set[str]:
    masklets = read_sav(path)
    return {"masks", "tracks", *["step"] * (masklets.step == STEP)} if masklets[0].any() else set()


def of_davis(path: Path) -> set[str]:
    return {"masks", "tracks"} if len(list(path.glob("*.png"))) == 6 else set()


def of_nifti(path: Path) -> set[str]:
    image = nibabel.load(path)
    zooms = image.header.get_zooms()
    found = {"masks": np.asarray(image.dataobj).any(), "tracks": True}
    found |= {"pixel size": zooms[0] == SIZE, "step": zooms[-1] == STEP}
    return {key for key, there in found.items() if there}


def of_ome_zarr(path: Path) -> set[str]:
    labels = zarr.open_group(path / "labels/objects", mode="r").attrs["ome"]["multiscales"][0]
    *_, scale = (one["scale"] for one in labels["datasets"][0]["coordinateTransformations"])
    found = {"image": (path / "0").exists(), "step": scale[0] == STEP, "pixel size": scale[-1] == SIZE}
    return {"masks", "tracks", *(key for key, there in found.items() if there)}


def of_ome_tiff(path: Path) -> set[str]:
    with tifffile.TiffFile(path) as file:
        pixels = ElementTree.fromstring(file.ome_metadata).find("{*}Image/{*}Pixels")
    found = {"pixel size": "PhysicalSizeX", "step": "TimeIncrement"}
    values = {"pixel size": SIZE, "step": STEP}
    return {
        "masks",
        "tracks",
        *(key for key, name in found.items() if float(pixels.get(name)) == values[key]),
    }


def of_mp4(path: Path) -> set[str]:
    with av.open(str(path)) as movie:
        return {"image", *["step"] * (movie.streams.video[0].average_rate == 1 / STEP)}


def of_parquet(path: Path) -> set[str]:
    about = json.loads(pyarrow.parquet.read_schema(path / "regions.parquet").metadata[b"napari_sam2"])
    found = {"tracks": "tracks", "lineage": "lineage", "numbers": "regions"}
    there = {key for key, name in found.items() if (path / f"{name}.parquet").is_file()}
    return there | {key for key, name in (("pixel size", "pixel_size"), ("step", "step")) if about[name]}


PROBES = {
    "ctc": of_ctc,
    "geff": of_geff,
    "trackmate": of_trackmate,
    "coco": of_json,
    "youtube-vis": of_json,
    "sav": of_sav,
    "davis": of_davis,
    "nifti": of_nifti,
    "ome-zarr": of_ome_zarr,
    "ome-tiff": of_ome_tiff,
    "mp4": of_mp4,
    "parquet": of_parquet,
}


def test_the_page_is_current():
    page = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    assert page == formats_page(), "run: python -m napari_sam2.analysis.exports.formats docs/formats.md"


def test_every_writer_is_on_the_page():
    assert set(BY_NAME) == set(WRITERS) == {*PROBES, "dicom-seg"}
    assert all(set(one.carries) <= set(CARRIED) for one in FORMATS)


@pytest.mark.parametrize("name", PROBES)
def test_a_file_carries_what_the_page_says(written, name):
    # A place in space comes from a NIfTI or DICOM image: see the tests of the command.
    assert PROBES[name](written(name)) == set(BY_NAME[name].carries) - {"place"}


def test_a_dicom_seg_carries_what_the_page_says(shared_data, tmp_path):
    masks = np.zeros((3, 512, 512), np.uint16)
    masks[1, 100:120, 100:120] = 6
    tifffile.imwrite(tmp_path / "ct.tif", masks, imagej=True, metadata={"axes": "ZYX"})
    (tmp_path / "results").mkdir()
    (tmp_path / "ct.tif").rename(tmp_path / "results" / "labels.tif")
    edits = [{"kind": "rename_object", "object_id": 6, "name": "liver"}]
    (tmp_path / "results" / "session.json").write_text(json.dumps({"edits": edits}))
    source = shared_data / "dicom" / "ct-3slice"
    export(tmp_path / "results", tmp_path / "seg.dcm", "dicom-seg", image=source, axis="z")
    seg = highdicom.seg.segread(tmp_path / "seg.dcm")
    volume = seg.get_volume()
    with open_frames(source) as frames:
        sizes = frames.pixel_size
    found = {"masks": volume.array.sum() == 400, "pixel size": volume.spacing[1:] == pytest.approx(sizes)}
    found |= {"names": seg.get_segment_description(1).segment_label == "liver"}
    found |= {"place": volume.frame_of_reference_uid is not None}
    assert {key for key, there in found.items() if there} == set(BY_NAME["dicom-seg"].carries)


@pytest.mark.parametrize("name", [one.name for one in FORMATS if one.opened])
def test_what_is_read_too_comes_back(written, labels, name):
    path = written(name)
    if name in ("geff", "trackmate"):
        ((data, *_),) = get_reader(str(path))(str(path))
        assert len(data) == 15
        return
    with ExitStack() as opened:
        given = open_exportable(path / "labels/objects" if name == "ome-zarr" else path, opened)
        found = np.stack([np.asarray(given.labels[frame]) for frame in range(6)])
        # The Cell Tracking Challenge gives the half that goes on an id of its own.
        found[(found == 4) & (name == "ctc")] = 2
        np.testing.assert_array_equal(found, labels)


def test_napari_saves_under_the_endings_of_the_page():
    manifest = yaml.safe_load((ROOT / "napari_sam2" / "napari.yaml").read_text(encoding="utf-8"))
    endings = {one["filename_extensions"][0] for one in manifest["contributions"]["writers"]}
    assert endings == {one.saved_as for one in FORMATS if one.saved_as}
