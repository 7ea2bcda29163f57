"""`napari-sam2 models`: what is told of each model, and the download."""

from pathlib import Path

import pytest

from napari_sam2.cli.main import run
from napari_sam2.models.cards import CARDS


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own, and no mirror."""
    folder = tmp_path.parent / f"{tmp_path.name}-cache"
    monkeypatch.setenv("NAPARI_SAM2_CACHE", str(folder))
    monkeypatch.delenv("NAPARI_SAM2_MIRROR", raising=False)
    return folder


def test_list_has_a_line_for_each_model(capsys: pytest.CaptureFixture[str]):
    assert run(["models", "list"]) == 0
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.split() == ["NAME", "SIZE", "LICENCE", "HERE", "GOOD", "FOR"]
    assert [line.split()[0] for line in lines] == list(CARDS)
    tiny = next(line for line in lines if line.startswith("sam2.1_tiny"))
    assert "156 MB" in tiny
    assert "Apache-2.0" in tiny
    assert " no " in tiny


def test_info_tells_where_the_file_comes_from_and_where_it_belongs(
    cache: Path, capsys: pytest.CaptureFixture[str]
):
    assert run(["models", "info", "sam2.1_large"]) == 0
    told = capsys.readouterr().out
    card = CARDS["sam2.1_large"]
    assert card.sha256 in told
    assert all(url in told for url in card.urls)
    assert str(cache / card.file_name) in told


def test_download_of_a_model_that_is_here_prints_where_it_lies(capsys: pytest.CaptureFixture[str]):
    assert run(["models", "download", "nano"]) == 0
    assert capsys.readouterr().out.strip() == str(CARDS["nano"].bundled_path)


def test_download_without_a_connection_is_one_sentence(
    cache: Path, capsys: pytest.CaptureFixture[str], monkeypatch
):
    monkeypatch.setattr("napari_sam2.models.download._PAUSE", 0.0)
    # Port 9 of this machine discards; nothing listens there.
    assert run(["models", "download", "sam2.1_tiny", "--mirror", "http://127.0.0.1:9/weights"]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert str(cache / CARDS["sam2.1_tiny"].file_name) in told


@pytest.mark.parametrize("command", ["info", "download"])
def test_an_unknown_model(refused, command: str):
    told = refused("models", command, "sam3")
    assert "'sam3'" in told
    assert "sam2.1_tiny" in told
