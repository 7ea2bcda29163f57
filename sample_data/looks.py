"""Families: what a scene of each kind looks like, as ranges from which every scene draws its numbers.

A range is `(low, high)` or `(low, high, chance)`: with a chance, the number is 0 for the other scenes.
A family states only what differs from `COMMON`; a `mixture` may draw anything that any family may.
"""

from collections.abc import Sequence

import torch

from napari_sam2.sample_data.draw import Draw
from napari_sam2.sample_data.layouts import Settings

Range = tuple[float, float] | tuple[float, float, float]

# drawn uniformly in the logarithm
LOGARITHMIC = frozenset(
    "span speed blur enlarge photons read edge rim_width halo_width texture_scale texture_stretch "
    "ground_stretch aspect".split()
)

COMMON: dict[str, Range] = {
    # layout: span in window sides; spacing in spans; the rest are proportions
    "span": (0.1, 0.7),
    "size_jitter": (0.05, 0.35),
    "spacing": (0.8, 2.2),
    "fill": (0.2, 1.0),
    "aspect": (1.0, 1.9),
    "rod": (0.0, 0.0),
    "bumps": (0.0, 0.16),
    "spikes": (0.0, 0.0),
    "corners": (0.0, 0.6, 0.15),
    "bend": (0.0, 0.5),
    "taper": (0.0, 0.5, 0.3),
    "disorder": (0.1, 1.0),
    "occlude": (0.0, 1.0, 0.4),
    "join": (0.0, 0.5, 0.5),
    "warp": (0.0, 0.015),
    "limbs": (1.0, 1.0, 0.05),
    "inner": (1.0, 1.0, 0.0),
    # motion: speed in spans a frame, pan and shake in window sides a frame
    "speed": (0.004, 0.25),
    "spin": (0.0, 0.5),
    "lively": (0.0, 0.6),
    "vanish": (0.05, 0.3, 0.4),
    "leave": (0.05, 0.4, 0.35),
    "divide": (1.0, 1.0, 0.15),
    "deep": (1.0, 1.0, 0.15),
    "pan": (0.0, 0.03, 0.4),
    "shake": (0.0, 0.012, 0.4),
    "fade": (1.0, 1.0, 0.25),
    "flow": (0.0, 0.05, 0.2),
    "flicker": (0.0, 0.1, 0.2),
    "refocus": (0.0, 0.8, 0.2),
    # objects: amplitudes of light; widths in pixels; texture scale in periods an object radius
    "body": (0.2, 0.8),
    "body_jitter": (0.0, 0.35),
    "dome": (0.0, 1.0, 0.5),
    "edge": (0.5, 2.5),
    "defocus": (1.0, 5.0, 0.15),
    "rim": (-0.4, 0.4, 0.2),
    "rim_width": (0.7, 4.0),
    "rim_at": (0.0, 2.0),
    "halo": (-0.3, 0.3, 0.2),
    "halo_width": (1.5, 9.0),
    "texture": (0.0, 0.12),
    "texture_scale": (0.12, 0.6),
    "texture_slope": (0.2, 1.2),
    "texture_peak": (0.0, 2.5),
    "texture_stretch": (0.4, 2.5),
    "ridge": (0.0, 1.0, 0.3),
    "blotch": (0.0, 1.0, 0.3),
    "nucleus": (-0.4, 0.4, 0.2),
    "nucleus_size": (0.25, 0.6),
    "envelope": (-0.3, 0.3, 0.4),
    "grain": (-0.4, 0.4, 0.3),
    "grain_rare": (0.5, 1.8),
    "ripple": (-0.25, 0.25, 0.08),
    "ripple_scale": (1.0, 5.0),
    "slant": (0.0, 0.2, 0.3),
    "relief": (0.0, 1.5, 0.1),
    "tube": (0.0, 0.0),
    "gloss": (0.0, 0.0),
    # the ground between them
    "background": (0.2, 0.6),
    "ground": (0.0, 0.05),
    "ground_scale": (0.4, 1.0),
    "ground_slope": (0.3, 1.5),
    "ground_peak": (0.0, 3.0),
    "ground_stretch": (0.5, 2.0),
    "ground_ridge": (0.0, 1.0, 0.3),
    "ground_blotch": (0.0, 1.0, 0.3),
    "ground_relief": (0.0, 1.0, 0.2),
    "debris": (-0.3, 0.3, 0.2),
    "bars": (-0.15, 0.15, 0.03),
    "shading": (0.0, 0.2, 0.4),
    "pool": (0.05, 0.5, 0.15),
    "glow": (0.0, 0.5, 0.15),
    "colour": (0.0, 0.0),
    "wet": (0.0, 0.0),
    "vessels": (0.0, 0.0),
    "blood": (0.0, 0.0),
    "smoke": (0.0, 0.0),
    # the microscope or camera
    "low": (0.0, 0.2),
    "high": (0.75, 1.05),
    "scope": (0.0, 0.0),
    "beyond": (0.02, 0.4, 0.06),
    "blur": (0.2, 2.2),
    "enlarge": (1.2, 5.0, 0.45),
    "photons": (20.0, 1000.0),
    "read": (0.002, 0.06),
    "gamma": (0.6, 1.7),
    "invert": (1.0, 1.0, 0.1),
    "blocks": (0.1, 1.0, 0.1),
}

