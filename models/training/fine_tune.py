"""Fine-tune any model on a person's own labelled images."""

from dataclasses import dataclass
from pathlib import Path

from napari_sam2.models.load import LoadedModel
from napari_sam2.models.training.pictures import Pictures
from napari_sam2.models.training.run import Length, Run
from napari_sam2.models.training.stages import Stage
from napari_sam2.models.training.train import train
from napari_sam2.models.training.validation import Validation

SMALL_INPUT = 256
"""Up to this input size, in pixels, batches of several windows fit any machine."""
RATE, RATE_LARGE = 2e-4, 1e-5
"""Learning rates, for models of small input and for the published ones."""

Scores = dict[str, dict[str, float]]
"""Mean IoU by set and kind of prompt, see `Validation`."""


@dataclass(frozen=True)
class FineTuned:
    """How good a model was before, and is now, on images that it did not learn from."""

    before: Scores
    after: Scores
    steps: int


def stage_for(image_size: int) -> Stage:
    """What a model of this input size learns from the images: stills, and clips to keep its memory."""
    small = image_size <= SMALL_INPUT
    return Stage(
        "own",
        1.0,
        size=image_size,
        windows=4 if small else 1,
        prompts=3 if small else 2,
        frames=4 if small else 3,
        clips=2 if small else 1,
        followed=4 if small else 2,
        following=0.3,
        real=1.0,
        gpu_batch=12 if small else 1,
    )


def fine_tune(
    model: LoadedModel,
    learned: Pictures,
    held: Pictures,
    out: Path,
    length: Length,
    *,
    part: str = "all",
    seed: int = 0,
    resume: bool = False,
) -> FineTuned:
    """Go on training a model, and write its weights to `out`.

    Parameters
    ----------
    model : LoadedModel
        What to start from, on the device to train on.
    learned : Pictures
        To learn from.
    held : Pictures
        To measure with.
    out : Path
        Weights file, `.safetensors`.
    length : Length
        How long to train.
    part : "all" or "decoder"
        See `Run`.
    seed : int
        Of windows, prompts and changes of the images.
    resume : bool
        Go on with an interrupted run.

    Raises
    ------
    ModelError
        When there is nothing to resume, or the file cannot be written.
    """
    size = model.config.image_size
    check = Validation(held, model.device, size, procedural=False)
    before = check(model.network)
    run: Run = train(
        out,
        length,
        plan=(stage_for(size),),
        real=learned,
        device=model.device,
        seed=seed,
        resume=resume,
        start=model.network,
        part=part,
        rate=RATE if size <= SMALL_INPUT else RATE_LARGE,
    )
    return FineTuned(before, check(run.averaged_model()), run.step)
