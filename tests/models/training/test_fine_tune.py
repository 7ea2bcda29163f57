"""Going on with a trained model on other images: it gets better on them, and only what may change does."""

from pathlib import Path

import numpy as np
import pytest
import torch

from napari_sam2.models.load import load_model
from napari_sam2.models.training.fine_tune import fine_tune
from napari_sam2.models.training.pictures import Pictures, picture
from napari_sam2.models.training.run import Length


def haloed(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Small bright dots whose labels reach far beyond them: no model can know that untaught."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:128, :128]
    image, labels = rng.normal(60, 6, (128, 128)), np.zeros((128, 128), np.int32)
    for i in range(4):
        centre = 32 + 64 * np.array(divmod(i, 2)) + rng.uniform(-6, 6, 2)
        away = np.hypot(y - centre[0], x - centre[1])
        image[away < 14] += 120
        labels[away < 24] = i + 1
    return image.clip(0, 255).astype(np.uint8)[None, ..., None], labels[None]


def dots(seeds: range) -> Pictures:
    return Pictures({"own": [picture(*haloed(seed)) for seed in seeds]}, [], {"own": 1.0}, along=0.0)


def test_a_model_learns_what_a_person_calls_an_object(tmp_path: Path) -> None:
    nano = load_model("nano", "cpu", image_size=128)
    out = tmp_path / "dots.safetensors"
    result = fine_tune(nano, dots(range(8)), dots(range(8, 10)), out, Length(steps=50), part="decoder")
    assert result.steps == 50
    assert result.after["real own"]["deep"] > result.before["real own"]["deep"] + 0.1
    tuned = load_model(out, "cpu")
    assert tuned.config == nano.config
    changed = {
        name.split(".")[0]
        for name, value in tuned.network.state_dict().items()
        if not torch.allclose(value, nano.network.state_dict()[name], atol=1e-3, rtol=1e-3)
    }
    assert changed <= {"sam_mask_decoder", "sam_prompt_encoder"} and changed


@pytest.mark.parametrize("size, windows", [(256, 4), (1024, 1)])
def test_batches_fit_the_size_of_the_input(size: int, windows: int) -> None:
    from napari_sam2.models.training.fine_tune import stage_for

    stage = stage_for(size)
    assert (stage.size, stage.windows, stage.real) == (size, windows, 1.0)
