"""`napari-sam2 demo`: the first thing that a newcomer runs."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from napari_sam2.cli.main import run
from napari_sam2.sample_data import load_sample


def test_the_demo_follows_its_cells(here: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["demo"]) == 0
    told = capsys.readouterr().out
    out = here / "demo_output"
    assert told.splitlines()[-1].split(maxsplit=1) == ["overlay", str(out / "overlay.png")]
    first = pd.read_csv(out / "regions.csv").iloc[0]
    header, row = told.splitlines()[5:7]
    shown = dict(zip(header.split(), row.split(), strict=True))
    assert shown["object_id"] == str(int(first["object_id"]))
    assert shown["area"] == f"{first['area']:.2f}"

    # Eight cells are prompted; a person would say of most of them that they were followed.
    found, (_, truth, _) = tifffile.imread(out / "labels.tif"), load_sample("cells_time")
    ious = []
    for object_id in np.unique(found)[1:]:
        for frame in range(len(truth)):
            a, b = found[frame] == object_id, truth[frame] == object_id
            if b.any():
                ious.append((a & b).sum() / (a | b).sum())
    assert np.mean(ious) > 0.6
    assert np.mean(np.array(ious) > 0.5) > 0.7

    assert run(["demo"]) == 2
    assert "--overwrite" in capsys.readouterr().err
