"""Where the time goes, matrix products and attention, each on the fastest path that the device has.

On processors PyTorch hands float32 products to MKL, which leaves half of the vector width of AMD's
AVX-512 unused, and its attention multiplies by the same library. oneDNN, which every build of PyTorch
for processors brings along, uses the full width, and applies an activation to a product while it is
still in cache. Where there is no AVX-512, MKL is the faster one. Both sum in float32; results differ in
the last digits only.
"""

import time
from collections.abc import Callable
from functools import cache
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FEWEST_ROWS = 64
"""With fewer rows than this the call itself takes longer than what oneDNN saves."""
FEWEST_PRODUCTS = 2**23
"""Multiplications of one head's scores from which attention is worth taking apart."""
SCORES, FEWEST_QUERIES = 2**20, 256
"""Scores that are made at once stay in the processor's cache, unless a product would become too thin."""
_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"relu": F.relu, "gelu": F.gelu}


@cache
def has_onednn() -> bool:
    """Whether this build of PyTorch multiplies through oneDNN when asked to, and gains by it here."""
    if "AVX512" not in torch.backends.cpu.get_cpu_capability():
        return False
    try:
        x = torch.ones(FEWEST_ROWS, 16)
        return torch.equal(torch.ops.mkldnn._linear_pointwise(x, x, None, "none", [], ""), x @ x.T)
    except (AttributeError, RuntimeError):
        return False


@cache
def has_fast_bfloat16() -> bool:
    """Whether this processor multiplies in bfloat16 as fast as in float32, or nearly.

    One that has instructions for it takes a little less time; one that has none, as most laptops',
    sixty times as long. Timed, since what PyTorch says of processors differs by version and maker.
    """

    def seconds(dtype: torch.dtype) -> float:
        x = torch.ones(256, 256, dtype=dtype)
        ends = [time.perf_counter()]
        for _ in range(4):
            x @ x
            ends.append(time.perf_counter())
        return min(b - a for a, b in pairwise(ends))

    return seconds(torch.bfloat16) < 3 * seconds(torch.float32)


def goes_to_onednn(x: Tensor) -> bool:
    """Whether a product with the rows of `x` is left to oneDNN; its products have no gradient."""
    return (
        is_inferred(x)
        and x.dtype in (torch.float32, torch.bfloat16)
        and x.numel() >= FEWEST_ROWS * x.shape[-1]
        and has_onednn()
    )


def is_inferred(x: Tensor) -> bool:
    """Whether a processor calculates with `x`, without gradients and in the precision that `x` has.

    What is being compiled is left whole to the compiler.
    """
    if torch.compiler.is_compiling():
        return False
    return x.device.type == "cpu" and not torch.is_grad_enabled() and not torch.is_autocast_enabled("cpu")


def linear(x: Tensor, weight: Tensor, bias: Tensor | None, activation: str = "none") -> Tensor:
    """`x @ weight.T + bias`, then the activation: "none", "relu" or "gelu"."""
    if goes_to_onednn(x):
        # "none" says which of gelu's two formulas: the exact one.
        how = "none" if activation == "gelu" else ""
        return torch.ops.mkldnn._linear_pointwise(x, weight, bias, activation, [], how)
    y = F.linear(x, weight, bias)
    return y if activation == "none" else _ACTIVATIONS[activation](y)


class Linear(nn.Linear):
    """A linear layer, with the activation that follows it."""

    def forward(self, x: Tensor, activation: str = "none") -> Tensor:
        return linear(x, self.weight, self.bias, activation)


def is_long(q_bhnc: Tensor, k_bhmc: Tensor) -> bool:
    """Whether attention between these is taken apart, so that values may be as narrow as they like."""
    products = q_bhnc.shape[2] * k_bhmc.shape[2] * q_bhnc.shape[3]
    return products >= FEWEST_PRODUCTS and is_inferred(q_bhnc)


def attend(q_bhnc: Tensor, k_bhmc: Tensor, v_bhmd: Tensor) -> Tensor:
    """Scaled dot-product attention, (b, heads, n, d)."""
    if not is_long(q_bhnc, k_bhmc):
        return F.scaled_dot_product_attention(q_bhnc, k_bhmc, v_bhmd)
    (b, heads, n, c), m = q_bhnc.shape, k_bhmc.shape[2]
    out_bhnd = q_bhnc.new_empty(b, n, heads, v_bhmd.shape[3]).transpose(1, 2)
    q_bhnc = q_bhnc * c**-0.5
    rows = max(SCORES // m, FEWEST_QUERIES)
    for item in range(b):
        for head in range(heads):
            # oneDNN multiplies by a matrix that lies in pieces with its slowest code.
            k_mc, v_dm = k_bhmc[item, head].contiguous(), v_bhmd[item, head].contiguous().T
            for start in range(0, n, rows):
                part = slice(start, start + rows)
                scores_nm = linear(q_bhnc[item, head, part], k_mc, None)
                out_bhnd[item, head, part] = linear(scores_nm.softmax(-1), v_dm, None)
    return out_bhnd
