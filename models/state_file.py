"""A tracker's state on disk, so that an interrupted run goes on where it stopped."""

import os
from collections import defaultdict
from pathlib import Path
from typing import Any

from napari_sam2.models.errors import ModelError
from napari_sam2.models.memory import Memory, MemoryBank
from napari_sam2.models.results import MaskPatch
from napari_sam2.models.tracker import TrackerState
from napari_sam2.models.windows import Window


def save_state(state: TrackerState, path: str | os.PathLike[str]) -> None:
    """Write a state beside `path` and rename it, as plain values and tensors."""
    import torch

    path = Path(path)
    partial = path.with_name(path.name + ".partial")
    torch.save(_pack(state), partial)
    os.replace(partial, path)


def load_state(path: str | os.PathLike[str], device: Any) -> TrackerState:
    """Read what `save_state` wrote, with its tensors on `device`.

    Raises
    ------
    ModelError
        When the file is not one of ours or is cut short.
    """
    import pickle

    import torch

    try:
        return _unpack(torch.load(path, map_location=device, weights_only=True))
    except (RuntimeError, EOFError, KeyError, TypeError, ValueError, pickle.UnpicklingError) as error:
        raise ModelError(f"{path} is not the state of a run; remove it to start again") from error


def _pack(state: TrackerState) -> dict[str, Any]:
    import torch

    def pack_bank(memories: dict[int, Memory]) -> dict[int, Any]:
        return {frame: (m.pointer_c, m.spatial_chw, m.level) for frame, m in memories.items()}

    return {
        "pass_index": state.pass_index,
        "next_step": state.next_step,
        "banks": {i: (pack_bank(b.conditioning), pack_bank(b.recent)) for i, b in state.banks.items()},
        "windows": {i: _pack_window(window) for i, window in state.windows.items()},
        "given": [
            (
                frame,
                (p.object_id, p.top, p.left, torch.from_numpy(p.logits_hw), p.predicted_iou, p.object_score),
                None if window is None else _pack_window(window),
            )
            for (_, frame), (p, window) in state.given.items()
        ],
    }


def _unpack(values: dict[str, Any]) -> TrackerState:
    def unpack_bank(memories: dict[int, Any]) -> dict[int, Memory]:
        return {frame: Memory(*memory) for frame, memory in memories.items()}

    state = TrackerState(values["pass_index"], values["next_step"], defaultdict(MemoryBank))
    for i, (conditioning, recent) in values["banks"].items():
        state.banks[i] = MemoryBank(unpack_bank(conditioning), unpack_bank(recent))
    state.windows = {i: Window(*window) for i, window in values["windows"].items()}
    for frame, (object_id, top, left, logits_hw, iou, score), window in values["given"]:
        patch = MaskPatch(object_id, top, left, logits_hw.cpu().numpy(), iou, score)
        state.given[object_id, frame] = (patch, None if window is None else Window(*window))
    return state


def _pack_window(window: Window) -> tuple[float, float, float, int, bool]:
    return window.y, window.x, window.side, window.lost, window.follows
