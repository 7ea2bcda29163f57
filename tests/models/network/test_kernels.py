"""Products and attention on the fast path are those of the plain one, and gradients still flow."""

import pytest
import torch
import torch.nn.functional as F

from napari_sam2.models.network import kernels
from napari_sam2.models.network.hiera import Hiera
from napari_sam2.models.network.kernels import Linear, attend, goes_to_onednn, is_long
from napari_sam2.models.network.memory_attention import RotaryAttention
from napari_sam2.models.network.positional import rotary_table


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("activation", ["none", "relu", "gelu"])
@pytest.mark.parametrize("rows", [3, 200])
def test_a_linear_layer_is_torchs(activation, rows):
    layer, x = Linear(32, 48), noise(2, rows, 32)
    plain = F.linear(x, layer.weight, layer.bias)
    expected = {"none": plain, "relu": plain.relu(), "gelu": F.gelu(plain)}[activation]
    with torch.inference_mode():
        torch.testing.assert_close(layer(x, activation), expected, atol=1e-5, rtol=1e-5)


@torch.inference_mode(False)
@torch.enable_grad()
def test_a_layer_that_learns_has_its_gradient():
    layer = Linear(16, 4)
    layer(noise(100, 16)).sum().backward()
    assert layer.weight.grad is not None and layer.weight.grad.abs().sum() > 0


def test_another_precision_for_the_product_is_left_to_torch():
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert not goes_to_onednn(noise(100, 16))
        assert Linear(16, 4)(noise(100, 16)).dtype == torch.bfloat16


@pytest.mark.parametrize("heads", [1, 2])
def test_long_attention_is_torchs_whatever_its_pieces_and_its_layout(heads, monkeypatch):
    monkeypatch.setattr(kernels, "FEWEST_PRODUCTS", 1)
    monkeypatch.setattr(kernels, "SCORES", 90 * 130)
    q, k, v = (noise(2, n, heads, 32).transpose(1, 2) for n in (200, 130, 130))
    with torch.inference_mode():
        assert is_long(q, k)
        torch.testing.assert_close(
            attend(q, k, v), F.scaled_dot_product_attention(q, k, v), atol=1e-5, rtol=1e-5
        )


def test_values_widened_after_they_are_mixed_are_the_same(monkeypatch):
    attention, table = RotaryAttention(64, 16), rotary_table(10, 10, 64, torch.device("cpu"))
    q, memory = noise(1, 100, 64), noise(3, 204, 16)
    with torch.inference_mode():
        plain = attention(q, memory, memory, table, 4)
        monkeypatch.setattr(kernels, "FEWEST_PRODUCTS", 1)
        torch.testing.assert_close(attention(q, memory, memory, table, 4), plain, atol=1e-5, rtol=1e-5)


@torch.inference_mode(False)
def test_positions_of_the_image_follow_the_weights(small_config):
    trunk = Hiera(small_config)
    with torch.no_grad():
        before = trunk.positions(8, 8)
        assert trunk.positions(8, 8) is before
        trunk.pos_embed += 1
        torch.testing.assert_close(trunk.positions(8, 8), before + 1)


@pytest.mark.parametrize("slower, fast", [(0.7, True), (1.5, True), (60.0, False)])
def test_a_slow_precision_is_told_by_its_time(monkeypatch, slower, fast):
    clock = 0.0
    dtype_seconds = {torch.float32: 1.0, torch.bfloat16: slower}

    def product(self, other):
        nonlocal clock
        clock += dtype_seconds[self.dtype]
        return self

    monkeypatch.setattr(torch.Tensor, "__matmul__", product)
    monkeypatch.setattr(kernels.time, "perf_counter", lambda: clock)
    assert kernels.has_fast_bfloat16.__wrapped__() is fast
