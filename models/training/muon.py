"""Muon: momentum whose directions are made equally long (Jordan et al. 2024).

PyTorch has one, which calculates in bfloat16 whatever the device: on a processor without instructions
for that, a step of the bundled model takes ten seconds. This one takes the precision that is fast, and
all matrices of one shape together, which a GPU does as quickly as one.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from napari_sam2.models.network.kernels import has_fast_bfloat16

MOMENTUM = 0.95
ITERATIONS, COEFFICIENTS = 5, (3.4445, -4.7750, 2.0315)
"""Of the odd polynomial that brings singular values near 1, as in the paper."""
LIKE_ADAMW = 0.2
"""Root mean square of a step against the learning rate: about AdamW's (Liu et al. 2025)."""


class Muon(torch.optim.Optimizer):
    """For the matrices of linear layers.

    Parameters
    ----------
    params : iterable of parameters, or of groups
        Two-dimensional.
    lr : float
        As for AdamW: steps are about as long.
    """

    def __init__(self, params: Iterable[Tensor] | Iterable[dict[str, Any]], lr: float) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": 0.0})

    @torch.no_grad()
    # PyTorch's optimisers may be given a closure that works the loss out again; nothing here gives one.
    def step(self) -> None:  # type: ignore[override]
        """One step for all parameters that have a gradient."""
        for group in self.param_groups:
            of_shape: dict[torch.Size, list[Tensor]] = defaultdict(list)
            for parameter in group["params"]:
                if parameter.grad is not None:
                    of_shape[parameter.shape].append(parameter)
            for shape, parameters in of_shape.items():
                ahead_nij = torch.stack([self._ahead(parameter) for parameter in parameters])
                length = group["lr"] * LIKE_ADAMW * max(shape) ** 0.5
                for parameter, step_ij in zip(parameters, orthogonal(ahead_nij), strict=True):
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    parameter.sub_(step_ij, alpha=length)

    def _ahead(self, parameter: Tensor) -> Tensor:
        """Where momentum will lead (Nesterov)."""
        assert parameter.grad is not None
        state = self.state[parameter]
        if not state:
            state["momentum_buffer"] = torch.zeros_like(parameter)
        momentum: Tensor = state["momentum_buffer"]
        momentum.lerp_(parameter.grad, 1 - MOMENTUM)
        return parameter.grad.lerp(momentum, MOMENTUM)


def orthogonal(matrices_nij: Tensor) -> Tensor:
    """The same matrices with all their singular values near 1, between about 0.7 and 1.2.

    Parameters
    ----------
    matrices_nij : float Tensor
        Of any scale.

    Returns
    -------
    Tensor (n, i, j)
        In bfloat16 where that is fast, else in float32.
    """
    fast = matrices_nij.device.type != "cpu" or has_fast_bfloat16()
    x = matrices_nij.to(torch.bfloat16 if fast else torch.float32)
    tall = x.shape[1] > x.shape[2]
    if tall:
        x = x.mT
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp_min(1e-7)
    first, third, fifth = COEFFICIENTS
    for _ in range(ITERATIONS):
        # p(x) = first x + third (x x') x + fifth (x x')^2 x
        square_nii = x @ x.mT
        x = first * x + (third * square_nii + fifth * square_nii @ square_nii) @ x
    return x.mT if tall else x
