"""Broken, foreign and dangerous files: one sentence each, and nothing in them is run."""

import os
import pickle
import zipfile
from argparse import Namespace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from napari_sam2.models.checkpoints.files import read_file
from napari_sam2.models.errors import ModelError

STATE = {"a": torch.arange(200.0), "b": torch.zeros(3, 4)}


class Code:
    """What runs when an unguarded reader opens the file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (str(self.path),))


def refusal(path: Path) -> str:
    with pytest.raises(ModelError) as refused:
        read_file(path)
    message = str(refused.value)
    assert str(path) in message
    assert message.endswith(".") and "\n" not in message and message.count(". ") == 0
    return message


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before torch 1.6"])
def test_torch_files_are_read(tmp_path, zipped):
    file = tmp_path / "weights.any"
    torch.save({"model": STATE}, file, _use_new_zipfile_serialization=zipped)
    content, metadata = read_file(file)
    assert torch.equal(content["model"]["a"], STATE["a"])
    assert metadata == {}


def test_safetensors_are_read_with_their_metadata(tmp_path):
    file = tmp_path / "weights.pt"
    save_file(STATE, file, {"made": "today"})
    content, metadata = read_file(file)
    assert torch.equal(content["b"], STATE["b"])
    assert metadata == {"made": "today"}


def test_the_length_of_a_header_is_not_taken_for_the_mark_of_a_pickle(tmp_path):
    lengths = set()
    for more in range(0, 256, 8):
        file = tmp_path / f"{more}.safetensors"
        save_file(STATE, file, {"made": "x" * more})
        lengths.add(file.read_bytes()[0])
        content, metadata = read_file(file)
        assert torch.equal(content["b"], STATE["b"])
        assert metadata == {"made": "x" * more}
    assert 0x80 in lengths


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_with_code_is_refused_and_not_run(tmp_path, protocol):
    file, trace = tmp_path / "evil.pt", tmp_path / "code was here"
    file.write_bytes(pickle.dumps({"model": Code(trace)}, protocol))
    message = refusal(file)
    if protocol > 1:  # the older ones begin with no mark of their own, and are not even opened
        assert "could run code when opened, so it is refused" in message
    assert not trace.exists()


def test_code_inside_a_torch_file_is_refused_and_named(tmp_path):
    file, trace = tmp_path / "evil.pt", tmp_path / "code was here"
    torch.save({"model": STATE, "hook": Code(trace)}, file)
    assert "mkdir) and could run code when opened" in refusal(file)
    assert not trace.exists()


def test_settings_of_a_training_program_are_refused_with_the_mend(tmp_path):
    file = tmp_path / "run.pt"
    torch.save({"model": STATE, "args": Namespace(rate=0.1)}, file)
    message = refusal(file)
    assert "argparse.Namespace" in message
    assert "torch.save(model.state_dict(), file)" in message


@pytest.mark.parametrize("kind", ["zip", "old", "safetensors"])
@pytest.mark.parametrize("part", [0.02, 0.3, 0.6, 0.99])
def test_a_cut_file_is_called_cut(tmp_path, kind, part):
    file = tmp_path / "weights"
    if kind == "safetensors":
        save_file(STATE, file)
    else:
        torch.save(STATE, file, _use_new_zipfile_serialization=kind == "zip")
    file.write_bytes(file.read_bytes()[: max(20, int(part * file.stat().st_size))])
    assert "is cut short, damaged or not model weights" in refusal(file)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is a text file"),
        (b"12345678{not a header}", "is a text file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "holds neither PyTorch weights"),
        (bytes(1000), "holds neither PyTorch weights"),
        (b"\xff" * 100, "holds neither PyTorch weights"),
    ],
)
def test_other_files_are_told_apart(tmp_path, content, said):
    file = tmp_path / "weights.pt"
    file.write_bytes(content)
    assert said in refusal(file)


def test_a_zip_of_something_else_is_no_weights_file(tmp_path):
    file = tmp_path / "weights.pt"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("letter.txt", "hello")
    assert "not model weights" in refusal(file)


def test_a_folder_and_a_missing_file(tmp_path):
    assert "is a folder" in refusal(tmp_path)
    assert "there is no weights file" in refusal(tmp_path / "nothing.pt")
    (tmp_path / "file").touch()
    assert "cannot be read" in refusal(tmp_path / "file" / "weights.pt")
