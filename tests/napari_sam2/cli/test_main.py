"""How a run of the command line ends, and what it costs to ask for help."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from napari_sam2 import __version__
from napari_sam2.cli.main import app, run

SCRIPT = Path(sys.executable).with_name("napari-sam2")


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ([], ["track", "measure", "models", "demo"]),
        (["--help"], ["Start here", "napari-sam2 track movie.tif --prompts prompts.csv --out results"]),
        (
            ["track", "--help"],
            ["object_id,frame,kind,y,x,y1,x1,label", "labels.tif", "overlay.png", "--framing"],
        ),
        (["measure", "--help"], ["napari-sam2 measure movie.tif labels.tif", "regions.csv", "tracks.csv"]),
        (["models", "--help"], ["download", "info", "list", "--model my.pt"]),
        (["models", "download", "--help"], ["NAPARI_SAM2_CACHE", "--mirror"]),
        (["demo", "--help"], ["--out", "overlay.png"]),
    ],
)
def test_help_teaches(capsys: pytest.CaptureFixture[str], words: list[str], shown: list[str]):
    assert run(words) == 0
    told = capsys.readouterr()
    assert told.err == ""
    for text in shown:
        assert text in told.out


def test_version(capsys: pytest.CaptureFixture[str]):
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.strip() == __version__


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["trak"], '"track"'),
        (["track"], "IMAGE"),
        (["track", "movie.tif", "--out", "results"], "--prompts"),
        (["track", "movie.tif", "--prompt", "clicks.csv"], "--prompt"),
        (["track", "movie.tif", "--prompts", "clicks.csv", "--out", "results", "--start", "two"], '"two"'),
        (["track", "movie.tif", "other.tif", "--prompts", "clicks.csv", "--out", "results"], "other.tif"),
        (["models", "download"], "NAME"),
    ],
)
def test_what_is_mistyped_is_one_sentence_that_leads_to_the_help(refused, words: list[str], told: str):
    sentence = refused(*words)
    assert told in sentence
    assert "--help` shows how it is called." in sentence


def test_a_fault_of_the_program_is_not_hidden(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("napari_sam2.frames.open_frames", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run(["measure", "movie.tif", "labels.tif", "--out", "tables"])


def test_every_option_is_described():
    for name in ("track", "measure", "demo"):
        for argument in app[name].assemble_argument_collection():
            if argument.name == "*":  # a group of options, which are in the list themselves
                continue
            assert argument.parameter.help, (name, argument.name)


@pytest.mark.parametrize("words", [["--help"], ["models", "list"], ["models", "info", "sam2.1_tiny"]])
def test_what_needs_no_model_loads_no_torch(words: list[str]):
    code = (
        "import json, sys; from napari_sam2.cli.main import run; "
        f"status = run({words!r}); print(); "
        "print(json.dumps([status, sorted({'torch', 'pandas', 'napari'} & set(sys.modules))]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == [0, []]


def test_the_installed_script_tells_one_sentence_and_says_so_by_its_status(here: Path):
    command = [SCRIPT, "measure", "nothere.tif", "labels.tif", "--out", "tables"]
    done = subprocess.run(command, cwd=here, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("napari-sam2: ")
    assert done.stderr.count("\n") == 1
    assert "nothere.tif" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="pipes end otherwise there")
def test_a_reader_that_goes_away_is_no_error():
    command = (
        f'"{sys.executable}" -c "from napari_sam2.cli.main import main; raise SystemExit(main())" --help'
    )
    done = subprocess.run(f"{command} | true", shell=True, capture_output=True, text=True)
    assert done.stderr == ""
