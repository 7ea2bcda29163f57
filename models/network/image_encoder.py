"""Image encoder: Hiera and the feature pyramid neck on top of it."""

from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn

from napari_sam2.models.config import Sam2Config
from napari_sam2.models.network.hiera import Hiera
from napari_sam2.models.network.layers import one_by_one


class NeckConv(nn.Module):
    """A 1 x 1 convolution, in the place where Meta's checkpoints have it."""

    def __init__(self, dim: int, dim_out: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(dim, dim_out, kernel_size=1)

    def forward(self, x_bchw: Tensor) -> Tensor:
        return one_by_one(x_bchw, self.conv.weight, self.conv.bias)


class Neck(nn.Module):
    """Brings all stages to one width; stride 32 is added into stride 16 and then dropped."""

    def __init__(self, config: Sam2Config) -> None:
        super().__init__()
        # Coarsest first, as in the checkpoints.
        self.convs = nn.ModuleList(NeckConv(dim, config.hidden_dim) for dim in reversed(config.stage_dims))

    def forward(self, stages: list[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Maps (b, hidden_dim, h, w) at strides 4, 8 and 16."""
        coarse, mid, fine = self.coarse(stages), self.convs[2](stages[1]), self.convs[3](stages[0])
        return fine, mid, coarse

    def coarse(self, stages: list[Tensor]) -> Tensor:
        """The map at stride 16 alone."""
        coarsest, coarse = self.convs[0](stages[3]), self.convs[1](stages[2])
        return coarse + F.interpolate(coarsest.float(), scale_factor=2.0, mode="nearest").to(coarse.dtype)

    def narrowed(self, stages: list[Tensor], stage: int, conv: nn.Conv2d) -> Tensor:
        """The map of a stage, narrowed by another 1 x 1 convolution: one product instead of two."""
        own = cast(nn.Conv2d, self.convs[3 - stage].conv)
        assert own.bias is not None and conv.bias is not None
        weight_oi = conv.weight.flatten(1)
        bias_o = weight_oi @ own.bias.to(weight_oi.dtype) + conv.bias
        weight_oi = weight_oi @ own.weight.flatten(1).to(weight_oi.dtype)
        return one_by_one(stages[stage], weight_oi.to(stages[stage].dtype), bias_o.to(stages[stage].dtype))


class ImageEncoder(nn.Module):
    """From a normalised image to three feature maps."""

    def __init__(self, config: Sam2Config) -> None:
        super().__init__()
        self.trunk = Hiera(config)
        self.neck = Neck(config)

    def forward(self, image_bchw: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Maps (b, hidden_dim, h, w) at strides 4, 8 and 16."""
        return self.neck(self.stages(image_bchw))

    def stages(self, image_bchw: Tensor) -> list[Tensor]:
        """The trunk's four maps, in the precision of its weights."""
        return self.trunk(image_bchw.to(self.trunk.patch_embed.proj.weight.dtype))
