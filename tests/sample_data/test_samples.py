"""The bundled files load without torch, are small, and their prompts hit their objects."""

import csv
import subprocess
import sys

import numpy as np
import pytest
import tifffile

from napari_sam2.sample_data import SAMPLES, load_sample, sample_path

NAMES = tuple(SAMPLES)


def test_importing_and_loading_needs_no_torch():
    code = (
        "import sys; from napari_sam2.sample_data import load_sample; load_sample('nuclei_z'); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("name", NAMES)
def test_images_and_labels_fit_each_other_and_are_small(name: str):
    images, labels, info = load_sample(name)
    assert labels.shape == images.shape[:3]
    assert images.dtype == (np.uint8 if images.ndim == 4 else np.uint16)
    assert len(np.unique(labels)) > 3
    assert sample_path(name).stat().st_size < 1.5e6
    assert info.axis in "tz"


@pytest.mark.parametrize("name", NAMES)
def test_the_files_carry_their_axes_and_units(name: str):
    info = SAMPLES[name]
    with tifffile.TiffFile(sample_path(name)) as file:
        assert file.is_ome and file.ome_metadata is not None
        assert file.series[0].axes.startswith(f"{info.axis.upper()}YX")
        metadata = file.ome_metadata
    if info.pixel_size is not None:
        assert f'PhysicalSizeY="{info.pixel_size[0]}"' in metadata and 'PhysicalSizeYUnit="µm"' in metadata
    step = "PhysicalSizeZ" if info.axis == "z" else "TimeIncrement"
    assert f'{step}="{info.step}"' in metadata


@pytest.mark.parametrize("name", NAMES)
def test_every_prompt_hits_its_object(name: str):
    _, labels, _ = load_sample(name)
    with open(sample_path(name, "prompts"), encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["kind"] for row in rows} == {"point", "box"}
    for row in rows:
        mask = labels[int(row["frame"])] == int(row["object_id"])
        y, x = int(row["y"]), int(row["x"])
        if row["kind"] == "point":
            assert mask[y, x] and row["label"] == "1"
        else:
            ys, xs = np.nonzero(mask)
            assert (y, x) == (ys.min(), xs.min())
            assert (int(row["y1"]), int(row["x1"])) == (ys.max(), xs.max())


def test_cells_divide_and_an_instrument_overlaps_another():
    cells = load_sample("cells_time")[1]
    first, last = set(np.unique(cells[0])), set(np.unique(cells[-1]))
    assert len(last - first) >= 4 and len(first - last) >= 2
    tools = load_sample("instruments_rgb")[1]
    beside = (tools[..., 1:] != tools[..., :-1]) & (tools[..., 1:] > 0) & (tools[..., :-1] > 0)
    assert beside.any()


def test_an_unknown_sample_is_told_with_the_known_ones():
    with pytest.raises(ValueError, match="no sample 'cell'; the samples are cells_time"):
        load_sample("cell")
