"""From a name or a path to a network: bundled, downloaded, fine-tuned, and every way it fails."""

import hashlib
import os
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch._inductor.runtime.cache_dir_utils import default_cache_dir

from napari_sam2 import Session, open_frames, track
from napari_sam2.models import load
from napari_sam2.models.cards import CARDS, ModelCard
from napari_sam2.models.checkpoints import save_weights
from napari_sam2.models.download import weights_path
from napari_sam2.models.errors import ModelError
from napari_sam2.models.load import LoadedModel, load_model, pick_device
from napari_sam2.models.network import compiled


@pytest.fixture
def own_file(tmp_path, small_network) -> Path:
    save_weights(tmp_path / "fine tuned.safetensors", small_network)
    return tmp_path / "fine tuned.safetensors"


@pytest.fixture
def toy_card(web, own_file, monkeypatch) -> ModelCard:
    """A small model that is downloaded by its name."""
    web.files["toy.safetensors"] = body = own_file.read_bytes()
    card = replace(
        CARDS["nano"],
        name="toy",
        config="toy",
        file_name="toy.safetensors",
        urls=(f"{web.url}/toy.safetensors",),
        bytes=len(body),
        sha256=hashlib.sha256(body).hexdigest(),
    )
    monkeypatch.setattr(load, "CARDS", {"toy": card})
    return card


def carries(loaded: LoadedModel, network: torch.nn.Module) -> bool:
    theirs = loaded.network.state_dict()
    return all(torch.equal(theirs[name], tensor) for name, tensor in network.state_dict().items())


def test_a_file_by_its_path(own_file, small_network):
    loaded = load_model(own_file, "cpu")
    assert carries(loaded, small_network)
    assert loaded.name == "fine tuned"
    assert loaded.card is None
    assert loaded.config == small_network.config
    assert loaded.sha256 == hashlib.sha256(own_file.read_bytes()).hexdigest()
    assert not loaded.network.training
    assert not any(parameter.requires_grad for parameter in loaded.network.parameters())


@pytest.mark.parametrize("fast", [True, False])
def test_a_precision_that_the_processor_lacks_is_warned_of(own_file, monkeypatch, fast):
    monkeypatch.setattr(load, "has_fast_bfloat16", lambda: fast)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loaded = load_model(own_file, "cpu", precision="bfloat16")
    assert [str(w.message).partition(" and")[0] for w in caught] == (
        [] if fast else ["this processor does not calculate in bfloat16"]
    )
    assert loaded.network.image_encoder.trunk.pos_embed.dtype == torch.bfloat16


def test_the_network_does_not_hang_on_the_file(own_file, small_network):
    loaded = load_model(own_file, "cpu")
    own_file.unlink()
    assert carries(loaded, small_network)


def test_half_precision_runs_in_full(tmp_path, small_network):
    save_weights(tmp_path / "half.safetensors", small_network, half=True)
    loaded = load_model(str(tmp_path / "half.safetensors"), "cpu")
    assert {parameter.dtype for parameter in loaded.network.parameters()} == {torch.float32}


def test_another_input_size_keeps_the_weights(own_file, small_network):
    loaded = load_model(own_file, "cpu", image_size=64)
    assert loaded.config == small_network.config.at_size(64)
    with torch.inference_mode():
        features = loaded.network.encode_image(torch.zeros(1, 3, 64, 64))
    assert features.coarse_bchw.shape[2:] == (4, 4)


def test_an_input_size_that_the_strides_do_not_divide(own_file):
    with pytest.raises(ModelError, match="multiple of 32, not 100"):
        load_model(own_file, image_size=100)


def test_download_verify_load(toy_card, web, small_network):
    seen = []
    loaded = load_model("toy", "cpu", progress=lambda done, total: seen.append((done, total)))
    assert carries(loaded, small_network)
    assert (loaded.name, loaded.card, loaded.sha256) == ("toy", toy_card, toy_card.sha256)
    assert loaded.path == weights_path(toy_card)
    assert seen[-1] == (toy_card.bytes, toy_card.bytes)
    assert carries(load_model("toy", "cpu"), small_network)
    assert len(web.asked) == 1


def test_a_download_draws_a_bar_by_default(toy_card, monkeypatch):
    labels = []
    bar = load.progress_bar
    monkeypatch.setattr(load, "progress_bar", lambda label: labels.append(label) or bar(label))
    load_model("toy", "cpu")
    assert labels == ["toy"]


def test_a_file_put_by_hand_needs_no_network(toy_card, web, own_file, small_network):
    weights_path(toy_card).parent.mkdir(parents=True)
    own_file.rename(weights_path(toy_card))
    assert carries(load_model("toy", "cpu"), small_network)
    assert not web.asked


def test_a_wrong_file_put_by_hand_is_refused(toy_card, own_file):
    weights_path(toy_card).parent.mkdir(parents=True)
    weights_path(toy_card).write_bytes(own_file.read_bytes()[:-1])
    with pytest.raises(ModelError, match="is not the published toy"):
        load_model("toy", "cpu")


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ModelError) as unknown:
        load_model("sam2.1_gigantic", "cpu")
    assert all(name in str(unknown.value) for name in CARDS)


