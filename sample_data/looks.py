"""Families: what a scene of each kind looks like, as ranges from which every scene draws its numbers.

A range is `(low, high)` or `(low, high, chance)`: with a chance, the number is 0 for the other scenes.
`LOGARITHMIC` names are drawn uniformly in the logarithm. A family states only what differs from `COMMON`.
"""

from collections.abc import Sequence

import torch

from napari_sam2.sample_data.draw import Draw
from napari_sam2.sample_data.layouts import Settings

Range = tuple[float, float] | tuple[float, float, float]

LOGARITHMIC = frozenset(
    "span speed blur enlarge photons read gamma edge rim_width halo_width texture_scale ground_scale aspect "
    "grain_scale ripple_scale".split()
)

# lengths: span in window sides; widths and blur in pixels; texture scales in textures a window side
COMMON: dict[str, Range] = {
    # layout
    "span": (0.1, 0.7),
    "size_jitter": (0.05, 0.35),
    "spacing": (0.85, 2.2),
    "fill": (0.3, 1.0),
    "aspect": (1.0, 1.9),
    "rod": (0.0, 0.0),
    "bumps": (0.0, 0.16),
    "spikes": (0.0, 0.0),
    "corners": (0.0, 0.5, 0.15),
    "bend": (0.0, 0.5),
    "disorder": (0.1, 1.0),
    "occlude": (0.0, 1.0, 0.4),
    "join": (0.0, 0.5, 0.5),
    "warp": (0.0, 0.02),
    "organelles": (1.0, 1.0, 0.0),
    # motion
    "speed": (0.004, 0.15),
    "spin": (0.0, 0.5),
    "lively": (0.0, 0.6),
    "vanish": (0.05, 0.3, 0.4),
    "leave": (0.05, 0.4, 0.35),
    "divide": (1.0, 1.0, 0.15),
    "deep": (1.0, 1.0, 0.15),
    "pan": (0.0, 0.03, 0.4),
    "shake": (0.0, 0.012, 0.4),
    "fade": (0.1, 0.8, 0.3),
    # appearance
    "background": (0.0, 0.5),
    "body": (0.2, 0.8),
    "body_jitter": (0.0, 0.35),
    "dome": (0.0, 1.0, 0.5),
    "edge": (0.4, 2.5),
    "rim": (-0.4, 0.4, 0.2),
    "rim_width": (0.7, 4.0),
    "rim_at": (0.0, 2.0),
    "halo": (-0.3, 0.3, 0.2),
    "halo_width": (1.5, 10.0),
    "texture": (0.0, 0.25),
    "texture_scale": (0.7, 6.0),
    "texture_slope": (0.2, 1.3),
    "ground": (0.0, 0.1),
    "ground_scale": (0.5, 3.0),
    "nucleus": (-0.4, 0.4, 0.2),
    "nucleus_size": (0.25, 0.6),
    "grain": (-0.4, 0.4, 0.3),
    "grain_scale": (3.0, 14.0),
    "ripple": (-0.2, 0.2, 0.1),
    "ripple_scale": (2.0, 16.0),
    "slant": (0.0, 0.3, 0.3),
    "relief": (0.0, 1.5, 0.1),
    "tube": (0.0, 0.0),
    "gloss": (0.0, 0.0),
    "glow": (0.0, 0.3, 0.2),
    "shading": (0.0, 0.25, 0.5),
    "colour": (0.0, 0.0),
    # the microscope or camera
    "blur": (0.2, 2.2),
    "enlarge": (1.2, 5.0, 0.45),
    "photons": (15.0, 600.0),
    "read": (0.003, 0.06),
    "gamma": (0.6, 1.7),
    "invert": (1.0, 1.0, 0.1),
    "contrast": (0.55, 1.1),
    "blocks": (0.2, 1.0, 0.1),
    "scope": (0.0, 0.0),
    "smoke": (0.0, 0.0),
    "blood": (0.0, 0.0),
}

TEXTURED: dict[str, Range] = {
    "background": (0.3, 0.7),
    "body": (-0.25, 0.25),
    "texture": (0.1, 0.5),
    "ground": (0.1, 0.5),
    "ground_scale": (0.5, 5.0),
    "rim": (-0.4, 0.4, 0.4),
    "rod": (0.0, 3.0, 0.4),
    "bumps": (0.0, 0.3),
    "corners": (0.0, 1.0, 0.5),
    "spikes": (0.2, 1.0, 0.3),
    "gloss": (0.1, 0.8, 0.2),
    "tube": (0.1, 0.8, 0.3),
    "relief": (0.0, 1.5, 0.3),
}

