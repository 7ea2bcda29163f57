"""A whole run, small: every stage, resuming, the weights file and the command."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from napari_sam2.models.checkpoints import read_checkpoint
from napari_sam2.models.config import Sam2Config
from napari_sam2.models.errors import ModelError
from napari_sam2.models.training import train as training
from napari_sam2.models.training.real_data import read_real
from napari_sam2.models.training.run import NEW_FACTOR, Length, Run
from napari_sam2.models.training.stages import PLAN, Stage, stage_at
from napari_sam2.models.training.train import train


def test_a_resumed_run_ends_with_the_same_weights(
    tiny: Sam2Config, tiny_plan: tuple[Stage, ...], real_folder: Path, tmp_path: Path
) -> None:
    common = dict(config=tiny, plan=tiny_plan, real=read_real(real_folder))
    whole = train(tmp_path / "whole.safetensors", Length(steps=12), **common)
    parts = tmp_path / "parts.safetensors"
    stopped = train(parts, Length(steps=12), until="stills", **common)
    assert stopped.step == 6
    resumed = train(parts, Length(steps=12), resume=True, **common)
    assert resumed.step == 12
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name
        assert torch.equal(whole.averaged[name], resumed.averaged[name]), name


def test_the_weights_file_holds_the_average(
    tiny: Sam2Config, tiny_plan: tuple[Stage, ...], tmp_path: Path
) -> None:
    out = tmp_path / "small.safetensors"
    run = train(out, Length(steps=4), config=tiny, plan=tiny_plan[:1])
    checkpoint = read_checkpoint(out)
    assert checkpoint.config == tiny
    assert checkpoint.state.keys() == run.averaged.keys()
    for name, value in load_file(out).items():
        torch.testing.assert_close(value.float(), run.averaged[name], rtol=1e-3, atol=1e-4)
    lines = [json.loads(line) for line in out.with_suffix(".jsonl").read_text().splitlines()]
    assert lines[0] == {"stage": "geometry", "step": 0, "minutes": 0.0}


def test_nothing_to_resume_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no run to resume; start without --resume"):
        Run.load(tmp_path / "none.run.pt", torch.device("cpu"))


def test_a_trained_model_leaves_out_what_only_a_new_one_needs_and_takes_smaller_steps(
    tiny: Sam2Config, tiny_plan: tuple[Stage, ...], tmp_path: Path
) -> None:
    def factors(run: Run) -> list[float]:
        return [group["factor"] for group in run.optimisers[1].param_groups]

    new = train(tmp_path / "new.safetensors", Length(steps=1), config=tiny, plan=tiny_plan[:1])
    out = tmp_path / "more.safetensors"
    run = train(out, Length(steps=4), plan=tiny_plan, start=new.averaged_model())
    lines = [json.loads(line) for line in out.with_suffix(".jsonl").read_text().splitlines()]
    assert [line["stage"] for line in lines if "stage" in line] == ["stills", "clips"]
    assert min(factors(new)) == NEW_FACTOR
    assert min(factors(run)) == 1
    assert factors(Run.load(out.with_suffix(".run.pt"), torch.device("cpu"))) == factors(run)


@pytest.mark.parametrize("fast", [True, False])
def test_products_are_in_bfloat16_where_that_is_fast(monkeypatch: pytest.MonkeyPatch, fast: bool) -> None:
    monkeypatch.setattr(training, "has_fast_bfloat16", lambda: fast)
    with training.fast_arithmetic(torch.device("cpu")):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == (torch.bfloat16 if fast else torch.float32)


def test_stages_follow_each_other() -> None:
    assert sum(stage.share for stage in PLAN) == pytest.approx(1)
    assert [stage_at(share).name for share in (0, 0.1, 0.13, 0.3, 0.999, 1)] == [
        "geometry",
        "stills",
        "matching",
        "clips",
        "large",
        "large",
    ]


@pytest.mark.parametrize("processes", [1, 2])
def test_the_command_says_what_is_wrong(tmp_path: Path, processes: int) -> None:
    command = [sys.executable, "-m", "napari_sam2.models.training", "--out", str(tmp_path / "x.safetensors")]
    result = subprocess.run(
        [*command, "--steps", "1", "--real", str(tmp_path), "--processes", str(processes)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert result.stderr.count("holds no labelled images") == 1
    assert "Traceback" not in result.stderr


def test_no_process_cannot_train(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from napari_sam2.models.training.command import main

    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as ended:
        patch.setattr(sys, "argv", ["x", "--out", str(tmp_path / "x"), "--steps", "1", "--processes", "0"])
        main()
    assert ended.value.code == 2
    assert "--processes is 0: at least one process has to train" in capsys.readouterr().err
