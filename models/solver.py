"""Finds many objects on one frame: prompted, followed or given, all through the same batched call."""

import warnings
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_sam2.models.memory import Memory, Reading
from napari_sam2.models.prompts import Prompt
from napari_sam2.models.results import MaskPatch
from napari_sam2.models.scene import Scene
from napari_sam2.models.views import View, look_mask, put_back, tighten

if TYPE_CHECKING:
    from torch import Tensor
    from torch import device as Device

    from napari_sam2.models.network.sam2 import Decoded, ImageFeatures, Sam2

GIVEN_LOGIT = 10.0
"""Logit of the pixels of a mask that was given, not found."""


@dataclass(frozen=True, eq=False)
class Task:
    """One object to find on one frame.

    Attributes
    ----------
    object_id : int
        Whom.
    view : View
        Where to look.
    reading : Reading or None
        What to remember; None decodes from the image alone.
    prompt : Prompt or None
        What was said; None follows the memory.
    hint : bool array (y, x) or None
        The mask found on this frame before, shown to the decoder with a correction.
    average : bool
        Take care: decode in several views and take the mean, where there is no reading; of an ambiguous
        answer take the mask to be expected; make masks agree with clicks and a box; look at `input` pixels.
    input : int or None
        Side of the network's input that shows the object well, in pixels; None for the network's own.
    """

    object_id: int
    view: View
    reading: Reading | None = None
    prompt: Prompt | None = None
    hint: NDArray[np.bool_] | None = None
    average: bool = False
    input: int | None = None

    @property
    def points(self) -> int:
        """Points of the prompt as the network counts them: a box is two."""
        prompt = self.prompt
        return len(prompt.points) + 2 * self.boxed if prompt else 0

    @property
    def boxed(self) -> bool:
        """Whether the prompt has a box."""
        return self.prompt is not None and self.prompt.box is not None

    @property
    def layout(self) -> tuple[Any, ...]:
        """Tasks of equal layout run in one batch without padding, so results equal single runs."""
        prompt = self.prompt
        return (
            self.reading.layout if self.reading else None,
            prompt is not None and prompt.mask is not None,
            prompt is not None,
            self.points,
            self.hint is not None,
            self.average,
        )


@dataclass(frozen=True, eq=False)
class Seen:
    """What was found of one object.

    Attributes
    ----------
    patch : MaskPatch
        The mask on the frame.
    memory : Memory
        What to remember of it.
    logits_hw : Tensor
        Mask logits of the view at the network's own resolution (stride 4).
    """

    patch: MaskPatch
    memory: Memory
    logits_hw: "Tensor"