# family -> (layout weights: cells, tissue, instruments), what differs
LOOKS: dict[str, tuple[tuple[float, float, float], dict[str, Range]]] = {
    "fluorescence": (
        (1, 0, 0),
        {
            "background": (0.0, 0.15),
            "body": (0.2, 0.9),
            "body_jitter": (0.1, 0.7),
            "ground": (0.0, 0.04),
            "glow": (0.0, 0.4, 0.5),
            "halo": (0.0, 0.25, 0.4),
            "photons": (4.0, 600.0),
            "read": (0.003, 0.1),
            "dome": (0.0, 1.0, 0.6),
            "grain": (-0.5, 0.6, 0.5),
            "invert": (1.0, 1.0, 0.08),
        },
    ),
    "phase": (
        (1, 0, 0),
        {
            "background": (0.4, 0.55),
            "body": (-0.16, 0.08),
            "dome": (0.0, 1.0, 0.3),
            "rod": (0.0, 4.0, 0.4),
            "spikes": (0.3, 1.0, 0.65),
            "bend": (0.0, 0.8),
            "bumps": (0.03, 0.22),
            "rim": (-0.45, 0.1, 0.7),
            "rim_at": (0.0, 3.0),
            "rim_width": (0.8, 3.5),
            "halo": (0.1, 0.6, 0.85),
            "halo_width": (1.2, 6.0),
            "texture": (0.05, 0.25),
            "texture_scale": (1.0, 5.0),
            "texture_slope": (0.1, 0.9),
            "grain": (-0.5, 0.4, 0.7),
            "nucleus": (-0.25, 0.25, 0.5),
            "relief": (0.0, 0.8, 0.3),
            "ground": (0.005, 0.06),
            "photons": (60.0, 600.0),
            "shading": (0.0, 0.15, 0.4),
            "spacing": (0.6, 1.8),
        },
    ),
    "electron": (
        (0.15, 0.85, 0),
        {
            "span": (0.12, 0.8),
            "size_jitter": (0.1, 0.8),
            "aspect": (1.0, 3.0),
            "background": (0.5, 0.8),
            "body": (-0.15, 0.15),
            "body_jitter": (0.1, 0.35),
            "rim": (-0.75, -0.25),
            "rim_width": (0.8, 3.5),
            "rim_at": (0.0, 0.8),
            "edge": (0.4, 1.0),
            "dome": (0.0, 0.0),
            "texture": (0.03, 0.22),
            "texture_slope": (0.0, 0.6),
            "texture_scale": (2.0, 6.0),
            "grain": (-0.6, 0.25, 0.8),
            "nucleus": (-0.6, -0.2, 0.3),
            "nucleus_size": (0.2, 0.5),
            "warp": (0.0, 0.05),
            "deep": (0.0, 0.0),
            "photons": (10.0, 300.0),
            "read": (0.01, 0.15),
        },
    ),
    "brightfield": (
        (1, 0, 0),
        {
            "background": (0.55, 0.85),
            "body": (-0.45, 0.1),
            "rim": (-0.6, 0.4, 0.7),
            "halo": (-0.2, 0.35, 0.5),
            "grain": (-0.5, 0.3, 0.6),
            "nucleus": (-0.3, 0.1, 0.4),
            "shading": (0.0, 0.3, 0.6),
            "rod": (0.0, 3.0, 0.25),
            "photons": (30.0, 600.0),
        },
    ),
    "membrane": (
        (0.25, 0.75, 0),
        {
            "background": (0.02, 0.2),
            "body": (-0.02, 0.12),
            "body_jitter": (0.0, 0.15),
            "rim": (0.3, 0.9),
            "rim_width": (1.0, 5.0),
            "rim_at": (0.0, 0.5),
            "dome": (0.0, 0.0),
            "texture": (0.0, 0.1),
            "nucleus": (-0.1, 0.5, 0.3),
            "grain": (0.0, 0.5, 0.3),
            "glow": (0.0, 0.35, 0.5),
            "photons": (5.0, 400.0),
            "size_jitter": (0.05, 0.6),
            "deep": (0.0, 0.0),
            "warp": (0.0, 0.03),
        },
    ),
    "relief": (
        (1, 0, 0),
        {
            "background": (0.4, 0.6),
            "body": (-0.06, 0.06),
            "relief": (0.8, 3.0),
            "dome": (0.2, 1.0),
            "texture": (0.05, 0.3),
            "grain": (-0.4, 0.5, 0.6),
            "nucleus": (-0.3, 0.3, 0.5),
            "rim": (0.0, 0.0),
            "halo": (0.0, 0.0),
            "edge": (0.8, 3.5),
            "photons": (40.0, 600.0),
        },
    ),
    "histology": (
        (0.85, 0.15, 0),
        {
            "colour": (1.0, 1.0),
            "background": (0.6, 0.95),
            "body": (-0.6, -0.2),
            "body_jitter": (0.1, 0.4),
            "ground": (0.05, 0.25),
            "texture": (0.05, 0.25),
            "grain": (-0.3, 0.3, 0.5),
            "bumps": (0.0, 0.25),
            "photons": (60.0, 600.0),
            "invert": (1.0, 1.0, 0.03),
            "deep": (0.0, 0.0),
        },
    ),
    "texture": ((0.8, 0.2, 0), TEXTURED),
    "objects": (
        (0.9, 0.1, 0),
        {**TEXTURED, "colour": (2.0, 2.0), "shading": (0.0, 0.4, 0.6), "span": (0.15, 0.8)},
    ),
    "surgical": (
        (0, 0, 1),
        {
            "colour": (3.0, 3.0),
            "span": (0.2, 1.0),
            "background": (0.3, 0.6),
            "body": (-0.35, 0.5),
            "body_jitter": (0.1, 0.5),
            "fill": (0.1, 0.7),
            "dome": (0.0, 0.0),
            "edge": (0.4, 1.2),
            "tube": (0.4, 1.0),
            "gloss": (0.2, 1.0),
            "texture": (0.0, 0.1),
            "ground": (0.2, 0.6),
            "ground_scale": (0.4, 2.5),
            "relief": (0.3, 1.5),
            "grain": (0.0, 0.0),
            "nucleus": (0.0, 0.0),
            "invert": (0.0, 0.0),
            "photons": (60.0, 600.0),
            "pan": (0.0, 0.04, 0.6),
            "shake": (0.0, 0.02, 0.6),
            "shading": (0.1, 0.7),
            "scope": (0.4, 0.75, 0.5),
            "smoke": (0.1, 0.7, 0.25),
            "blood": (0.2, 1.0, 0.4),
            "blocks": (0.2, 1.0, 0.4),
            "deep": (0.0, 0.0),
            "divide": (0.0, 0.0),
            "speed": (0.02, 0.4),
        },
    ),
    "mixture": ((0.65, 0.25, 0.1), {}),
}

