"""Which format carries what, who reads it, and the page that says so.

`python -m napari_sam2.analysis.exports.formats docs/formats.md` writes the page.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

CARRIED = ("masks", "tracks", "lineage", "pixel size", "step", "numbers", "image", "names", "place")


@dataclass(frozen=True)
class Format:
    """One format that results are written in.

    Attributes
    ----------
    name : str
        What ``napari-sam2 export --format`` calls it.
    out : str
        A file name as an example.
    what : str
        In words.
    carries : tuple of str
        Of `CARRIED`: what is found in the file again, where the results have it.
    read_by : str
        Programs and packages that open it.
    checked : str
        The reader that the tests open it with.
    saved_as : str
        Ending under which napari saves a layer so; empty where it does not.
    opened : bool
        Whether it is read too: as the source of an export, and by napari.
    remark : str
        What to know before choosing it.
    """

    name: str
    out: str
    what: str
    carries: tuple[str, ...]
    read_by: str
    checked: str
    saved_as: str = ""
    opened: bool = False
    remark: str = ""


_SIZED = ("pixel size", "step")
FORMATS = (
    Format(
        "ctc",
        "01_RES",
        "Cell Tracking Challenge folder: a mask for each frame and the table of tracks",
        ("masks", "tracks", "lineage"),
        "the challenge's programs, traccuracy, Trackastra, Fiji",
        "py-ctcmetrics",
        ".ctc",
        True,
        "ids up to 65535; an object that vanishes and comes back, or divides, becomes several tracks",
    ),
    Format(
        "geff",
        "tracks.geff",
        "GEFF, a graph of tracks with every number of the region table",
        ("tracks", "lineage", *_SIZED, "numbers"),
        "funtracks, Mastodon, TrackMate, traccuracy",
        "geff and its validator",
        ".geff",
        True,
    ),
    Format(
        "trackmate",
        "tracks.xml",
        "TrackMate XML: spots with outlines, tracks, features",
        ("masks", "tracks", "lineage", *_SIZED, "numbers"),
        "TrackMate in Fiji",
        "the converter of geff",
        ".trackmate.xml",
        True,
        "masks as one outline for each object: holes and further parts are left out",
    ),
    Format(
        "coco",
        "masks.json",
        "COCO: a run-length encoded mask for each object and frame",
        ("masks", "tracks", "names"),
        "pycocotools, detectron2, FiftyOne, CVAT",
        "pycocotools",
        ".coco.json",
    ),
    Format(
        "youtube-vis",
        "masks.json",
        "YouTube-VIS: a record for each object with its mask on every frame",
        ("masks", "tracks", "names"),
        "video instance segmentation models, detectron2, mmtracking",
        "pycocotools, for the masks",
    ),
    Format(
        "sav",
        "masklets.json",
        "SA-V masklets, the format of SAM 2's own data set",
        ("masks", "tracks", "step"),
        "the training and viewing programs of SAM 2",
        "pycocotools, for the masks",
        ".sav.json",
        True,
        "the step as frames a second",
    ),
    Format(
        "davis",
        "masks",
        "a palette PNG for each frame, as DAVIS and YouTube-VOS have them",
        ("masks", "tracks"),
        "video object segmentation benchmarks; any image program",
        "Pillow",
        ".davis",
        True,
        "ids up to 255",
    ),
    Format(
        "dicom-seg",
        "seg.dcm",
        "DICOM segmentation that belongs to the DICOM images given as --image",
        ("masks", "pixel size", "names", "place"),
        "3D Slicer, OHIF, Weasis, highdicom",
        "highdicom, pydicom and dciodvfy",
        ".seg.dcm",
        remark="each object a segment; its id in the tracking identifier; images must have a place in space",
    ),
    Format(
        "nifti",
        "masks.nii.gz",
        "NIfTI, at the place of a DICOM or NIfTI --image",
        ("masks", "tracks", *_SIZED, "place"),
        "ITK-SNAP, 3D Slicer, FSL, nibabel",
        "nibabel",
        ".nii.gz",
        True,
    ),
    Format(
        "ome-zarr",
        "labels.zarr",
        "OME-Zarr 0.5 labels, with the --image where it is given",
        ("masks", "tracks", *_SIZED, "image"),
        "napari-ome-zarr, Fiji with MoBIE, vizarr, yaozarrs",
        "yaozarrs and zarr",
        ".ome.zarr",
        True,
        "read again as labels.zarr/labels/objects",
    ),
    Format(
        "ome-tiff",
        "labels.ome.tif",
        "OME-TIFF of the label images",
        ("masks", "tracks", *_SIZED),
        "Fiji with Bio-Formats, QuPath, napari, tifffile",
        "tifffile",
        ".ome.tif",
        True,
    ),
    Format(
        "mp4",
        "look.mp4",
        "the --image with outlines, to look at",
        ("image", "step"),
        "any player",
        "PyAV",
        remark="ten frames a second where the step is unknown, above half a second or below 1/120 s",
    ),
    Format(
        "parquet",
        "tables",
        "every table of the results, each column with its unit and meaning",
        ("tracks", "lineage", *_SIZED, "numbers"),
        "pandas, polars, R arrow, DuckDB",
        "pyarrow and pandas",
    ),
)

_HEAD = """# Formats in and out