class Solver:
    """Runs tasks in batches; a batch that does not fit in memory is halved, for good.

    Parameters
    ----------
    network : Sam2
        In evaluation mode, on `device`.
    device : torch device
        Where the network is.
    n_frames : int
        Length of the stack: the temporal encoding of object pointers depends on it.
    batch : int, optional
        Most objects at once; by default few on a processor, whose caches are small, and many elsewhere.
    """

    def __init__(self, network: "Sam2", device: "Device", n_frames: int, batch: int | None = None) -> None:
        self.network, self.device, self.n_frames = network, device, n_frames
        self.batch = batch or (16 if device.type == "cpu" else 64)

    def solve(self, scene: Scene, tasks: Sequence[Task]) -> list[Seen]:
        """Find all objects of a frame, in the order of `tasks`."""
        import torch

        groups: dict[Any, list[int]] = defaultdict(list)
        for i, task in enumerate(tasks):
            groups[task.layout, self._input(task)].append(i)
        seen: dict[int, Seen] = {}
        with torch.inference_mode():
            for (_, size), indices in groups.items():
                start = 0
                while start < len(indices):
                    part = indices[start : start + self.batch]
                    try:
                        found = self._run(scene, [tasks[i] for i in part], size)
                    except RuntimeError as error:
                        if not out_of_memory(error) or self.batch == 1:
                            raise
                        self._halve(len(part))
                        continue
                    seen.update(zip(part, found, strict=True))
                    start += len(part)
        return [seen[i] for i in range(len(tasks))]

    def _halve(self, size: int) -> None:
        import torch

        self.batch = max(1, min(self.batch, size) // 2)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        warnings.warn(
            f"memory is short: going on with {self.batch} objects at a time", RuntimeWarning, stacklevel=2
        )

    def _input(self, task: Task) -> int:
        """Side of the network's input for a task, in pixels."""
        own = self.network.config.image_size
        wanted = task.input if task.average else None
        # A network that is used to far larger inputs would not know what it sees.
        return own if wanted is None or not wanted < own < 2 * wanted else wanted

    def _run(self, scene: Scene, tasks: list[Task], size: int) -> list[Seen]:
        """One batch of tasks of equal layout and input size."""
        import torch
        import torch.nn.functional as F

        features = scene.features([task.view for task in tasks], size)
        prompts = [task.prompt for task in tasks if task.prompt is not None]
        given = bool(prompts) and prompts[0].mask is not None
        if given:
            masks_nhw = torch.stack([self._mask(task, size) for task in tasks])
            found = self.network.given(features, masks_nhw)
            logits_n1hw = masks_nhw[:, None] * 2 - 1
        else:
            decoded = self._decode(features, tasks, size)
            if tasks[0].average:
                decoded = self._careful(scene, tasks, decoded, size)
            if tasks[0].prompt is None:
                decoded = self._cut(tasks, decoded)
            # At most one point is ambiguous; following (no point) counts as such in SAM 2.
            found = self.network.choose(decoded, multimask=tasks[0].points <= 1)
            logits_n1hw = F.interpolate(
                found.logits_nhw[:, None].float(), size=(size, size), mode="bilinear", align_corners=False
            )
        spatial_nchw = self.network.write_memory(
            features.coarse_bchw, logits_n1hw, found.object_score_n, binary=bool(prompts)
        ).to(torch.bfloat16)
        # Clones: a view would keep the whole batch's memory alive as long as one object's.
        memories = [
            Memory(pointer_c.clone(), spatial_chw.clone())
            for pointer_c, spatial_chw in zip(found.pointer_nc, spatial_nchw, strict=True)
        ]
        scores_n2 = torch.stack((found.iou_n.float(), found.object_score_n.float().sigmoid()), dim=1)
        # One transfer, and so one wait, for a whole batch.
        answers = torch.cat((scores_n2, found.logits_nhw.float().flatten(1)), dim=1).cpu().numpy()
        logits_nhw = answers[:, 2:].reshape(found.logits_nhw.shape)
        return [
            Seen(self._patch(task, logits_hw, iou, score, scene.shape), memory, seen_hw)
            for task, logits_hw, (iou, score), memory, seen_hw in zip(
                tasks, logits_nhw, answers[:, :2].tolist(), memories, found.logits_nhw, strict=True
            )
        ]

    def _careful(self, scene: Scene, tasks: list[Task], answer: "Decoded", size: int) -> "Decoded":
        import torch

        from napari_sam2.models.averaging import BOXED, CLICKED, FOLLOWED, expected

        first = tasks[0].reading is None
        if first:
            answer = self._average(scene, tasks, answer, size)
        if tasks[0].points <= 1:
            answer = expected(answer, *(CLICKED if first else FOLLOWED))
        elif any(task.boxed for task in tasks):
            boxed_n111 = torch.tensor([task.boxed for task in tasks], device=self.device)[:, None, None, None]
            several_n4hw = expected(answer, *BOXED).logits_n4hw
            answer = replace(answer, logits_n4hw=several_n4hw.where(boxed_n111, answer.logits_n4hw.float()))
        return self._agree(tasks, answer, size)

    def _average(self, scene: Scene, tasks: list[Task], first: "Decoded", size: int) -> "Decoded":
        from napari_sam2.models.averaging import averaged, other_views

        views = [task.view for task in tasks]
        others = zip(*(other_views(t.view, t.prompt, scene.shape) for t in tasks if t.prompt), strict=True)
        answers = []
        for views_n in others:
            turned = [replace(task, view=view) for task, view in zip(tasks, views_n, strict=True)]
            answers.append((views_n, self._decode(scene.features(views_n, size), turned, size)))
        return averaged(first, views, answers)

    def _agree(self, tasks: list[Task], answer: "Decoded", size: int) -> "Decoded":
        from napari_sam2.models.agreement import agreeing

        views = [task.view for task in tasks]
        points_nk2, labels_nk = to_points(tasks, size, self.device)
        logits_n4hw = agreeing(answer.logits_n4hw.float(), points_nk2, labels_nk, views, size)
        return replace(answer, logits_n4hw=logits_n4hw)

    def _cut(self, tasks: list[Task], answer: "Decoded") -> "Decoded":
        levels = [task.reading.level if task.reading is not None else 0.0 for task in tasks]
        if not any(levels):
            return answer
        level_n111 = answer.logits_n4hw.new_tensor(levels)[:, None, None, None]
        return replace(answer, logits_n4hw=answer.logits_n4hw - level_n111)

    def _decode(self, features: "ImageFeatures", tasks: list[Task], size: int) -> "Decoded":
        import torch
        import torch.nn.functional as F

        points_nk2, labels_nk = to_points(tasks, size, self.device)
        hint_n1hw = None
        if tasks[0].hint is not None:
            hints = torch.stack([look_mask(task.hint, task.view, size, self.device) for task in tasks])  # type: ignore[arg-type]
            hint_n1hw = F.interpolate(
                (hints * 2 - 1)[:, None] * GIVEN_LOGIT,
                scale_factor=0.25,
                mode="bilinear",
                align_corners=False,
                antialias=True,
            )
        coarse_nchw = self._with_memory(features.coarse_bchw, tasks)
        return self.network.decode(coarse_nchw, features, points_nk2, labels_nk, hint_n1hw)

    def _with_memory(self, coarse_nchw: "Tensor", tasks: list[Task]) -> "Tensor":
        import torch

        readings = [task.reading for task in tasks if task.reading is not None]
        if not readings or not readings[0].spatial:
            return self.network.without_memory(coarse_nchw)
        dim, device = self.network.config.hidden_dim, self.device
        n, pointers = len(readings), len(readings[0].pointers)
        pointers_npc = (
            torch.stack([torch.stack(r.pointers) for r in readings])
            if pointers
            else coarse_nchw.new_zeros(n, 0, dim)
        )
        return self.network.read_memory(
            coarse_nchw,
            torch.stack([on_grid(r.spatial, coarse_nchw.shape[2]) for r in readings]),
            torch.tensor([r.ages for r in readings], device=device),
            pointers_npc,
            torch.tensor([r.offsets for r in readings], device=device, dtype=torch.float32),
            max(min(self.n_frames, self.network.config.max_pointers) - 1, 1),
        )

    def _mask(self, task: Task, size: int) -> "Tensor":
        assert task.prompt is not None and task.prompt.mask is not None
        # A given mask counts from half a pixel's cover on, so that it stays a mask at input size.
        return (look_mask(task.prompt.mask, task.view, size, self.device) >= 0.5).float()

    def _patch(
        self, task: Task, logits_hw: NDArray[np.float32], iou: float, score: float, shape: tuple[int, int]
    ) -> MaskPatch:
        mask = task.prompt.mask if task.prompt is not None else None
        if mask is None:
            top, left, logits = put_back(logits_hw, task.view, shape)
        else:
            # What was given is the answer, pixel for pixel.
            top, left, logits = tighten(
                np.where(mask, np.float32(GIVEN_LOGIT), np.float32(-GIVEN_LOGIT)), 0, 0
            )
        return MaskPatch(task.object_id, top, left, logits, iou, score)