_TEXTURED: dict[str, Range] = {
    "body": (-0.25, 0.25),
    "background": (0.35, 0.65),
    "texture": (0.05, 0.3),
    "ground": (0.05, 0.25),
    "rim": (-0.4, 0.4, 0.4),
    "rod": (0.0, 3.0, 0.4),
    "bumps": (0.0, 0.3),
    "corners": (0.2, 1.0, 0.5),
    "limbs": (1.0, 1.0, 0.35),
    "spikes": (0.2, 1.0, 0.3),
    "gloss": (0.1, 0.8, 0.2),
    "tube": (0.1, 0.8, 0.3),
    "relief": (0.0, 1.5, 0.3),
    "ripple": (-0.3, 0.3, 0.25),
    "size_jitter": (0.1, 0.5),
    "photons": (50.0, 2000.0),
    "read": (0.002, 0.04),
    "flow": (0.0, 0.08, 0.4),
    "gamma": (0.7, 1.4),
}

# family -> (layout weights: cells, tissue, instruments), what differs from COMMON
LOOKS: dict[str, tuple[tuple[float, float, float], dict[str, Range]]] = {
    "fluorescence": (
        (1, 0, 0),
        {
            "background": (0.0, 0.15),
            "body": (0.25, 0.9),
            "body_jitter": (0.1, 0.6),
            "edge": (0.6, 4.0),
            "ground": (0.0, 0.02),
            "debris": (0.0, 0.3, 0.15),
            "glow": (0.0, 0.5, 0.4),
            "halo": (0.0, 0.2, 0.3),
            "dome": (0.0, 1.0, 0.6),
            "grain": (-0.4, 0.5, 0.5),
            "low": (0.0, 0.1),
            "high": (0.6, 1.6),
            "corners": (0.0, 0.5, 0.06),
            "photons": (8.0, 4000.0),
            "read": (0.001, 0.06),
            "invert": (1.0, 1.0, 0.06),
        },
    ),
    "phase": (
        (1, 0, 0),
        {
            "background": (0.45, 0.55),
            "body": (-0.15, 0.06),
            "dome": (0.0, 1.0, 0.3),
            "rod": (0.5, 5.0, 0.3),
            "spikes": (0.4, 1.0, 0.75),
            "limbs": (1.0, 1.0, 0.15),
            "inner": (1.0, 1.0, 0.06),
            "warp": (0.0, 0.025),
            "bend": (0.0, 0.8),
            "bumps": (0.03, 0.2),
            "edge": (0.5, 1.5),
            "rim": (-0.5, -0.05, 0.7),
            "rim_at": (0.5, 3.0),
            "rim_width": (0.8, 3.0),
            "halo": (0.1, 0.6, 0.9),
            "halo_width": (0.9, 4.0),
            "texture": (0.04, 0.16),
            "texture_slope": (0.1, 0.8),
            "texture_peak": (1.0, 3.0),
            "grain": (-0.4, 0.4, 0.8),
            "nucleus": (-0.2, 0.2, 0.5),
            "relief": (0.0, 0.5, 0.3),
            "ground": (0.005, 0.05),
            "debris": (-0.4, 0.4, 0.5),
            "photons": (200.0, 5000.0),
            "read": (0.001, 0.02),
            "shading": (0.0, 0.15, 0.4),
            "spacing": (0.5, 1.6),
            "size_jitter": (0.1, 0.5),
            "low": (0.0, 0.15),
            "high": (0.8, 1.2),
        },
    ),
    "electron": (
        (0.1, 0.9, 0),
        {
            "inner": (1.0, 1.0, 0.08),
            "span": (0.12, 0.8),
            "size_jitter": (0.1, 0.8),
            "aspect": (1.0, 3.0),
            "background": (0.5, 0.8),
            "body": (-0.1, 0.15),
            "body_jitter": (0.1, 0.35),
            "rim": (-0.75, -0.3),
            "rim_width": (0.9, 3.5),
            "rim_at": (0.0, 0.8),
            "edge": (0.4, 1.0),
            "dome": (0.0, 0.0),
            "texture": (0.02, 0.12),
            "texture_slope": (0.0, 0.6),
            "texture_peak": (1.5, 4.0),
            "grain": (-0.6, 0.25, 0.8),
            "nucleus": (-0.6, -0.2, 0.4),
            "nucleus_size": (0.2, 0.5),
            "envelope": (-0.4, 0.0, 0.7),
            "warp": (0.0, 0.04),
            "deep": (0.0, 0.0),
            "photons": (30.0, 600.0),
            "read": (0.01, 0.1),
            "low": (0.0, 0.15),
            "high": (0.8, 1.1),
        },
    ),
    "brightfield": (
        (1, 0, 0),
        {
            "inner": (1.0, 1.0, 0.08),
            "background": (0.55, 0.85),
            "body": (-0.45, 0.1),
            "rim": (-0.6, 0.4, 0.7),
            "halo": (-0.2, 0.35, 0.5),
            "grain": (-0.5, 0.3, 0.6),
            "nucleus": (-0.3, 0.1, 0.4),
            "shading": (0.0, 0.3, 0.6),
            "rod": (0.0, 3.0, 0.25),
            "spikes": (0.2, 0.8, 0.15),
            "photons": (60.0, 1000.0),
        },
    ),
    "membrane": (
        (0.2, 0.8, 0),
        {
            "inner": (1.0, 1.0, 0.08),
            "background": (0.02, 0.2),
            "body": (-0.02, 0.12),
            "body_jitter": (0.0, 0.15),
            "rim": (0.3, 0.9),
            "rim_width": (1.0, 5.0),
            "rim_at": (0.0, 0.5),
            "dome": (0.0, 0.0),
            "texture": (0.0, 0.06),
            "nucleus": (-0.1, 0.5, 0.3),
            "grain": (0.0, 0.5, 0.3),
            "glow": (0.0, 0.6, 0.5),
            "photons": (8.0, 600.0),
            "size_jitter": (0.05, 0.6),
            "deep": (0.0, 0.0),
            "warp": (0.0, 0.02),
            "high": (0.7, 1.5),
        },
    ),
    "relief": (
        (1, 0, 0),
        {
            "background": (0.4, 0.6),
            "body": (-0.06, 0.06),
            "relief": (0.8, 3.0),
            "dome": (0.2, 1.0),
            "texture": (0.0, 0.1),
            "grain": (-0.3, 0.3, 0.5),
            "nucleus": (-0.2, 0.2, 0.5),
            "rim": (0.0, 0.0),
            "halo": (0.0, 0.0),
            "edge": (0.8, 3.5),
            "rod": (0.5, 4.0, 0.3),
            "spikes": (0.3, 1.0, 0.3),
            "photons": (60.0, 1500.0),
            "read": (0.002, 0.03),
        },
    ),
    "histology": (
        (0.85, 0.15, 0),
        {
            "inner": (1.0, 1.0, 0.08),
            "colour": (1.0, 1.0),
            "background": (0.7, 0.95),
            "body": (-0.5, -0.15),
            "body_jitter": (0.1, 0.4),
            "ground": (0.03, 0.2),
            "texture": (0.03, 0.15),
            "grain": (-0.3, 0.3, 0.5),
            "bumps": (0.0, 0.25),
            "photons": (150.0, 2000.0),
            "read": (0.002, 0.03),
            "low": (0.1, 0.35),
            "high": (0.8, 1.05),
            "invert": (1.0, 1.0, 0.03),
            "deep": (0.0, 0.0),
        },
    ),
    "texture": ((0.8, 0.2, 0), _TEXTURED),
    "things": (
        (0.9, 0.1, 0),
        {
            **_TEXTURED,
            "colour": (2.0, 2.0),
            "span": (0.15, 0.8),
            "texture": (0.0, 0.2),
            "ground": (0.0, 0.2),
            "bars": (-0.2, 0.2, 0.3),
            "shading": (0.0, 0.4, 0.6),
            "photons": (150.0, 8000.0),
            "read": (0.001, 0.02),
            "enlarge": (1.2, 4.0, 0.25),
            "blocks": (0.1, 0.8, 0.35),
        },
    ),
    "surgical": (
        (0, 0, 1),
        {
            "colour": (3.0, 3.0),
            "span": (0.2, 1.0),
            "background": (0.4, 0.6),
            "body": (-0.3, 0.5),
            "body_jitter": (0.1, 0.5),
            "fill": (0.1, 0.7),
            "dome": (0.0, 0.0),
            "edge": (0.5, 1.5),
            "defocus": (0.0, 0.0),
            "tube": (0.4, 1.0),
            "gloss": (0.2, 1.0),
            "texture": (0.0, 0.08),
            "ground": (0.02, 0.14),
            "ground_scale": (0.25, 0.9),
            "ground_slope": (0.9, 1.8),
            "ground_peak": (0.0, 1.0),
            "ground_relief": (0.2, 1.0),
            "relief": (0.0, 0.8),
            "grain": (0.0, 0.0),
            "nucleus": (0.0, 0.0),
            "rim": (-0.3, 0.2, 0.3),
            "invert": (0.0, 0.0),
            "photons": (300.0, 8000.0),
            "read": (0.001, 0.02),
            "low": (0.0, 0.08),
            "high": (0.7, 1.4),
            "enlarge": (1.2, 3.0, 0.25),
            "pan": (0.0, 0.04, 0.6),
            "shake": (0.0, 0.02, 0.6),
            "flow": (0.0, 0.1, 0.7),
            "shading": (0.0, 0.4),
            "scope": (0.4, 0.75, 0.4),
            "wet": (0.2, 1.0, 0.7),
            "vessels": (0.2, 0.9, 0.5),
            "pool": (0.3, 0.95, 0.8),
            "smoke": (0.1, 0.8, 0.25),
            "blood": (0.3, 1.0, 0.5),
            "blocks": (0.1, 0.8, 0.4),
            "deep": (0.0, 0.0),
            "divide": (0.0, 0.0),
            "fade": (0.0, 0.0),
            "speed": (0.01, 0.4),
        },
    ),
    "mixture": ((0.65, 0.25, 0.1), {}),
}

FAMILIES: tuple[str, ...] = tuple(LOOKS)
LAYOUTS = ("cells", "tissue", "instruments")


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
    # kinds of colour are names, not amounts; an inner object must be there to be labelled
    settings["colour"] = settings["colour"].round()
    settings["inner"] = settings["inner"] * (settings["nucleus"].abs() > 0.12)
    settings["layout"] = draw.pick(draw.tensor([LOOKS[family][0] for family in families]))
    return settings
