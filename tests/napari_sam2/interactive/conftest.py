"""A model that is quick and simple in place of the real one, and a watch over threads and processes."""

import threading
from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from napari_sam2 import open_frames
from napari_sam2.frames import Frames
from napari_sam2.interactive.agenda import Agenda
from napari_sam2.interactive.live import Live
from napari_sam2.interactive.requests import (
    Done,
    Failed,
    Follow,
    Found,
    Loaded,
    Look,
    Prepare,
    Request,
    Seen,
    UseModel,
    halved,
)
from napari_sam2.models.results import FrameResult, MaskPatch

FRAMES, HEIGHT, WIDTH = 12, 40, 48


def disc(object_id: int, y: float, x: float, radius: float, logit: float = 5.0) -> MaskPatch:
    """A round mask, its logits larger in the middle."""
    yy, xx = np.mgrid[:HEIGHT, :WIDTH]
    logits_hw = (logit * (1 - ((yy - y) ** 2 + (xx - x) ** 2) / radius**2)).astype(np.float32)
    ys, xs = np.flatnonzero((logits_hw > 0).any(1)), np.flatnonzero((logits_hw > 0).any(0))
    if not len(ys):
        return MaskPatch(object_id, 0, 0, np.zeros((0, 0), np.float32), 0.3, 0.1)
    cut = logits_hw[ys[0] : ys[-1] + 1, xs[0] : xs[-1] + 1]
    return halved(MaskPatch(object_id, int(ys[0]), int(xs[0]), cut, 0.9, 0.95))


def of_prompt(object_id: int, prompt, hint=None) -> MaskPatch:
    """Where a prompt is: a disc whose size tells how many points there are, and whether it corrects."""
    if prompt.mask is not None:
        ys, xs = np.nonzero(prompt.mask)
        if not len(ys):
            return MaskPatch(object_id, 0, 0, np.zeros((0, 0), np.float32), 1.0, 0.0)
        return disc(object_id, ys.mean(), xs.mean(), max(np.sqrt(len(ys) / np.pi), 1))
    ys, xs = np.array([*prompt.points, *([np.reshape(prompt.box, (2, 2)).mean(0)] if prompt.box else [])]).T
    return disc(object_id, ys.mean(), xs.mean(), 4 + len(prompt.points) + 3 * (hint is not None))


class Simple:
    """Answers as a worker does: an object drifts by a pixel a frame from where it was given nearest."""

    def __init__(self) -> None:
        self.fails: dict[type, str] = {}

    def answer(self, request: Request) -> Iterator:
        if type(request) in self.fails:
            yield Failed(request.number, self.fails.pop(type(request)))
        elif isinstance(request, UseModel):
            yield Loaded(request.number, request.name, "ab" * 32, "cpu", 256)
        elif isinstance(request, Look):
            patch = of_prompt(request.object_id, request.prompt, request.hint)
            yield Seen(request.number, request.object_id, request.frame, patch)
        elif isinstance(request, Prepare):
            yield Done(request.number)
        elif isinstance(request, Follow):
            yield from self._follow(request)

    def _follow(self, request: Follow) -> Iterator:
        for walk in request.plan:
            for frame in walk.frames():
                runs = [run for run in walk.runs if run.covers(frame)]
                if not runs:
                    continue
                patches = tuple(self._one(run, frame, walk.direction) for run in runs)
                yield Found(
                    request.number,
                    FrameResult(frame, (HEIGHT, WIDTH), patches, walk.keep_others),
                    walk.direction,
                )
        yield Done(request.number)

    def _one(self, run, frame: int, direction: int) -> MaskPatch:
        behind = [a for a in run.anchors if (frame - a.frame) * direction >= 0] or list(run.anchors)
        anchor = min(behind, key=lambda a: abs(a.frame - frame))
        patch = of_prompt(run.object_id, anchor.prompt)
        if not patch.logits_hw.size:
            return patch
        y = patch.top + patch.logits_hw.shape[0] / 2
        x = patch.left + patch.logits_hw.shape[1] / 2 + (frame - anchor.frame)
        return disc(run.object_id, y, x, patch.logits_hw.shape[0] / 2)


