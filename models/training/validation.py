"""What a model in training is measured with: held-out windows, beside shapes drawn by rule."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from napari_sam2.models.network.sam2 import Sam2
from napari_sam2.models.training.clips import Bank
from napari_sam2.models.training.masks import intersection_over_union
from napari_sam2.models.training.pictures import Pictures
from napari_sam2.models.training.prompting import (
    BOTTOM_RIGHT,
    DEEP,
    INSIDE,
    OFF_CENTRE,
    TOP_LEFT,
    choose_targets,
    sample_boxes,
    sample_clicks,
)
from napari_sam2.models.training.stills import normalise

WINDOWS, SEED = 24, 1 << 30
FALSE_ALARMS = 0.05
LARGE, VIEWS = 256, 6
CLIPS, FRAMES = 16, 6
SPAN = (0.25, 0.5)
"""Extent of the measured objects as a share of the window: what the tracker's windows show."""
DISC = 0.16
"""Radius of the disc around a click, as a share of the window."""


@dataclass(frozen=True)
class Asked:
    """Windows with one object in each, and the prompts for it."""

    images_bchw: Tensor
    masks_bhw: Tensor
    prompts: dict[str, tuple[Tensor, Tensor]]


def ask(images_bchw: Tensor, labels_bhw: Tensor) -> Asked:
    """Choose an object in each window and draw a deep click, an off-centre click and a box for it."""
    targets = choose_targets(labels_bhw, 1, span=SPAN)
    kept = targets.weight_n > 0
    masks = targets.masks_nhw[kept]
    n = len(masks)
    one = torch.full((n, 1), INSIDE)
    corners = torch.tensor([[TOP_LEFT, BOTTOM_RIGHT]]).expand(n, 2)
    prompts = {
        "deep": (sample_clicks(masks, torch.full((n,), DEEP))[:, None], one),
        "off": (sample_clicks(masks, torch.full((n,), OFF_CENTRE))[:, None], one),
        "box": (sample_boxes(masks), corners),
    }
    return Asked(images_bchw[kept], masks, prompts)


def disc(points_n12: Tensor, size: int) -> Tensor:
    """Discs around clicks, bool (n, size, size)."""
    position = torch.arange(size)
    apart = (position - points_n12[..., 0]).square()[:, None, :] + (position - points_n12[..., 1]).square()[
        :, :, None
    ]
    return apart <= (DISC * size) ** 2


def ellipse(corners_n22: Tensor, size: int) -> Tensor:
    """Ellipses inscribed in boxes, bool (n, size, size)."""
    centre, radius = corners_n22.mean(1), (corners_n22[:, 1] - corners_n22[:, 0] + 1) / 2
    position = torch.arange(size)
    x_nw, y_nh = ((position - centre[:, i : i + 1]) / radius[:, i : i + 1] for i in (0, 1))
    return x_nw.square()[:, None, :] + y_nh.square()[:, :, None] <= 1


@dataclass(frozen=True)
class Watched:
    """Clips with two objects in each, and the prompts for them on the first frame."""

    images_btchw: Tensor
    masks_tnhw: Tensor
    image_n: Tensor
    prompts: dict[str, tuple[Tensor, Tensor]]


def watch(images_btchw: Tensor, labels_bthw: Tensor) -> Watched:
    """Choose objects on the first frames and draw a deep click and a box for each."""
    targets = choose_targets(labels_bthw[:, 0], 2, span=(0.15, 0.5))
    kept = targets.weight_n > 0
    image_n, label_n = targets.image_n[kept], targets.label_n[kept]
    masks_tnhw = (labels_bthw[image_n] == label_n[:, None, None, None]).transpose(0, 1)
    n = len(image_n)
    corners = torch.tensor([[TOP_LEFT, BOTTOM_RIGHT]]).expand(n, 2)
    clicks = sample_clicks(masks_tnhw[0], torch.full((n,), DEEP))[:, None]
    prompts = {
        "click": (clicks, torch.full((n, 1), INSIDE)),
        "box": (sample_boxes(masks_tnhw[0]), corners),
    }
    return Watched(images_btchw, masks_tnhw, image_n, prompts)


