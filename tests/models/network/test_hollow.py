"""A hollow network is the network without its values, and importing nothing to draw them."""

import subprocess
import sys

import torch

from napari_sam2.models.network.hollow import hollow
from napari_sam2.models.network.sam2 import Sam2


def test_it_has_every_tensor_of_the_network(small_config):
    empty, whole = hollow(small_config).state_dict(), Sam2(small_config).state_dict()
    assert {name: (t.shape, t.dtype) for name, t in empty.items()} == {
        name: (t.shape, t.dtype) for name, t in whole.items()
    }
    assert all(tensor.is_meta for tensor in empty.values())


def test_it_can_be_filled(small_config):
    whole = Sam2(small_config)
    network = hollow(small_config).to_empty(device="cpu")
    network.load_state_dict(whole.state_dict())
    for name, value in network.state_dict().items():
        assert torch.equal(value, whole.state_dict()[name]), name


def test_networks_made_afterwards_begin_as_ever(small_config):
    hollow(small_config)
    torch.manual_seed(0)
    assert Sam2(small_config).sam_mask_decoder.iou_token.weight.std() > 0.1


def test_loading_the_bundled_model_imports_no_compiler():
    code = (
        "import sys; from napari_sam2.models.load import load_model; load_model('nano', 'cpu');"
        "assert 'torch._dynamo' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
