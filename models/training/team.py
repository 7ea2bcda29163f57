"""Several processes that train one model: each learns on its own, and now and then they meet.

Local SGD (Stich 2019): between two meetings every process takes steps on windows of its own; at a
meeting weights are averaged. A processor that is slow at sharing one small product between its cores
runs one process on each instead, and they exchange a few megabytes every few seconds.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, distributed

from napari_sam2.models.training.run import Run

MEET_EVERY = 25
"""Steps between two meetings."""
SEED_APART = 1000


class Team:
    """One process among those that train together.

    Parameters
    ----------
    meeting_file : Path
        Where they find each other; a path on which there is no file yet.
    rank, size : int
        Which process this is, of how many.
    """

    def __init__(self, meeting_file: Path, rank: int, size: int) -> None:
        self.rank, self.size, self._starter = rank, size, os.getppid()
        # All of them are on this machine, which may have no network.
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
        distributed.init_process_group("gloo", init_method=meeting_file.as_uri(), rank=rank, world_size=size)

    def join(self, run: Run) -> None:
        """Let a run that began, or was resumed, alike in all processes draw its own windows from now on."""
        if self.rank:
            run.seed += SEED_APART * self.rank
            torch.manual_seed(run.seed + run.step)

    def meet(self, run: Run) -> None:
        """Wait for the others; weights and running averages become the mean of all, the clock the latest.

        A process whose starter has ended ends too: nobody would know of it.
        """
        if os.getppid() != self._starter:
            sys.exit(1)
        clock = torch.tensor([run.seconds], dtype=torch.float64)
        distributed.all_reduce(clock, distributed.ReduceOp.MAX)
        run.seconds = float(clock)
        with torch.no_grad():
            self._average(run.parameters)
            self._average([value for value in run.averaged.values() if value.is_floating_point()])

    def _average(self, tensors: Sequence[Tensor]) -> None:
        flat = torch.cat([tensor.flatten().float() for tensor in tensors])
        distributed.all_reduce(flat)
        parts = (flat / self.size).split([tensor.numel() for tensor in tensors])
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.copy_(part.view_as(tensor))

    def leave(self) -> None:
        """Wait until all are done, and part."""
        distributed.barrier()
        distributed.destroy_process_group()