class Validation:
    """Held-out windows of every family and set; calling it measures a model.

    Parameters
    ----------
    real : Pictures or None
        Real images that are not learned from.
    device : torch.device
        Where the model is.
    size : int
        Of the windows, in pixels: the one that the model is being trained at.
    procedural : bool
        Measure on procedural windows besides.
    clips : int
        How many clips to follow objects in.
    """

    def __init__(
        self,
        real: Pictures | None,
        device: torch.device,
        size: int,
        *,
        procedural: bool = True,
        clips: int = CLIPS,
    ) -> None:
        from napari_sam2.sample_data.scenes import FAMILIES, generate

        self._device, self.size = device, size
        # Large windows cost more: fewer of them.
        fewer = min(1.0, LARGE / size)
        self.sets: dict[str, Asked] = {}
        self.clips: dict[str, Watched] = {}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(SEED)
            for family in FAMILIES if procedural else ():
                clip = generate(WINDOWS, frames=1, size=size, seed=SEED, families=(family,))
                self.sets[family] = ask(clip.images_btchw[:, 0], clip.labels_bthw[:, 0].long())
            if procedural:
                clip = generate(clips, frames=FRAMES, size=size, seed=SEED)
                self.clips["clips"] = watch(clip.images_btchw, clip.labels_bthw.long())
            if real is not None:
                rng = np.random.default_rng(SEED)
                most = 0
                for name in real.names():
                    # A handful of objects is not measured better by showing them again and again.
                    views = VIEWS * sum(len(picture.objects) for picture in real.stills[name])
                    most = max(most, views)
                    images, labels = real.windows(
                        min(round(2 * WINDOWS * fewer), views), size, rng, name=name, span=SPAN
                    )
                    self.sets[f"real {name}"] = ask(images.float() / 255, labels.long())
                images, labels = real.clips(min(round(clips * fewer), most), FRAMES, size, rng)
                self.clips["real clips"] = watch(images.float() / 255, labels.long())

    def __call__(self, model: Sam2) -> dict[str, dict[str, float]]:
        """Mean IoU by set and kind of prompt; and of a disc at the click and an ellipse in the box."""
        stills = {
            name: self._measure(model, asked) for name, asked in self.sets.items() if len(asked.masks_bhw)
        }
        return stills | {name: self._follow(model, watched) for name, watched in self.clips.items()}

    @torch.no_grad()
    def _measure(self, model: Sam2, asked: Asked) -> dict[str, float]:
        features = model.encode_image(normalise(asked.images_bchw.to(self._device)))
        result = {}
        for kind, (points, labels) in asked.prompts.items():
            answer = model.decode(
                model.without_memory(features.coarse_bchw),
                features,
                points.to(self._device),
                labels.to(self._device),
            )
            logits = model.choose(answer, multimask=kind != "box").logits_nhw.float()
            large = functional.interpolate(logits[:, None], scale_factor=4, mode="bilinear")[:, 0]
            result[kind] = _mean_iou(large.cpu() > 0, asked.masks_bhw)
        result["disc"] = _mean_iou(disc(asked.prompts["deep"][0], self.size), asked.masks_bhw)
        result["ellipse"] = _mean_iou(ellipse(asked.prompts["box"][0], self.size), asked.masks_bhw)
        return result

    @torch.no_grad()
    def _follow(self, model: Sam2, watched: Watched) -> dict[str, float]:
        images = watched.images_btchw.to(self._device)
        encoded = [model.encode_image(normalise(images[:, t])).take(watched.image_n) for t in range(FRAMES)]
        present_tn = watched.masks_tnhw.flatten(2).any(2)[1:]
        result = {
            "kept in place": self._mean_present(watched.masks_tnhw[:1].expand(FRAMES, -1, -1, -1), watched)
        }
        for kind, (points, labels) in watched.prompts.items():
            bank = Bank(model.config.max_pointers - 1)
            masks, scores = [], []
            for t, features in enumerate(encoded):
                if t == 0:
                    answer = model.decode(
                        model.without_memory(features.coarse_bchw),
                        features,
                        points.to(self._device),
                        labels.to(self._device),
                    )
                else:
                    answer, _ = bank.recall(model, features, t)
                found = model.choose(answer, multimask=t > 0 or kind == "click")
                bank.remember(model, features, found, t, conditioning=t == 0)
                large = functional.interpolate(
                    found.logits_nhw[:, None].float(), scale_factor=4, mode="bilinear"
                )
                masks.append(large[:, 0].cpu() > 0)
                scores.append(found.object_score_n.cpu())
            score_tn = torch.stack(scores[1:])
            result[kind] = self._mean_present(torch.stack(masks), watched)
            for name, where_tn in (("absences found", ~present_tn), ("false absences", present_tn)):
                if where_tn.any():
                    result[f"{kind} {name}"] = round(float((score_tn[where_tn] < 0).float().mean()), 3)
            if present_tn.any() and not present_tn.all():
                # Where the threshold would have to be, not where it is: how well the score tells them.
                threshold = torch.quantile(score_tn[present_tn].float(), FALSE_ALARMS)
                share = (score_tn[~present_tn] < threshold).float().mean()
                result[f"{kind} absences at 5 %"] = round(float(share), 3)
        return result

    @staticmethod
    def _mean_present(given_tnhw: Tensor, watched: Watched) -> float:
        """Mean IoU over the later frames on which an object is present."""
        iou_tn = intersection_over_union(given_tnhw[1:], watched.masks_tnhw[1:])
        return round(float(iou_tn[watched.masks_tnhw[1:].flatten(2).any(2)].mean()), 3)


def _mean_iou(given_nhw: Tensor, wanted_nhw: Tensor) -> float:
    return round(float(intersection_over_union(given_nhw, wanted_nhw).mean()), 3)