class Inline:
    """An engine in the same thread: `answers` takes one step after the other; `steps` limits them."""

    def __init__(self, frames: Frames, worker=None) -> None:
        self.worker = worker or Simple()
        self.asked: list[Request] = []
        self._agenda = Agenda(self.worker)
        self._open: set[int] = set()
        self._answers: Iterator | None = None
        self.closed = False

    def ask(self, request: Request) -> None:
        self.asked.append(request)
        for other in self.asked[:-1]:
            if isinstance(request, Look) and isinstance(other, Look) and other.number in self._open:
                if (other.object_id, other.frame) == (request.object_id, request.frame):
                    self._open.discard(other.number)
        self._open.add(request.number)
        self._agenda.add(request)

    def cancel(self, number: int) -> None:
        self._open.discard(number)
        self._agenda.cancel(number)

    def answers(self, seconds: float, *, wait: bool = False, steps: int = 10**6) -> Iterator:
        for _ in range(steps if wait else min(steps, 1)):
            self._answers = self._answers or self._agenda.answers()
            answer = next(self._answers, None)
            if answer is None:
                self._answers = None
                return
            if answer.number in self._open:
                if isinstance(answer, Done | Failed | Loaded | Seen):
                    self._open.discard(answer.number)
                yield answer

    @property
    def idle(self) -> bool:
        return not self._open

    def close(self) -> None:
        self.closed = True
        self._open.clear()


def _children() -> set[int]:
    """Processes begun by this one; other tests may have some that last."""
    return {child.pid for child in psutil.Process().children()}


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch) -> Iterator[None]:
    """Sessions go to a folder of the test; no thread and no process outlives it."""
    monkeypatch.setenv("NAPARI_SAM2_SESSIONS", str(tmp_path / "sessions"))
    before = _children()
    yield
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("napari-sam2")] == []
    assert _children() <= before


@pytest.fixture(scope="session")
def stack() -> np.ndarray:
    """Noise with a bright disc in the middle that drifts to the right."""
    rng = np.random.default_rng(0)
    yy, xx = np.mgrid[:HEIGHT, :WIDTH]
    image = rng.normal(20, 3, (FRAMES, HEIGHT, WIDTH))
    for frame in range(FRAMES):
        image[frame] += 100 * ((yy - 20) ** 2 + (xx - 14 - frame) ** 2 < 8**2)
    return image.astype(np.float32)


@pytest.fixture(scope="session")
def frames(stack) -> Frames:
    return open_frames(stack, axis="t")


@pytest.fixture
def simple(monkeypatch) -> None:
    """The quick model for every `Live`."""
    monkeypatch.setattr("napari_sam2.interactive.asking.Engine", Inline)


@pytest.fixture
def live(frames, simple) -> Iterator[Live]:
    """A session on a small stack, with a list of its notices."""
    live = Live(frames)
    live.notices = []
    live.notice.connect(live.notices.append)
    yield live
    live.close()


@pytest.fixture(scope="session")
def lively(enliven) -> SimpleNamespace:
    """A small network with random but lively weights: its masks are nonsense, but they react."""
    import torch

    from napari_sam2.models.config import Sam2Config
    from napari_sam2.models.network.sam2 import Sam2

    torch.manual_seed(5)
    config = Sam2Config(
        embed_dim=16, blocks=(1, 1, 2, 1), global_blocks=(3,), windows=(4, 4, 4, 4), background_size=4,
        image_size=64, hidden_dim=64, decoder_heads=2, decoder_mlp=64, iou_hidden=64, memory_layers=1,
        memory_mlp=64,
    )  # fmt: skip
    network = Sam2(config).eval()
    enliven(network)
    return SimpleNamespace(
        network=network,
        device=torch.device("cpu"),
        config=config,
        name="lively",
        sha256="0" * 64,
        options={},
        averages=lambda framing: framing != "frame",
    )
