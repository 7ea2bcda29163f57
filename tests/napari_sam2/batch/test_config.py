"""Batch files: what is understood, and one sentence for everything that is not."""

import re
from pathlib import Path

import pytest

from napari_sam2.batch.config import Seeding, Settings, read_config
from napari_sam2.errors import InputError

LEAST = "images: a.tif\nprompts: clicks.csv\nout: results\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "batch.yaml"


def read(file: Path, text: str) -> Settings:
    file.write_text(text)
    return read_config(file)


def refused(file: Path, text: str) -> str:
    with pytest.raises(InputError) as caught:
        read(file, text)
    told = str(caught.value)
    assert str(file) in told
    return told


def test_the_least_that_can_be_said(file: Path):
    settings = read(file, LEAST)
    assert settings.images == ["a.tif"]
    assert settings.results == file.parent / "results"
    assert settings.opening() == dict.fromkeys(
        ("series", "axis", "axes", "index", "channels", "step", "pixel_size")
    )


def test_paths_begin_at_the_folder_of_the_file(file: Path):
    (file.parent / "my.pt").touch()
    assert read(file, LEAST + "model: my.pt").weights == str(file.parent / "my.pt")
    assert read(file, LEAST + "model: nano").weights == "nano"


def test_everything_that_track_is_told(file: Path):
    told = "axis: z\naxes: TZYX\nindex: {T: 3}\nchannels: [0, nuclei]\npixel_size: [0.5, 0.6]\nstep: 30\n"
    settings = read(file, LEAST + told)
    assert settings.opening() == {
        "series": None,
        "axis": "z",
        "axes": "TZYX",
        "index": {"T": 3},
        "channels": [0, "nuclei"],
        "pixel_size": (0.5, 0.6),
        "step": 30.0,
    }
    assert Settings.from_json(settings.as_json()) == settings


@pytest.mark.parametrize(
    ("prompts", "rule", "arguments"),
    [
        ("auto", "auto", {}),
        ("auto:spots", "spots", {}),
        ("{auto: threshold, diameter: 20, reseed: 5}", "threshold", {"diameter": 20.0, "reseed": 5}),
    ],
)
def test_prompts_by_rule(file: Path, prompts: str, rule: str, arguments: dict[str, float]):
    settings = read(file, f"images: a.tif\nout: results\nprompts: {prompts}\n")
    assert isinstance(settings.prompts, Seeding)
    assert (settings.prompts.auto, settings.prompts.arguments()) == (rule, arguments)
    assert Settings.from_json(settings.as_json()) == settings


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (LEAST + "promts: x", "the key 'promts' is not known; did you mean 'prompts'"),
        (LEAST + "pixelsize: 1", "the key 'pixelsize' is not known; did you mean 'pixel_size'"),
        (LEAST + "folder: x", "the key 'folder' is not known"),
        (LEAST + "qqq: 1", "the key 'qqq' is not known; the keys are images, prompts, out"),
        (
            "images: a.tif\nout: r\nprompts: {auto: spots, diametre: 3}",
            "'diametre' is not known; did you mean 'diam",
        ),
        (
            "images: a.tif\nout: r\nprompts: {auto: blobs}",
            "'prompts.auto' is 'blobs', where one of auto, threshold",
        ),
        ("images: a.tif\nout: r\nprompts: auto:blobs", "no seeding rule 'blobs'"),
        ("images: a.tif\nprompts: c.csv", "the key 'out' is missing"),
        ("images: []\nprompts: c.csv\nout: r", "the key 'images' is []"),
        (LEAST + "step: -1", "the key 'step' is -1, where greater than 0"),
        (LEAST + "axis: x", "the key 'axis' is 'x', where 't', 'z' or 'zt' belongs"),
        (LEAST + "workers: two", "the key 'workers' is 'two', where integer belongs"),
        (LEAST + "out: other", "a key comes twice"),
        ("images: [a", "is not valid YAML"),
        ("just words", "is no batch file"),
        ("", "is no batch file"),
        (LEAST + "1: 2", "keys must be text"),
    ],
)
def test_mistakes(file: Path, text: str, words: str):
    assert words in " ".join(refused(file, text).split())


def test_a_file_that_is_not_there(file: Path):
    with pytest.raises(InputError, match=re.escape(f"there is no file {file}")):
        read_config(file)
