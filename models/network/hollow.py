"""A network whose tensors have shapes and no values, made in milliseconds."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from napari_sam2.models.config import Sam2Config
from napari_sam2.models.network.sam2 import Sam2


class _Unfilled(TorchFunctionMode):
    """No layer draws the values that it would begin with.

    PyTorch draws them even for tensors that have none, and the first time takes a second or more to
    import what it does that with.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__module__", None) == torch.nn.init.__name__:
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return (torch.empty if func is torch.randn else func)(*args, **kwargs)


def hollow(config: Sam2Config) -> Sam2:
    """A network on the device "meta": to learn its shapes from, or to be filled from a file."""
    with torch.device("meta"), _Unfilled():
        return Sam2(config)