@pytest.mark.parametrize("path", ["nowhere/weights", "weights.pt", "../nano"])
def test_a_path_without_a_file_is_not_taken_for_a_name(path, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(ModelError, match="there is no weights file"):
        load_model(path, "cpu")


def test_a_missing_bundled_model_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(load, "weights_path", lambda card: tmp_path / card.file_name)
    with pytest.raises(ModelError, match=r"the bundled model nano is missing .*nano\.safetensors"):
        load_model("nano", "cpu")


def test_auto_is_the_best_device_there_is(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert pick_device() == torch.device("cpu")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert pick_device() == torch.device("mps")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert pick_device("auto") == torch.device("cuda")


@pytest.mark.parametrize("device", ["cuda", "cuda:1", "mps", "meta", torch.device("cuda")])
def test_a_device_that_is_not_there_is_one_sentence(device, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(ModelError, match="this machine has no device"):
        pick_device(device)


def test_a_second_gpu_that_is_not_there(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert pick_device("cuda:0") == torch.device("cuda:0")
    with pytest.raises(ModelError, match="no device 'cuda:1'"):
        pick_device("cuda:1")


def test_a_word_that_is_no_device():
    with pytest.raises(ModelError, match="there is no device 'gpu': choose auto, cpu, cuda or mps"):
        pick_device("gpu")


def test_a_gpu_that_is_full_is_one_sentence(own_file, monkeypatch):
    def full(self, *, device):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(load.Sam2, "to_empty", full)
    with pytest.raises(ModelError, match="does not fit into the memory of cpu: choose a smaller model"):
        load_model(own_file, "cpu")


def test_a_gpu_that_is_full_while_compiling_lacks_no_compiler(own_file, monkeypatch):
    def full(network, folder):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(load, "compile_parts", full)
    with pytest.raises(ModelError, match="does not fit into the memory of cpu: choose a smaller model"):
        load_model(own_file, "cpu", compiled=True)


@pytest.mark.slow
def test_a_published_file_in_its_real_size(web, tmp_path, monkeypatch, published_shapes):
    """Meta's layout of SAM 2.1 tiny, 156 MB of random weights: download, verify, load, track."""
    torch.manual_seed(3)
    state = {name: 0.05 * torch.randn(shape) for name, shape in published_shapes("sam2.1_tiny").items()}
    torch.save({"model": state}, tmp_path / "made.pt")
    body = (tmp_path / "made.pt").read_bytes()
    card = CARDS["sam2.1_tiny"]
    assert len(body) == pytest.approx(card.bytes, rel=1e-3)
    made = replace(card, bytes=len(body), sha256=hashlib.sha256(body).hexdigest())
    monkeypatch.setattr(load, "CARDS", {card.name: made})
    monkeypatch.setenv("NAPARI_SAM2_MIRROR", web.url)
    web.files[card.file_name] = body
    web.drops = [50_000_000]
    loaded = load_model("sam2.1_tiny", "cpu")
    assert web.asked[1][1].startswith("bytes=")
    assert loaded.card == made
    assert all(torch.equal(loaded.network.state_dict()[name], tensor) for name, tensor in state.items())

    session = Session(open_frames(np.random.default_rng(0).integers(0, 255, (3, 64, 64), dtype=np.uint8)))
    session.add_points(object_id=1, frame=0, points=[(30, 30)], labels=[1])
    results = list(track(session, load_model("sam2.1_tiny", "cpu", image_size=256)))
    assert [result.frame for result in results] == [0, 1, 2]
    assert all(np.isfinite(result.scores).all() for result in results)
    assert session.model.sha256 == made.sha256


@pytest.fixture
def code_folder(monkeypatch):
    """Nobody has said where compiled code goes; what a test says is taken back."""
    torch._dynamo.reset()
    # Importing the compiler has put its own temporary folder there.
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", default_cache_dir())


def test_a_compiled_model_finds_the_same_and_leaves_no_word_of_it(own_file, cache, code_folder, monkeypatch):
    monkeypatch.setattr(compiled, "BACKEND", "eager")
    image = np.random.default_rng(0).integers(0, 255, (4, 64, 64), dtype=np.uint8)
    found = []
    for loaded in (load_model(own_file, "cpu"), load_model(own_file, "cpu", compiled=True)):
        session = Session(open_frames(image))
        session.add_points(object_id=1, frame=0, points=[(30, 30)], labels=[1])
        found.append(list(track(session, loaded)))
        assert session.model.options == {}
    for plain, other in zip(*found, strict=True):
        np.testing.assert_array_equal(other.masks, plain.masks)
        np.testing.assert_allclose(other.scores, plain.scores, atol=1e-4)
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == str(cache / "compiled")


# PyTorch's compiler still uses what PyTorch means to drop.
@pytest.mark.filterwarnings("ignore:.torch.jit.script_method:DeprecationWarning")
def test_no_compiler_is_said_when_the_model_is_loaded(own_file, code_folder, monkeypatch):
    monkeypatch.setattr("torch._inductor.config.cpp.cxx", ("no-such-compiler",))
    with pytest.raises(ModelError, match=r"cannot be compiled here .*no-such-compiler.*: install a C\+\+"):
        load_model(own_file, "cpu", compiled=True)
