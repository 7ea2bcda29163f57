"""Packages that only some formats need: without one the others work, and a sentence says what to install."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from napari_sam2.analysis import MeasureError, exports, measure_regions

LABELS = np.ones((2, 4, 4), np.uint8)


@pytest.mark.parametrize(
    ("package", "write"),
    [
        ("geff", lambda path: exports.write_geff(measure_regions(LABELS), path)),
        ("geff", lambda path: exports.read_geff(path)),
        ("pycocotools", lambda path: exports.write_coco(LABELS, path)),
        ("pycocotools", lambda path: exports.write_youtube_vis(LABELS, path)),
        ("pycocotools", lambda path: exports.write_sav(LABELS, path)),
        ("highdicom", lambda path: exports.write_dicom_seg(LABELS, path, source=path)),
        ("nibabel", lambda path: exports.write_nifti(LABELS, path)),
        ("av", lambda path: exports.write_mp4(LABELS, LABELS, path)),
        ("pyarrow", lambda path: exports.write_parquet(pd.DataFrame(), path)),
        ("pyarrow", lambda path: exports.read_parquet(path)),
    ],
)
def test_what_to_install(package, write, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MeasureError, match=rf"package {package}; .*'napari-sam2\[exports\]'"):
        write(tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_every_name_is_there_and_no_optional_package_is_loaded_for_it():
    code = (
        "import sys; from napari_sam2.analysis import exports; "
        "assert all(callable(getattr(exports, name)) for name in dir(exports)), dir(exports); "
        "optional = {'geff', 'pycocotools', 'highdicom', 'nibabel', 'av', 'pyarrow', 'torch', 'napari'}; "
        "print(sorted(optional & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    # pandas looks for pyarrow by itself.
    assert done.returncode == 0 and done.stdout.strip() in ("[]", "['pyarrow']"), done.stderr + done.stdout
    assert exports.__all__ == sorted(exports.__all__)
    with pytest.raises(AttributeError, match="no attribute 'write_gif'"):
        _ = exports.write_gif