## Results out

`napari-sam2 export RESULTS --format NAME --out FILE` writes the results of `track` and `measure`, or label
images from elsewhere, in the formats below. All but mp4 keep the objects' ids. **Lineage** is that of
`lineage.csv`: [measurements.md](measurements.md) says where it comes from. What the results do not have, the
file does not have: without a pixel size there is none.

"""
_TAIL = """
The folder of results itself holds `labels.tif`, an OME-TIFF, and the tables as CSV, each with its description
beside it. `napari-sam2 score` compares such a folder, or any label images, with a truth.

## Masks and tracks in

What is marked **in** above opens in napari (File > Open), and is taken by `export` in place of a folder of
results, so that one of these formats becomes another:

```sh
napari-sam2 export 01_RES --format trackmate --out tracks.xml --pixel-size 0.65 --step 300
napari-sam2 export sav_000001_manual.json --format davis --out masks
```

GEFF and TrackMate files hold no masks and open in napari alone. In Python, `napari_sam2.analysis.exports` has
a `write_` and, where there is one, a `read_` function for each.

## Images in

| kind | endings | needs |
|---|---|---|
| TIFF, OME-TIFF, ImageJ, BigTIFF | .tif, .tiff | |
| Zarr, OME-Zarr, also by address | .zarr | the extra `remote` for addresses |
| folder of images | .png, .jpg, .tif, ... | |
| video | .mp4, .mov, .avi, .mkv, .webm, ... | the extra `video` |
| DICOM: file, folder, zip, DICOMDIR | .dcm, .zip, none | the extra `dicom` for compressed pixels |
| NIfTI | .nii, .nii.gz | the extra `nifti` |
| ND2, CZI, LIF | .nd2, .czi, .lif | the extra `bio` |

`napari-sam2 info FILE` says what is understood of one. Label images are read from all of them.
"""


def formats_page() -> str:
    """The text of `docs/formats.md`."""
    head = ["format", *CARRIED, "in", "napari saves as"]
    rows = [head, ["---"] * len(head)]
    for one in FORMATS:
        marks = ["yes" if what in one.carries else "" for what in CARRIED]
        saved = f"`{one.saved_as}`" if one.saved_as else ""
        rows.append([f"[{one.name}](#{one.name})", *marks, "yes" if one.opened else "", saved])
    lines = [_HEAD + "\n".join("| " + " | ".join(row) + " |" for row in rows), ""]
    for one in FORMATS:
        image = " --image movie.tif" if "image" in one.carries else ""
        image = " --image series/" if one.name == "dicom-seg" else image
        remark = f" To know: {one.remark}." if one.remark else ""
        lines += [
            f"### {one.name}",
            "",
            f"{one.what[0].upper()}{one.what[1:]}.{remark}",
            "",
            f"- read by: {one.read_by}; the tests open it with {one.checked}",
            f"- `napari-sam2 export results --format {one.name} --out {one.out}{image}`",
            "",
        ]
    return "\n".join(lines) + _TAIL


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(formats_page(), encoding="utf-8", newline="\n")
