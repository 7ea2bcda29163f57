"""Checksums are computed once for as long as the file stays the same."""

import hashlib
import os
from pathlib import Path

import pytest

from napari_sam2.models import cache as cache_module
from napari_sam2.models.cache import cache_folder, sha256_of


@pytest.fixture
def counted(monkeypatch) -> list[Path]:
    """Every file that was read through for its checksum."""
    read = []
    compute = cache_module.compute_sha256
    monkeypatch.setattr(cache_module, "compute_sha256", lambda path: read.append(path) or compute(path))
    return read


def test_the_environment_names_the_folder(cache):
    assert cache_folder() == cache


def test_without_the_environment_the_system_has_a_place(monkeypatch):
    monkeypatch.delenv("NAPARI_SAM2_CACHE")
    assert cache_folder().is_absolute()
    assert "napari-sam2" in cache_folder().parts


def test_a_file_is_read_through_once(tmp_path, counted):
    file = tmp_path / "weights.pt"
    file.write_bytes(b"weights")
    expected = hashlib.sha256(b"weights").hexdigest()
    assert [sha256_of(file), sha256_of(file)] == [expected, expected]
    assert counted == [file]
    assert list(tmp_path.glob("weights*")) == [file]


def test_a_changed_file_is_read_again(tmp_path, counted):
    file = tmp_path / "weights.pt"
    file.write_bytes(b"weights")
    sha256_of(file)
    file.write_bytes(b"changed")
    os.utime(file, ns=(1, 1))
    assert sha256_of(file) == hashlib.sha256(b"changed").hexdigest()
    assert len(counted) == 2


def test_a_spoiled_note_costs_only_time(tmp_path, cache, counted):
    file = tmp_path / "weights.pt"
    file.write_bytes(b"weights")
    digest = sha256_of(file)
    for note in cache.rglob("*.json"):
        note.write_text("[")
    assert sha256_of(file) == digest
    assert len(counted) == 2


def test_a_cache_that_cannot_be_written_costs_only_time(tmp_path, monkeypatch, counted):
    (tmp_path / "taken").touch()
    monkeypatch.setenv("NAPARI_SAM2_CACHE", str(tmp_path / "taken"))
    file = tmp_path / "weights.pt"
    file.write_bytes(b"weights")
    assert sha256_of(file) == sha256_of(file)
    assert len(counted) == 2
