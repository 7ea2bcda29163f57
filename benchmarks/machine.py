"""The machine that a benchmark runs on, by name, and how time is taken on it."""

import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from napari_sam2.models.network.kernels import has_fast_bfloat16

Row = dict[str, Any]


@dataclass(frozen=True)
class Spent:
    """Seconds of one step: of the clock, and of the processor, all threads together."""

    clock: float
    processor: float


class Machine:
    """Where it runs, and how time is taken there."""

    def __init__(self, device: str, threads: int, warm: int) -> None:
        self.device = torch.device(device)
        self.peer_cost: dict[str, dict[int, float]] = {}
        torch.set_num_threads(threads)
        self.threads, self.warm = threads, warm

    @property
    def precisions(self) -> tuple[str, ...]:
        """What the device calculates in; a processor that lacks bfloat16 would take minutes a frame in it."""
        low = self.device.type != "cpu" or has_fast_bfloat16()
        return ("float32", "bfloat16") if low else ("float32",)

    def wait(self) -> None:
        """Until the device has done all that it was given."""
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def time(self, run: Callable[[], Any]) -> tuple[Any, Spent]:
        """Run something and say what it took."""
        self.wait()
        clock, processor = time.perf_counter(), time.process_time()
        result = run()
        self.wait()
        return result, Spent(time.perf_counter() - clock, time.process_time() - processor)

    def cost(self, spent: list[Spent]) -> float:
        """The median of what is compared: processor time on a processor, the clock elsewhere."""
        return float(np.median([s.processor if self.device.type == "cpu" else s.clock for s in spent]))

    def named(self) -> Row:
        """What the numbers were measured on."""
        row: Row = {
            "processor": processor_name(),
            "threads": self.threads,
            "frames tracked before": self.warm,
            "torch": torch.__version__,
            "python": platform.python_version(),
            "busy": f"{os.getloadavg()[0]:.1f} processes wanted to run when it began",
        }
        if self.device.type == "cuda":
            row["gpu"] = torch.cuda.get_device_name()
        return row


def processor_name() -> str:
    """The processor by its own name, and what it can multiply."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor()
    name = next(line.split(":")[1].strip() for line in text.splitlines() if line.startswith("model name"))
    kinds = [kind for kind in ("avx2", "avx512f", "avx512_bf16", "amx_tile") if f" {kind}" in text]
    return f"{name} ({', '.join(kinds)})"
