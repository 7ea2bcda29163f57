"""One command trains the bundled model from nothing: `python -m napari_sam2.models.training`."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from napari_sam2.models.checkpoints.writer import save_weights
from napari_sam2.models.config import NANO, Sam2Config
from napari_sam2.models.network.kernels import has_fast_bfloat16
from napari_sam2.models.network.sam2 import Sam2
from napari_sam2.models.training.pictures import Pictures
from napari_sam2.models.training.replay import Replay
from napari_sam2.models.training.run import LEARNING_RATE, Length, Run
from napari_sam2.models.training.stages import (
    PLAN,
    Stage,
    draw_batch,
    replay_for,
    stage_at,
    stage_loss,
)
from napari_sam2.models.training.team import MEET_EVERY, Team
from napari_sam2.models.training.validation import Validation

LOG_EVERY, SAVE_SECONDS, VALIDATE_SECONDS = 100, 120.0, 480.0


@contextmanager
def fast_arithmetic(device: torch.device) -> Iterator[None]:
    """bfloat16 where it is safe, on devices that calculate in it.

    On such a processor plain attention is the faster kernel at these sizes.
    """
    if device.type == "cpu":
        if has_fast_bfloat16():
            with torch.autocast("cpu", torch.bfloat16), sdpa_kernel(SDPBackend.MATH):
                yield
        else:
            yield
    else:
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.benchmark = True
        with torch.autocast(device.type, torch.bfloat16):
            yield


class Log:
    """JSON lines beside the weights, and on the screen."""

    def __init__(self, path: Path, *, silent: bool) -> None:
        self._path, self._silent = path, silent

    def __call__(self, **entry: object) -> None:
        if self._silent:
            return
        line = json.dumps(entry)
        with self._path.open("a") as file:
            file.write(line + "\n")
        print(line, flush=True)


def train(
    out: Path,
    length: Length,
    *,
    config: Sam2Config = NANO,
    plan: tuple[Stage, ...] = PLAN,
    real: Pictures | None = None,
    checks: Callable[[int], Validation] | None = None,
    device: torch.device | None = None,
    seed: int = 0,
    resume: bool = False,
    start: Sam2 | None = None,
    part: str = "all",
    rate: float = LEARNING_RATE,
    until: str | None = None,
    team: Team | None = None,
) -> Run:
    """Train, and write the averaged weights to `out` whenever the run is saved.

    Parameters
    ----------
    out : Path
        Weights file, `.safetensors`; the state of the run and its log lie beside it.
    length : Length
        Of the whole run; the learning rate follows it.
    config : Sam2Config
        Sizes of the network, for a new run.
    plan : tuple of Stage
        What is learned one after the other.
    real : Pictures, optional
        Real labelled images to learn from.
    checks : callable, optional
        From the size of a stage's windows to what measures the model as it goes.
    device : torch.device, optional
        The processor by default.
    seed : int
        Of a new run.
    resume : bool
        Go on from the saved state.
    start : Sam2, optional
        Go on from a trained model, in a new run, which leaves out what only a new network needs: where
        prompts point, and to find places again.
    part, rate
        Of a new run; see `Run`.
    until : str, optional
        Stop when this stage is done.
    team : Team, optional
        The processes that train this model together; the first one writes and measures.

    Returns
    -------
    Run
        As it stands at the end.

    Raises
    ------
    ModelError
        When there is nothing to resume.
    """
    device = device or torch.device("cpu")
    out.parent.mkdir(parents=True, exist_ok=True)
    state_path = out.with_suffix(".run.pt")
    if start is not None:
        config = start.config
    run = Run.load(state_path, device) if resume else Run(config, seed, device, start, part=part, rate=rate)
    if run.trained:
        plan = tuple(stage for stage in plan if stage.frames and not stage.matching)
    leads = team is None or team.rank == 0
    if team is not None:
        team.join(run)
    if not leads:
        checks = None
    log = Log(out.with_suffix(".jsonl"), silent=not leads)
    check: Validation | None = None
    store: Replay | None = None
    current: Stage | None = None
    last_save = last_check = run.seconds
    tick = time.perf_counter()
    recent: list[Tensor] = []

    def keep() -> None:
        if not leads:
            return
        run.save(state_path)
        notes = {"steps": str(run.step), "seed": str(run.seed), "minutes": f"{run.seconds / 60:.1f}"}
        save_weights(out, run.averaged_model(), half=True, notes=notes)

    for taken in count():
        # What decides what comes next has to be the same in all processes: it changes when they meet.
        if team is None or taken % MEET_EVERY == 0:
            if team is not None:
                team.meet(run)
                # The clock of the latest process counts what the others waited for.
                tick = time.perf_counter()
            share = length.share(run.seconds, run.step)
        if share >= 1.0:
            break
        stage = stage_at(share, plan)
        scale = 1 if device.type == "cpu" else stage.gpu_batch
        if stage is not current:
            if until is not None and current is not None and current.name == until:
                break
            current = stage
            run.enter(stage.name)
            store = replay_for(stage, run, real, scale)
            if checks is not None and (check is None or check.size != stage.size):
                check = checks(stage.size)
            log(stage=stage.name, step=run.step, minutes=round(run.seconds / 60, 2))
        clips = None if store is None else draw_batch(stage, run, store, scale)
        with fast_arithmetic(device):
            loss = stage_loss(stage, run, clips, scale, share)
        norm = run.learn(loss, share)
        recent.append(torch.stack([loss.detach(), norm]))
        now = time.perf_counter()
        run.seconds, tick = run.seconds + now - tick, now
        if run.step % LOG_EVERY == 0:
            mean_loss, mean_norm = torch.stack(recent).mean(0).tolist()
            recent.clear()
            log(step=run.step, minutes=round(run.seconds / 60, 2), loss=mean_loss, norm=mean_norm)
        if run.seconds - last_save > SAVE_SECONDS:
            keep()
            last_save = run.seconds
        if check is not None and run.seconds - last_check > VALIDATE_SECONDS:
            log(step=run.step, minutes=round(run.seconds / 60, 2), validation=check(run.averaged_model()))
            last_check = run.seconds
    keep()
    if check is not None:
        log(step=run.step, minutes=round(run.seconds / 60, 2), validation=check(run.averaged_model()))
    return run
