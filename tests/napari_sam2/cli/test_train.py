"""`napari-sam2 train` on a few small images."""

from pathlib import Path

import numpy as np
import pytest
from imageio.v3 import imwrite

from napari_sam2.cli.main import GOOD, MISTAKE, run


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    for kind, value in (("images", 200), ("labels", 1)):
        (tmp_path / kind).mkdir()
        for i in range(2):
            image = np.zeros((64, 64), np.uint8)
            image[20:40, 20:45] = value
            imwrite(tmp_path / kind / f"{i}.png", image)
    return ["train", "--images", str(tmp_path / "images"), "--labels", str(tmp_path / "labels"), "--out"]


def test_weights_and_a_table(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mine.safetensors"
    assert run([*arguments, str(out), "--minutes", "0.01", "--device", "cpu"]) == GOOD
    assert out.exists()
    printed = capsys.readouterr().out
    assert "one click" in printed and "->" in printed
    assert run([*arguments, str(out)]) == MISTAKE
    assert "exists; choose another name, or --resume" in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong, words",
    [(["mine.pt"], "end in .safetensors"), (["mine.safetensors", "--minutes", "0"], "a number above 0")],
)
def test_mistakes(
    arguments: list[str], wrong: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*arguments, *wrong]) == MISTAKE
    assert words in capsys.readouterr().err
