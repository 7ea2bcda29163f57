"""Two processes that train one small network together."""

import json
import subprocess
import sys
import time
from pathlib import Path

from napari_sam2.models.config import Sam2Config
from napari_sam2.models.training import train as trains
from napari_sam2.models.training.run import Length, Run
from napari_sam2.models.training.stages import Stage

ONE_OF_TWO = """
import json, sys
from pathlib import Path
import torch
from napari_sam2.models.config import Sam2Config
from napari_sam2.models.training import team as teams, train as trains
from napari_sam2.models.training.run import Length
from napari_sam2.models.training.stages import Stage

rank, folder, config = int(sys.argv[1]), Path(sys.argv[2]), Sam2Config.from_dict(json.loads(sys.argv[3]))
torch.set_num_threads(1)
trains.MEET_EVERY = 3
team = teams.Team(folder / "meeting", rank, 2)
plan = (Stage("stills", 1.0, size=64, windows=2),)
run = trains.train(folder / f"{rank}.safetensors", Length(steps=6), config=config, plan=plan, team=team)
report = {
    "weights": [float(p.double().abs().sum()) for p in run.model.parameters()],
    "averaged": [float(v.double().abs().sum()) for v in run.averaged.values()],
    "seconds": run.seconds,
    "draw": float(torch.rand(())),
    "moments": float(sum(s["exp_avg"].abs().sum() for s in run.optimisers[0].state.values())),
}
print(json.dumps(report))
team.leave()
"""


def test_two_processes_end_with_the_same_weights_from_windows_of_their_own(
    tiny: Sam2Config, tmp_path: Path
) -> None:
    config = json.dumps(tiny.to_dict())
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", ONE_OF_TWO, str(rank), str(tmp_path), config], stdout=subprocess.PIPE
        )
        for rank in range(2)
    ]
    outputs = [process.communicate(timeout=300)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    first, second = (json.loads(output.splitlines()[-1]) for output in outputs)
    for shared in ("weights", "averaged", "seconds"):
        assert first[shared] == second[shared], shared
    assert first["draw"] != second["draw"]
    assert first["moments"] != second["moments"]
    assert sorted(path.name for path in tmp_path.glob("?.*")) == ["0.jsonl", "0.run.pt", "0.safetensors"]


class Waits:
    """A team whose other process always comes half a second later."""

    rank, began, ended = 0, 0.0, 0.0

    def join(self, run: Run) -> None:
        self.began = time.perf_counter()

    def meet(self, run: Run) -> None:
        time.sleep(0.5)
        run.seconds += 0.5
        self.ended = time.perf_counter()


def test_waiting_for_others_counts_once(tiny: Sam2Config, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(trains, "MEET_EVERY", 1)
    plan = (Stage("geometry", 1.0, size=64, windows=1, frames=0),)
    team = Waits()
    run = trains.train(tmp_path / "one.safetensors", Length(steps=3), config=tiny, plan=plan, team=team)
    # Four meetings: before each step, and where the run ends.
    assert 2.0 <= run.seconds < team.ended - team.began + 0.1
