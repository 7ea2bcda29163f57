"""`napari-sam2 export`: results and label images out, each opened by somebody else's reader."""

import json
import typing
from pathlib import Path

import av
import geff
import nibabel
import numpy as np
import pandas as pd
import pytest
import tifffile
import yaozarrs
import zarr
from ctc_metrics.scripts.validate import validate_sequence
from PIL import Image
from pycocotools.coco import COCO

from napari_sam2.analysis import mark_divisions, measure_lineage, read_table, write_table
from napari_sam2.analysis.exports import read_sav, read_trackmate, write_ctc
from napari_sam2.analysis.results import TABLES
from napari_sam2.cli.export import Format
from napari_sam2.cli.main import run
from napari_sam2.export import WRITERS


@pytest.fixture
def labels() -> np.ndarray:
    """Object 1 moves; object 2 divides on frame 3, from where on object 3 is the other half."""
    labels = np.zeros((6, 64, 80), np.uint16)
    for frame in range(6):
        labels[frame, 4 + frame : 14 + frame, 6:20] = 1
    labels[:, 40:50, 20:30] = 2
    labels[:3, 40:50, 30:40] = 2
    labels[3:, 40:50, 30:40] = 3
    labels[3:, 40:50, 29] = 0
    return labels


@pytest.fixture
def results(here: Path, labels: np.ndarray) -> Path:
    """A folder as `track` writes it, with a lineage and a name given to an object; volume.tif beside it."""
    tifffile.imwrite("labels.tif", labels, imagej=True, metadata={"axes": "TYX"})
    assert (
        run(["measure", "movie.tif", "labels.tif", "--out", "results", "--pixel-size", "0.5", "--step", "30"])
        == 0
    )
    folder = here / "results"
    (here / "labels.tif").rename(folder / "labels.tif")
    tifffile.imwrite("volume.tif", labels, imagej=True, metadata={"axes": "ZYX"})
    regions = read_table(folder / "regions.csv")
    divisions = mark_divisions(regions, [(2, 3, [2, 3])])
    write_table(measure_lineage(regions, divisions), folder / "lineage.csv")
    named = {"kind": "group", "edits": [{"kind": "rename_object", "object_id": 1, "name": "grasper"}]}
    (folder / "session.json").write_text(json.dumps({"edits": [{"kind": "lock", "object_id": 1}, named]}))
    return folder


def export(kind: str, out: str, *more: str) -> Path:
    assert run(["export", "results", "--format", kind, "--out", out, *more]) == 0
    return Path(out)


SIZES = ["--pixel-size", "0.5", "--step", "30"]
IMAGE = ["--image", "movie.tif", *SIZES]


def test_every_format_of_the_command_has_a_writer():
    (choices, _) = typing.get_args(Format)
    assert set(typing.get_args(choices)) == set(WRITERS)


def test_ctc(results: Path, capsys: pytest.CaptureFixture[str]):
    folder = export("ctc", "01_RES")
    assert capsys.readouterr().out.splitlines()[-1] == "01_RES"
    assert validate_sequence(str(folder), threads=1)["Valid"] == 1
    assert (folder / "res_track.txt").read_text() == "1 0 5 0\n2 0 2 0\n3 3 5 2\n4 3 5 2\n"


def test_geff_has_the_lineage_and_the_measured_numbers(results: Path):
    graph, metadata = geff.read(export("geff", "a.geff"))
    assert sorted(degree for _, degree in graph.out_degree()) == [0, 0, 0, *[1] * 11, 2]
    assert metadata.axes[1].scaled_unit == "micrometer"
    table = pd.read_csv(results / "regions.csv")
    assert sorted(data["area"] for _, data in graph.nodes(data=True)) == sorted(table["area"])


def test_trackmate_has_outlines_and_the_image(results: Path, here: Path):
    path = export("trackmate", "a.xml", *IMAGE)
    text = path.read_text(encoding="utf-8")
    assert "ROI_N_POINTS" in text and f'filename="movie.tif" folder="{here}"' in text
    assert read_trackmate(path)[1] == {3: 2}


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_coco_has_the_names_as_categories(results: Path, labels: np.ndarray):
    coco = COCO(export("coco", "a.json"))
    assert {category["name"] for category in coco.loadCats(coco.getCatIds())} == {"grasper", "object"}
    (record,) = coco.loadAnns(coco.getAnnIds(imgIds=[5], catIds=coco.getCatIds(catNms=["grasper"])))
    np.testing.assert_array_equal(coco.annToMask(record) == 1, labels[4] == 1)
    content = json.loads(export("youtube-vis", "b.json").read_text())
    assert len(content["annotations"]) == 3


def test_sav_and_back(results: Path, labels: np.ndarray):
    path = export("sav", "a.json", *IMAGE)
    assert read_sav(path).step == 30
    assert run(["export", str(path), "--format", "davis", "--out", "masks"]) == 0
    np.testing.assert_array_equal(np.asarray(Image.open("masks/00004.png")), labels[4])
    assert run(["export", "masks", "--format", "nifti", "--out", "a.nii", "--pixel-size", "2"]) == 0
    assert nibabel.load("a.nii").header.get_zooms() == (2, 2, 1, 1)


