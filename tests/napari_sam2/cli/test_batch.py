"""`napari-sam2 batch`: the plan, mistakes, the page that explains it; `test_running` does whole batches."""

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from napari_sam2.batch.config import read_config
from napari_sam2.cli.main import app, run

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGE = (DOCS / "batch.md").read_text(encoding="utf-8")

CONFIG = """images: "*.tif"
prompts: clicks.csv
out: results
"""


@pytest.fixture
def batch(here: Path) -> Path:
    (here / "batch.yaml").write_text(CONFIG)
    return here


def test_the_plan_is_shown_and_nothing_is_done(batch: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["batch", "batch.yaml", "--dry-run"]) == 0
    first, head, row = capsys.readouterr().out.splitlines()
    assert first == f"1 item, 1 to do: {batch / 'results'}"
    assert head.split() == ["ITEM", "NAME", "IMAGE", "PROMPTS"]
    assert row.split() == ["0", "to", "do", "movie", "movie.tif", "clicks.csv"]
    assert not (batch / "results").exists()


@pytest.mark.usefixtures("batch")
def test_the_plan_needs_no_torch():
    code = (
        "import sys; from napari_sam2.cli.main import run; run(['batch', 'batch.yaml', '--dry-run']);"
        "sys.exit(sorted({'torch', 'napari', 'distributed'} & set(sys.modules)) or 0)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ("promts: x.csv\n", "the key 'promts' is not known; did you mean 'prompts'"),
        ("model: nanno\n", "model: nanno is neither a file nor one of nano"),
        ("name: '{file}'\n", "its placeholders are {stem}"),
    ],
)
def test_one_sentence_for_a_mistake(batch: Path, refused: Callable[..., str], changed: str, words: str):
    with open(batch / "batch.yaml", "a") as file:
        file.write(changed)
    assert words in refused("batch", "batch.yaml", "--dry-run")
    assert words in refused("batch", "batch.yaml")


def test_an_empty_pattern(batch: Path, refused: Callable[..., str]):
    (batch / "movie.tif").unlink()
    assert "images: *.tif matches nothing in" in refused("batch", "batch.yaml")


@pytest.mark.usefixtures("batch")
def test_nothing_to_collect(refused: Callable[..., str]):
    assert "there are no results" in refused("batch", "batch.yaml", "--collect")


@pytest.mark.usefixtures("batch")
@pytest.mark.parametrize(("package", "extra"), [("distributed", "cluster"), ("pyarrow", "exports")])
def test_a_package_that_lacks(
    refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch, package: str, extra: str
):
    monkeypatch.setitem(sys.modules, package, None)
    told = refused("batch", "batch.yaml", "--scheduler", "tcp://here:1")
    assert f"pip install 'napari-sam2[{extra}]'" in told


@pytest.mark.parametrize("text", re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL))
def test_the_files_of_the_page_are_understood(tmp_path: Path, text: str):
    (tmp_path / "batch.yaml").write_text(text)
    read_config(tmp_path / "batch.yaml")


COMMANDS = [
    line.partition(" | ")[0].strip()
    for text in (
        *re.findall(r"```sh\n(.*?)```", PAGE, flags=re.DOTALL),
        app["batch"].help,
        app["replay"].help,
    )
    for line in text.splitlines()
    if line.strip().startswith("napari-sam2 ")
]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_of_the_page_are_called_as_shown(command: str):
    words = [word.replace("$SLURM_ARRAY_TASK_ID", "7") for word in shlex.split(command)[1:]]
    app.parse_args(words, exit_on_error=False, print_error=False)


def test_the_script_for_slurm_does_one_item(batch: Path, tmp_path: Path):
    fake = tmp_path / "bin" / "napari-sam2"
    fake.parent.mkdir()
    fake.write_text('#!/bin/bash\necho "$@"\n')
    fake.chmod(0o755)
    environment = {"PATH": f"{fake.parent}:/usr/bin:/bin", "SLURM_ARRAY_TASK_ID": "12"}
    words = ["bash", str(DOCS / "slurm_array.sh"), "my.yaml"]
    done = subprocess.run(words, env=environment, capture_output=True, text=True)
    assert done.stdout.split() == ["batch", "my.yaml", "--item", "12"]
