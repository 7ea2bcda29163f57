"""Random draws that are the same for the same seed, on one device, in one call order."""

from collections.abc import Sequence

import torch
from torch import Tensor


class Draw:
    """A seeded source of random tensors on one device.

    Parameters
    ----------
    seed
        Any integer; equal seeds give equal draws on equal devices.
    device
        Where the tensors are made.
    """

    def __init__(self, seed: int, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        self.source = torch.Generator(self.device)
        self.source.manual_seed(seed)

    def unit(self, *shape: int) -> Tensor:
        """Uniform in 0..1."""
        return torch.rand(shape, generator=self.source, device=self.device)

    def uniform(self, low: float | Tensor, high: float | Tensor, *shape: int) -> Tensor:
        """Uniform between `low` and `high`, which broadcast against `shape`."""
        return low + (high - low) * self.unit(*shape)

    def log_uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """Uniform in the logarithm: a doubling is as likely anywhere in the range."""
        return low * (high / low) ** self.unit(*shape)

    def normal(self, *shape: int) -> Tensor:
        """Standard normal."""
        return torch.randn(shape, generator=self.source, device=self.device)

    def chance(self, probability: float | Tensor, *shape: int) -> Tensor:
        """Bool: true with the given probability."""
        return self.unit(*shape) < probability

    def pick(self, weights_bc: Tensor) -> Tensor:
        """One column index a row, drawn with probability proportional to the row's weights."""
        return torch.multinomial(weights_bc, 1, generator=self.source)[:, 0]

    def tensor(self, values: Sequence[object]) -> Tensor:
        """Constants as a float tensor on the device."""
        return torch.tensor(values, dtype=torch.float32, device=self.device)