FAMILIES: tuple[str, ...] = tuple(LOOKS)
LAYOUTS = ("cells", "tissue", "instruments")


def _widest(name: str) -> Range:
    """The range of a mixture: anything that any family may draw."""
    ranges = [COMMON[name], *(look[name] for _, look in LOOKS.values() if name in look)]
    chance = sum(r[2] if len(r) == 3 else 1.0 for r in ranges) / len(ranges)
    return min(r[0] for r in ranges), max(r[1] for r in ranges), chance


def _table(family: str) -> list[tuple[float, float, float]]:
    look = LOOKS[family][1]
    rows: list[tuple[float, float, float]] = []
    for name in COMMON:
        chosen = _widest(name) if family == "mixture" else look.get(name, COMMON[name])
        rows.append((chosen[0], chosen[1], chosen[2] if len(chosen) == 3 else 1.0))
    return rows


_RANGES = {family: _table(family) for family in FAMILIES}


def draw_settings(draw: Draw, families: Sequence[str]) -> Settings:
    """Draw every number of every scene.

    Returns
    -------
    dict
        Name -> (b,) float tensor; `layout` is an index into `LAYOUTS`.
    """
    ranges = draw.tensor([_RANGES[family] for family in families])
    low, high, chance = ranges.unbind(-1)
    u = draw.unit(*low.shape)
    logarithmic = torch.tensor([name in LOGARITHMIC for name in COMMON], device=draw.device)
    safe = low.clamp_min(1e-6)
    value = torch.where(logarithmic, safe * (high.clamp_min(1e-6) / safe) ** u, low + (high - low) * u)
    value = torch.where(draw.chance(chance, *low.shape), value, 0.0)
    settings = dict(zip(COMMON, value.unbind(1), strict=True))
    weights = draw.tensor([LOOKS[family][0] for family in families])
    settings["layout"] = draw.pick(weights)
    return settings
