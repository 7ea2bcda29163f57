"""Families: what a scene of each kind looks like, as ranges from which every scene draws its numbers."""

from collections.abc import Sequence

import torch

from napari_sam2.sample_data.colour_looks import COLOUR_LOOKS, TEXTURED
from napari_sam2.sample_data.draw import Draw
from napari_sam2.sample_data.grey_looks import GREY_LOOKS
from napari_sam2.sample_data.ranges import COMMON, LOGARITHMIC, Look, Range, Settings

# a mixture may draw anything that any family may
LOOKS: dict[str, Look] = {
    **GREY_LOOKS,
    **COLOUR_LOOKS,
    "texture": ((0.8, 0.2, 0), TEXTURED),
    "mixture": ((0.65, 0.25, 0.1), {}),
}

FAMILIES: tuple[str, ...] = tuple(LOOKS)


def _widest(name: str) -> Range:
    ranges = [COMMON[name], *(look[name] for _, look in LOOKS.values() if name in look)]
    used = [r for r in ranges if r[:2] != (0.0, 0.0)]
    chance = sum(r[2] if len(r) == 3 else 1.0 for r in used) / len(ranges)
    return min(r[0] for r in used), max(r[1] for r in used), chance


def _ranges(family: str) -> list[tuple[float, float, float]]:
    look = LOOKS[family][1]
    rows: list[tuple[float, float, float]] = []
    for name in COMMON:
        chosen = _widest(name) if family == "mixture" else look.get(name, COMMON[name])
        rows.append((chosen[0], chosen[1], chosen[2] if len(chosen) == 3 else 1.0))
    return rows


_RANGES = {family: _ranges(family) for family in FAMILIES}


def draw_settings(draw: Draw, families: Sequence[str]) -> Settings:
    """Draw every number of every scene.

    Returns
    -------
    dict
        Name -> (b,) float tensor; `layout` is 0 for cells, 1 for tissue, 2 for instruments.
    """
    ranges = draw.tensor([_RANGES[family] for family in families])
    low, high, chance = ranges.unbind(-1)
    u = draw.unit(*low.shape)
    logarithmic = torch.tensor([name in LOGARITHMIC for name in COMMON], device=draw.device)
    safe = low.clamp_min(1e-6)
    value = torch.where(logarithmic, safe * (high.clamp_min(1e-6) / safe) ** u, low + (high - low) * u)
    value = torch.where(draw.chance(chance, *low.shape), value, 0.0)
    settings = dict(zip(COMMON, value.unbind(1), strict=True))
    # kinds of colour are names, not amounts; an inner object must be there to be labelled
    settings["colour"] = settings["colour"].round()
    settings["inner"] = settings["inner"] * (settings["nucleus"].abs() > 0.12)
    settings["layout"] = draw.pick(draw.tensor([LOOKS[family][0] for family in families]))
    return settings
