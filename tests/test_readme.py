"""What the README says works as it stands there."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_sam2 import open_frames
from napari_sam2.cli.main import app
from napari_sam2.session import Session, read_prompts

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


@pytest.fixture
def movie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """movie.tif, where the README's clicks fall on a bright cell that moves slowly to the right."""
    y, x = np.mgrid[:128, :128]
    rng = np.random.default_rng(0)
    discs = np.stack([np.hypot(y - 48, x - 40 - 2 * frame) < 11 for frame in range(6)])
    images = (300 + 2000 * discs + rng.normal(0, 40, discs.shape)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "movie.tif", images, imagej=True, metadata={"axes": "TYX"})
    monkeypatch.chdir(tmp_path)
    return discs


def test_the_example_follows_the_object(movie: np.ndarray):
    (code,) = _blocks("python")
    assert len([line for line in code.splitlines() if line and not line.startswith("from ")]) == 5
    names: dict[str, object] = {}
    exec(code, names)
    found, truth = names["labels"][-1] == 1, movie[-1]
    assert (found & truth).sum() / (found | truth).sum() > 0.6


def test_the_prompts_can_be_read(movie: np.ndarray, tmp_path: Path):
    (rows,) = _blocks("csv")
    (tmp_path / "prompts.csv").write_text(rows)
    session = Session(open_frames("movie.tif"))
    read_prompts("prompts.csv", session)
    assert session.objects[1].prompts[0].labels == (1, 0)
    assert session.objects[2].prompts[3].box == (70, 80, 95, 110)


TEXTS = [*_blocks("sh"), *(app[name].help for name in ("info", "track", "measure", "models", "demo"))]
COMMANDS = [
    line.strip() for text in TEXTS for line in text.splitlines() if line.strip().startswith("napari-sam2 ")
]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_are_called_as_shown(command: str):
    function, _, _ = app.parse_args(shlex.split(command)[1:], exit_on_error=False, print_error=False)
    assert function.__module__.startswith("napari_sam2.cli.")


def test_every_folder_that_is_named_is_there():
    root = Path(__file__).resolve().parents[1]
    named = re.findall(r"^\| `([a-z_0-9]+)/` \|", README, flags=re.MULTILINE)
    assert len(named) == 6
    assert all((root / name).is_dir() for name in named)
