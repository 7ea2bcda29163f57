"""Our side of a comparison: the tracker at steady memory, and its networks."""

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace

from benchmarks.machine import Machine
from benchmarks.movies import Cells
from napari_sam2.models.config import NANO
from napari_sam2.models.load import CHEAP_INPUT
from napari_sam2.models.memory import MemoryBank
from napari_sam2.models.network.sam2 import Sam2
from napari_sam2.models.plan import Anchor, ObjectRun, Pass
from napari_sam2.models.prompts import Prompt
from napari_sam2.models.results import FrameResult
from napari_sam2.models.tracker import Tracker, TrackerState
from napari_sam2.models.windows import around

WARM = 8
"""Frames after which as many memories are read as ever will be, all but the oldest pointers."""


class Ours:
    """Our tracker at steady memory: a few frames with one object, then any number of copies.

    Networks of a small input are asked as `napari_sam2.track` asks them by default.
    """

    def __init__(self, network: Sam2, movie: Cells, machine: Machine, framing: str) -> None:
        self.model = SimpleNamespace(network=network, device=machine.device)
        self.movie, self.framing = movie, framing
        self.average = framing != "frame" and network.config.image_size <= CHEAP_INPUT
        self.click = movie.start[0]
        tracker = self._tracker(TrackerState())
        self.first = [
            result for _, result in zip(range(machine.warm), tracker.run(self._plan(1)), strict=False)
        ]
        self.state = tracker.state
        bank = self.state.banks[1]
        for frame in range(machine.warm, WARM):
            bank.write(frame, bank.recent[machine.warm - 1], conditioning=False)

    def steps(self, n: int) -> Iterator[FrameResult]:
        """The frames after the warm ones, with `n` objects."""
        state = TrackerState(0, WARM)
        bank = self.state.banks[1]
        for i in range(n):
            y0, x0, y1, x1 = self.movie.box(i)
            state.banks[i + 1] = MemoryBank(dict(bank.conditioning), dict(bank.recent))
            state.windows[i + 1] = around((y0, x0, y1, x1), self.movie.shape[1:], self.framing)
            state.given[i + 1, 0] = deepcopy(self.state.given[1, 0])
        return self._tracker(state).run(self._plan(n))

    def _tracker(self, state: TrackerState) -> Tracker:
        return Tracker(self.model, self.movie, framing=self.framing, state=state, average=self.average)

    def _plan(self, n: int) -> tuple[Pass]:
        prompt, last = Prompt((self.click,), (1,)), len(self.movie) - 1
        return (Pass(1, tuple(ObjectRun(i + 1, (Anchor(0, prompt),), 0, last) for i in range(n))),)


def moved(network: Sam2, size: int) -> Sam2:
    """The same weights at another input size."""
    other = Sam2(network.config.at_size(size)).eval().requires_grad_(False)
    other.load_state_dict(network.state_dict())
    return other.to(next(network.parameters()).device)


def nano(machine: Machine) -> Sam2:
    """The bundled model."""
    from safetensors.torch import load_file

    network = Sam2(NANO).eval().requires_grad_(False)
    path = Path(__file__).parents[1] / "models" / "weights" / "nano.safetensors"
    network.load_state_dict(load_file(path))
    return network.to(machine.device)