def test_nifti_takes_its_place_from_a_nifti(results: Path, labels: np.ndarray):
    affine = np.array([[0, 2.0, 0, 1], [-3, 0, 0, 2], [0, 0, 4, 3], [0, 0, 0, 1]])
    nibabel.save(
        nibabel.Nifti1Image(np.arange(80 * 64 * 6, dtype=np.int16).reshape(80, 64, 6), affine), "scan.nii"
    )
    words = ["export", "volume.tif", "--format", "nifti", "--out", "a.nii.gz", "--image", "scan.nii"]
    assert run(words) == 0
    found = nibabel.load("a.nii.gz")
    np.testing.assert_allclose(found.affine, affine)
    np.testing.assert_array_equal(np.asarray(found.dataobj).T, labels)


def test_dicom_seg(results: Path, shared_data: Path):
    masks = np.zeros((3, 512, 512), np.uint16)
    masks[1, 100:120, 100:120] = 6
    tifffile.imwrite("ct.tif", masks, imagej=True, metadata={"axes": "ZYX"})
    words = ["export", "ct.tif", "--format", "dicom-seg", "--out", "seg.dcm", "--axis", "z"]
    assert run([*words, "--image", str(shared_data / "dicom" / "ct-3slice")]) == 0
    import highdicom

    assert highdicom.seg.segread("seg.dcm").number_of_segments == 1


def test_ome_zarr_and_ome_tiff(results: Path, labels: np.ndarray):
    path = export("ome-zarr", "a.zarr", *IMAGE)
    yaozarrs.validate_zarr_store(path)
    np.testing.assert_array_equal(zarr.open_array(path / "labels/objects/0", mode="r")[:], labels)
    np.testing.assert_array_equal(zarr.open_array(path / "0", mode="r")[:, 0], tifffile.imread("movie.tif"))
    np.testing.assert_array_equal(tifffile.imread(export("ome-tiff", "a.ome.tif")), labels)


def test_mp4(results: Path):
    with av.open(str(export("mp4", "a.mp4", *IMAGE))) as movie:
        assert sum(1 for _ in movie.decode(video=0)) == 6


def test_parquet_has_every_table(results: Path):
    folder = export("parquet", "tables")
    assert {path.stem for path in folder.iterdir()} == set(TABLES["t"])
    found = pd.read_parquet(folder / "regions.parquet")
    assert found["area"].tolist() == pd.read_csv(results / "regions.csv")["area"].tolist()


def test_label_images_are_measured_where_tables_are_asked_for(here: Path, labels: np.ndarray):
    write_ctc(labels, "01_RES", parents={3: 2})
    words = ["export", "01_RES", "--format"]
    assert run([*words, "parquet", "--out", "tables", *IMAGE]) == 0
    assert pd.read_parquet("tables/regions.parquet")["intensity_mean_ch0"].notna().all()
    assert run([*words, "geff", "--out", "a.geff"]) == 0
    assert geff.read("a.geff")[0].number_of_nodes() == 15
    write_ctc(np.stack([labels, labels], axis=1), "3d")
    assert run(["export", "3d", "--format", "geff", "--out", "b.geff", "--pixel-size", "0.5"]) == 0
    assert [axis.name for axis in geff.read("b.geff")[1].axes] == ["t", "z", "y", "x"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["results", "--format", "ctc", "--out", "movie.tif"], "movie.tif exists already"),
        (["results", "--format", "mp4", "--out", "x.mp4"], "add --image"),
        (["results", "--format", "dicom-seg", "--out", "x.dcm"], "add --image"),
        (["results", "--format", "dicom-seg", "--out", "x.dcm", "--image", "movie.tif"], "not a DICOM file"),
        (["results", "--format", "nifti", "--out", "x.img"], "ends with .nii"),
        (["results", "--format", "gif", "--out", "x"], "youtube-vis"),
        (["results", "--format", "coco", "--out", "away/x.json"], "away"),
        (["missing", "--format", "ctc", "--out", "x"], "no file or folder missing"),
        (["volume.tif", "--format", "ctc", "--out", "x"], "follow depth"),
        (["movie.tif", "--format", "davis", "--out", "x"], "holds ids up to 255"),
    ],
)
def test_mistakes_are_told_in_one_sentence_and_leave_nothing(results: Path, refused, words, told):
    assert told in refused("export", *words)


def test_results_without_masks(results: Path, refused):
    (results / "labels.tif").unlink()
    assert "no labels.tif" in refused("export", "results", "--format", "davis", "--out", "x")
    assert run(["export", "results", "--format", "geff", "--out", "a.geff"]) == 0


def test_a_damaged_session_and_a_broken_folder(results: Path, labels: np.ndarray, refused):
    (results / "session.json").write_text('{"edits": 3}')
    assert "session.json is damaged" in refused("export", "results", "--format", "coco", "--out", "x.json")
    write_ctc(labels, "01_RES")
    Path("01_RES/res_track.txt").write_text("1 0 5\n2 0 9 0\n")
    told = refused("export", "01_RES", "--format", "coco", "--out", "x.json")
    assert "Line 1 of res_track.txt is '1 0 5'" in told and "end on frame 9" in told
