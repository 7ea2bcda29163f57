"""Where did it go? The keys and queries of memory attention learn to find a place again by its looks.

At the start each memory is looked at where the image is looked at now (`initialise`), which training
hardly changes by itself: an object that moved by a third of itself was lost. Here a window is moved,
turned and zoomed, and for every place of the new one the memory of the place that it came from has to
be the one that attention chooses.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_sam2.models.config import STRIDE
from napari_sam2.models.network.memory_attention import RotaryAttention
from napari_sam2.models.network.positional import rotate
from napari_sam2.models.network.sam2 import Sam2
from napari_sam2.models.training.clips import Bank
from napari_sam2.models.training.prompting import choose_targets
from napari_sam2.models.training.stills import normalise

FAR, FAR_SHARE, NEAR = 0.25, 0.6, 0.055
"""Most shift along each axis, as a share of the window, of so many windows; and of the others."""
TURN, ZOOM = 0.2, 0.12
"""Most rotation in radians, and most change of the size's logarithm."""


def moves(b: int, device: torch.device) -> Tensor:
    """Random similarity motions as sampling matrices (b, 2, 3), in windows that go from -1 to 1."""
    angle_b, zoom_b = TURN * _even(b, device), torch.exp(ZOOM * _even(b, device))
    cos_b, sin_b = zoom_b * angle_b.cos(), zoom_b * angle_b.sin()
    far_b1 = torch.rand(b, 1, device=device) < FAR_SHARE
    shift_b2 = 2 * torch.where(far_b1, FAR, NEAR) * torch.stack([_even(b, device), _even(b, device)], 1)
    linear_b22 = torch.stack([torch.stack([cos_b, -sin_b], 1), torch.stack([sin_b, cos_b], 1)], 1)
    return torch.cat([linear_b22, shift_b2[..., None]], 2)


def _even(b: int, device: torch.device) -> Tensor:
    return 2 * torch.rand(b, device=device) - 1


def origins(moves_b23: Tensor, grid: int) -> tuple[Tensor, Tensor]:
    """Which token of the old window each token of the new one came from.

    Parameters
    ----------
    moves_b23 : Tensor
        From `moves`.
    grid : int
        Tokens along each side.

    Returns
    -------
    int64 Tensor (b, grid * grid), bool Tensor (b, grid * grid)
        The token, and whether the place was in the old window at all.
    """
    places_bgg2 = functional.affine_grid(moves_b23, [len(moves_b23), 1, grid, grid], align_corners=False)
    cell_bn2 = ((places_bgg2.flatten(1, 2) + 1) / 2 * grid).floor().long()
    known_bn = ((cell_bn2 >= 0) & (cell_bn2 < grid)).all(2)
    return (cell_bn2[..., 1] * grid + cell_bn2[..., 0]).clamp(0, grid * grid - 1), known_bn


def attention_scores(module: RotaryAttention, q_bnc: Tensor, k_bmc: Tensor, rotary: Tensor) -> Tensor:
    """What attention gives each of one memory's tokens before the softmax, (b, n, m)."""
    q = rotate(module.q_proj(q_bnc), rotary)
    k = rotate(module.k_proj(k_bmc), rotary)
    return (q.float() @ k.float().transpose(1, 2)) / math.sqrt(q.shape[-1])


def matching_loss(model: Sam2, images_bchw: Tensor, labels_bhw: Tensor) -> Tensor:
    """The loss of one batch of windows; of all the network only those keys and queries learn from it.

    Parameters
    ----------
    model : Sam2
        In training.
    images_bchw : float Tensor
        0..1, square.
    labels_bhw : int64 Tensor
        Objects from 1: one of each window is remembered, as it will be when it is followed.

    Returns
    -------
    Tensor
        A scalar: the cross-entropy of the attention, mean over the layers.
    """
    b, grid = len(images_bchw), images_bchw.shape[-1] // STRIDE
    moves_b23 = moves(b, images_bchw.device)
    sampling = functional.affine_grid(moves_b23, list(images_bchw.shape), align_corners=False)
    moved_bchw = functional.grid_sample(
        images_bchw, sampling, mode="bilinear", padding_mode="reflection", align_corners=False
    )
    origin_bn, known_bn = origins(moves_b23, grid)
    targets = choose_targets(labels_bhw, 1)
    asked: list[tuple[RotaryAttention, tuple[Any, ...]]] = []

    def note(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        assert isinstance(module, RotaryAttention)
        asked.append((module, inputs))

    hooks = [
        module.register_forward_pre_hook(note)
        for name, module in model.memory_attention.named_modules()
        if name.endswith("cross_attn_image")
    ]
    try:
        with torch.no_grad():
            old = model.encode_image(normalise(images_bchw))
            new = model.encode_image(normalise(moved_bchw))
            bank = Bank(model.config.max_pointers - 1)
            found = model.given(old, targets.masks_nhw.float())
            bank.remember(model, old, found, 0, conditioning=True)
            bank.read(model, new.coarse_bchw, 1)
    finally:
        for hook in hooks:
            hook.remove()
    weight_bn = known_bn * targets.weight_n[:, None]
    losses = []
    for module, (q_bnc, k_bmc, _, rotary, pointers) in asked:
        # What a window shows is the same for all objects in it until their memories are read.
        q_bnc = q_bnc.expand(b, -1, -1)
        scores_bnm = attention_scores(module, q_bnc, k_bmc[:, : k_bmc.shape[1] - pointers], rotary)
        loss_bn = functional.cross_entropy(scores_bnm.transpose(1, 2), origin_bn, reduction="none")
        losses.append((loss_bn * weight_bn).sum() / weight_bn.sum().clamp_min(1))
    return torch.stack(losses).mean()
