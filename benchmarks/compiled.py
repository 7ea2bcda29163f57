"""What compiling the network gains, and how long it takes."""

import os
import tempfile
import time
from copy import deepcopy
from pathlib import Path
from unittest.mock import patch

import torch

from benchmarks.machine import Machine, Row, Spent
from benchmarks.movies import Cells
from benchmarks.ours import WARM, Ours
from benchmarks.rows import mask_iou, speeds
from napari_sam2.models.network.compiled import compile_parts
from napari_sam2.models.network.sam2 import Sam2


def compiling(machine: Machine, name: str, network: Sam2, frames: int) -> Row:
    """One object in whole frames, the network compiled and as it is by turns, in the lowest precision.

    Nothing compiled earlier is taken, and nothing is kept.
    """
    precision = machine.precisions[-1]
    plain = deepcopy(network).to_precision(getattr(torch, precision))
    movie = Cells(WARM + 1 + frames, 1024, 1, 200)
    with tempfile.TemporaryDirectory() as folder, patch.dict(os.environ, TORCHINDUCTOR_CACHE_DIR=folder):
        torch.compiler.reset()
        began, quick = time.perf_counter(), deepcopy(plain)
        compile_parts(quick, Path(folder))
        walks = [Ours(one, movie, machine, "frame").steps(1) for one in (plain, quick)]
        # The first frame with all memories compiles what reads them.
        for walk in walks:
            next(walk)
        took = time.perf_counter() - began
        spent: tuple[list[Spent], list[Spent]] = ([], [])
        agreement = []
        for _ in range(frames):
            masks = []
            for walk, times in zip(walks, spent, strict=True):
                result, one = machine.time(lambda walk=walk: next(walk))
                times.append(one)
                masks.append(result.masks[0])
            agreement.append(mask_iou(*masks))
        for walk in walks:
            walk.close()
    gain = machine.cost(spent[0]) / machine.cost(spent[1])
    note = (
        f"{gain:.2f} times as fast as not compiled; {took:.0f} s to compile; least IoU {min(agreement):.4f}"
    )
    return {
        "case": f"{name}, 1 object, exact, {precision}, compiled",
        **speeds(machine, spent[1]),
        "note": note,
    }
