"""The state of a training run: what is saved, resumed and exported."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from napari_sam2.models.config import Sam2Config
from napari_sam2.models.errors import ModelError
from napari_sam2.models.network.sam2 import Sam2
from napari_sam2.models.training.initialise import initialise
from napari_sam2.models.training.muon import Muon
from napari_sam2.models.training.stills import DenseHead

LEARNING_RATE, LOWEST_RATE = 5e-4, 0.02
WARM_UP, WARM_UP_TRAINED = 100, 20
DECAY_FROM = 0.2
"""From this share of the run on the rate falls in a straight line; what begins late still learns fast."""
NARROWEST = 16
"""Sides of a matrix that has directions worth making equal."""
NEW_FACTOR = 4.0
"""The matrices of a network that begins from nothing take larger steps: a small one learned in 300 steps of
the geometry stage to 1.29, with factors of 1, 2 and 8 to 2.08, 1.55 and 1.04, with AdamW alone to 1.58."""
EMA_DECAY = 0.998
_LATE = ("memory_", "maskmem_", "no_mem_", "no_obj_", "obj_ptr_", "mask_downsample")
_DECODER = ("sam_mask_decoder.", "sam_prompt_encoder.")
LATE_FACTOR = 2.0
"""The memory path has less time than the rest and starts when the rate already falls: it learns faster."""


@dataclass(frozen=True)
class Length:
    """How long a run is: minutes of training, or steps."""

    minutes: float | None = None
    steps: int | None = None

    def share(self, seconds: float, step: int) -> float:
        """How much of the run is done, 0 to 1."""
        if self.steps is not None:
            return min(1.0, step / self.steps)
        assert self.minutes is not None
        return min(1.0, seconds / (60 * self.minutes))


class Run:
    """Model, averaged model, training aid and optimisers, with the counters that go with them.

    Parameters
    ----------
    config : Sam2Config
    seed : int
    device : torch.device
    start : Sam2, optional
        A trained model of this config to go on from; a new one otherwise.
    part : "all" or "decoder"
        What learns; the decoder is the mask decoder with the prompt encoder.
    rate : float
        Highest learning rate.

    Attributes
    ----------
    trained : bool
        Whether it began with a trained model.
    """

    def __init__(
        self,
        config: Sam2Config,
        seed: int,
        device: torch.device,
        start: Sam2 | None = None,
        *,
        part: str = "all",
        rate: float = LEARNING_RATE,
    ) -> None:
        torch.manual_seed(seed)
        self.config, self.seed, self.device, self.part, self.rate = config, seed, device, part, rate
        self.model = Sam2(config)
        self.trained = start is not None
        if start is None:
            initialise(self.model)
        else:
            self.model.load_state_dict(start.state_dict())
        self.model.to(device)
        self.head = DenseHead(config.hidden_dim).to(device)
        self.averaged = {name: value.clone() for name, value in self.model.state_dict().items()}
        for name, parameter in self.model.named_parameters():
            parameter.requires_grad_(part == "all" or name.startswith(_DECODER))
        self.parameters = [p for p in (*self.model.parameters(), *self.head.parameters()) if p.requires_grad]
        others, matrices = self._groups(matrices=False), self._groups(matrices=True)
        self.optimisers: tuple[torch.optim.Optimizer, ...] = (
            torch.optim.AdamW(others, lr=LEARNING_RATE, betas=(0.9, 0.98), fused=True),
            Muon(matrices, lr=LEARNING_RATE),
        )
        self.step, self.stage_step, self.stage, self.seconds = 0, 0, "", 0.0

    def _groups(self, *, matrices: bool) -> list[dict[str, Any]]:
        """Parameters by how they learn: norms, biases and embeddings are not pulled to zero.

        The matrices of linear layers learn with Muon (Jordan et al. 2024; its steps as large as
        AdamW's, Liu et al. 2025), which in two runs of seven minutes on equal windows got the loss
        of stills and of clips .03 and .06 lower; all else with AdamW.
        """
        linear = {
            f"{name}.weight"
            for name, module in self.model.named_modules()
            if isinstance(module, nn.Linear) and min(module.weight.shape) >= NARROWEST
        }
        groups: dict[tuple[bool, bool], list[Tensor]] = {}
        for name, parameter in self.model.named_parameters():
            if parameter.requires_grad and (name in linear) == matrices:
                pulled = parameter.ndim > 1 and min(parameter.shape[:2]) > 1
                groups.setdefault((pulled, name.startswith(_LATE)), []).append(parameter)
        bold = NEW_FACTOR if matrices and not self.trained else 1.0
        if not matrices:
            for parameter in self.head.parameters():
                groups.setdefault((parameter.ndim > 1, False), []).append(parameter)
        return [
            {
                "params": parameters,
                "weight_decay": 0.05 if pulled else 0.0,
                "factor": (LATE_FACTOR if late else 1.0) * bold,
            }
            for (pulled, late), parameters in groups.items()
        ]

    def enter(self, stage: str) -> None:
        """Begin a stage, unless the run was resumed inside it."""
        if stage != self.stage:
            self.stage, self.stage_step = stage, 0

    def learn(self, loss: Tensor, share: float) -> Tensor:
        """One optimiser step; returns the norm of the gradient."""
        rate = self.rate * min(1.0, (self.step + 1) / (WARM_UP_TRAINED if self.trained else WARM_UP))
        rate *= 1 - (1 - LOWEST_RATE) * max(0.0, share - DECAY_FROM) / (1 - DECAY_FROM)
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = rate * group["factor"]
            optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, 1.0, foreach=True)
        for optimiser in self.optimisers:
            optimiser.step()
        self.step += 1
        self.stage_step += 1
        # A young average follows quickly, so that it does not drag the initialisation along.
        decay = min(EMA_DECAY, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            state = self.model.state_dict()
            floats = [n for n, v in state.items() if v.is_floating_point()]
            torch._foreach_lerp_([self.averaged[n] for n in floats], [state[n] for n in floats], 1 - decay)
        return norm

    def averaged_model(self) -> Sam2:
        """A copy of the model that holds the averaged weights."""
        model = Sam2(self.config)
        model.load_state_dict(self.averaged)
        return model.to(self.device).eval()

    def save(self, path: Path) -> None:
        """Write all that an exact continuation needs; the file appears only when it is whole."""
        state = {
            "config": self.config.to_dict(),
            "seed": self.seed,
            "trained": self.trained,
            "part": self.part,
            "rate": self.rate,
            "model": self.model.state_dict(),
            "head": self.head.state_dict(),
            "averaged": self.averaged,
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "counters": (self.step, self.stage_step, self.stage, self.seconds),
            "random": torch.get_rng_state(),
            "random_device": torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None,
        }
        beside = path.with_name(f"{path.name}.{os.getpid()}.part")
        torch.save(state, beside)
        beside.replace(path)

    @classmethod
    def load(cls, path: Path, device: torch.device) -> "Run":
        """Continue from a file that `save` wrote.

        Raises
        ------
        ModelError
            When there is no such file.
        """
        if not path.is_file():
            raise ModelError(f"{path} does not exist: there is no run to resume; start without --resume")
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        config = Sam2Config.from_dict(state["config"])
        run = cls(config, state["seed"], device, part=state["part"], rate=state["rate"])
        run.trained = state["trained"]
        run.model.load_state_dict(state["model"])
        run.head.load_state_dict(state["head"])
        run.averaged = {name: value.to(device) for name, value in state["averaged"].items()}
        for optimiser, saved in zip(run.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        run.step, run.stage_step, run.stage, run.seconds = state["counters"]
        torch.set_rng_state(state["random"])
        if device.type == "cuda" and state["random_device"] is not None:
            torch.cuda.set_rng_state(state["random_device"], device)
        return run
