"""`napari-sam2 train`: teach a model a person's own images."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

Images = Annotated[Path, Parameter(help="Folder of images or stacks: png, jpg or tif.")]
Labels = Annotated[
    Path,
    Parameter(help="Folder of their label images, of the same names; 0 is background, else the object."),
]
Model = Annotated[str, Parameter(help="What to start from: a name of `napari-sam2 models list`, or a file.")]
OutFile = Annotated[Path, Parameter(help="The weights file to write, .safetensors.")]
Part = Annotated[
    Literal["all", "decoder"],
    Parameter(help="What learns: the whole model, or its mask decoder only, which needs fewer images."),
]
Minutes = Annotated[float, Parameter(help="How long to train.")]
Device = Annotated[str, Parameter(help="Where to train: auto, cpu, cuda or mps.")]
Resume = Annotated[bool, Parameter(negative="", help="Go on with a run that was interrupted.")]

_SHOWN = {"deep": "one click", "off": "click off-centre", "box": "box", "click": "followed, click"}


def train(
    *,
    images: Images,
    labels: Labels,
    out: OutFile,
    model: Model = "nano",
    part: Part = "all",
    minutes: Minutes = 30.0,
    device: Device = "auto",
    resume: Resume = False,
) -> None:
    """Fine-tune a model on labelled images of your own.

    For example:

        napari-sam2 train --images images --labels labels --out mine.safetensors
        napari-sam2 track movie.tif --prompts clicks.csv --out results \\
            --model mine.safetensors

    An image and its labels have the same name but for the suffix. They are
    single images, or stacks over time or depth in which an id stays with its
    object. Every fifth one is not learned from: it measures the model before
    and after, and the table that is printed says whether it was worth it.
    Beside the weights lie a log and the state of the run, for --resume.
    """
    from napari_sam2.errors import InputError
    from napari_sam2.own_images import read_own

    if out.suffix != ".safetensors":
        raise InputError(f"{out} would not be found as weights; let the name end in .safetensors")
    if out.exists() and not resume:
        raise InputError(f"{out} exists; choose another name, or --resume to go on with its run")
    if not minutes > 0:
        raise InputError(f"--minutes is {minutes:g}; give a number above 0")
    learned, held = read_own(images, labels)

    from napari_sam2.models.load import load_model
    from napari_sam2.models.training.fine_tune import fine_tune
    from napari_sam2.models.training.run import Length

    result = fine_tune(
        load_model(model, device), learned, held, out, Length(minutes=minutes), part=part, resume=resume
    )
    print(f"{result.steps} steps; mean IoU on images that were not learned from:")
    for name, before in result.before.items():
        for kind, words in _SHOWN.items():
            if kind in before:
                print(f"  {words:18} {before[kind]:.3f} -> {result.after[name][kind]:.3f}")
    print(f"weights   {out}")