def to_points(tasks: Sequence[Task], size: int, device: "Device") -> tuple["Tensor", "Tensor"]:
    """Clicks and boxes as the network takes them: (n, k, 2) input pixels (x, y), and labels (n, k).

    A box comes first, as two points with labels of their own.
    """
    import torch

    from napari_sam2.models.network.prompt_encoder import BOX_FIRST, BOX_SECOND

    all_points, all_labels = [], []
    for task in tasks:
        points: list[tuple[float, float]] = []
        labels: list[int] = []
        if task.prompt is not None:
            if task.prompt.box is not None:
                y0, x0, y1, x1 = task.prompt.box
                corners = task.view.to_input(y0, x0, size), task.view.to_input(y1, x1, size)
                # In a mirrored view the first corner is not the upper left one any more.
                xs, ys = zip(*corners, strict=True)
                points += [(min(xs), min(ys)), (max(xs), max(ys))]
                labels += [BOX_FIRST, BOX_SECOND]
            points += [task.view.to_input(y, x, size) for y, x in task.prompt.points]
            labels += task.prompt.labels
        all_points.append(points)
        all_labels.append(labels)
    points_nk2 = torch.tensor(all_points, dtype=torch.float32, device=device).reshape(len(tasks), -1, 2)
    labels_nk = torch.tensor(all_labels, dtype=torch.long, device=device).reshape(len(tasks), -1)
    return points_nk2, labels_nk


def on_grid(spatial: Sequence["Tensor"], side: int) -> "Tensor":
    """Spatial memories (s, c, side, side); those that were written on another grid are interpolated."""
    import torch
    import torch.nn.functional as F

    return torch.stack(
        [
            chw
            if chw.shape[-1] == side
            else F.interpolate(chw[None].float(), size=(side, side), mode="bilinear")[0].to(chw.dtype)
            for chw in spatial
        ]
    )


def out_of_memory(error: RuntimeError) -> bool:
    """Whether torch ran out of memory, on any device."""
    import torch

    return isinstance(error, torch.OutOfMemoryError) or "not enough memory" in str(error)
