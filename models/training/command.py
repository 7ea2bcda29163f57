"""The command line of the training: one process, or several that train together."""

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch.multiprocessing.spawn import ProcessExitedException, spawn

from napari_sam2.models.errors import ModelError
from napari_sam2.models.load import load_model
from napari_sam2.models.training.real_data import read_real
from napari_sam2.models.training.run import Length
from napari_sam2.models.training.stages import PLAN
from napari_sam2.models.training.team import Team
from napari_sam2.models.training.train import train
from napari_sam2.models.training.validation import Validation

DESCRIPTION = "`python -m napari_sam2.models.training --out FILE --minutes N`: train the bundled model."


def work(arguments: argparse.Namespace, team: Team | None = None) -> None:
    """Train as the command line says."""
    torch.set_num_threads(arguments.threads)
    device = torch.device(arguments.device)
    real = read_real(arguments.real) if arguments.real else None
    held = read_real(arguments.real, held_out=True) if arguments.real else None
    train(
        arguments.out,
        Length(arguments.minutes, arguments.steps),
        real=real,
        checks=lambda size: Validation(held, device, size),
        device=device,
        seed=arguments.seed,
        resume=arguments.resume,
        start=load_model(arguments.start, device="cpu").network if arguments.start else None,
        until=arguments.until,
        team=team,
    )


def work_together(rank: int, arguments: argparse.Namespace, meeting_file: Path) -> None:
    """One of several processes that train together; ends itself with status 2 where it cannot begin."""
    team = Team(meeting_file, rank, arguments.processes)
    try:
        work(arguments, team)
    except ModelError as error:
        if not rank:
            print(error, file=sys.stderr, flush=True)
        # The first to end has the others stopped, who may not have said yet what is wrong.
        team.leave()
        sys.exit(2)
    team.leave()


def main() -> int:
    """Read the command line, train; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m napari_sam2.models.training", description=DESCRIPTION)
    parser.add_argument("--out", type=Path, required=True, help="weights file to write, .safetensors")
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument("--minutes", type=float, help="length of the whole run in minutes of training")
    length.add_argument("--steps", type=int, help="length of the whole run in steps")
    parser.add_argument("--real", type=Path, help="folder with real labelled images to learn from besides")
    parser.add_argument("--device", default="cpu", help="cpu (default), cuda or mps")
    parser.add_argument("--threads", type=int, default=1, help="threads of each process (default 1)")
    parser.add_argument("--processes", type=int, default=1, help="processes that train together")
    parser.add_argument("--seed", type=int, default=0)
    start = parser.add_mutually_exclusive_group()
    start.add_argument("--start", help="go on from a trained model, by name or file, in a new run")
    start.add_argument("--resume", action="store_true", help="go on from the state saved beside FILE")
    parser.add_argument("--until", choices=[stage.name for stage in PLAN], help="stop after this stage")
    arguments = parser.parse_args()
    if arguments.processes < 1:
        parser.error(f"--processes is {arguments.processes}: at least one process has to train")
    try:
        if arguments.processes == 1:
            work(arguments)
        else:
            with TemporaryDirectory() as folder:
                meeting_file = Path(folder) / "meeting"
                spawn(work_together, (arguments, meeting_file), nprocs=arguments.processes)
    except ModelError as error:
        print(error, file=sys.stderr)
        return 2
    except ProcessExitedException as ended:
        return ended.exit_code or 1
    return 0
