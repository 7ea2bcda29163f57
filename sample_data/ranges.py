"""The numbers of a scene and the ranges from which a family draws them."""

from torch import Tensor

Settings = dict[str, Tensor]
"""Every number of a batch of scenes: name -> (b,) float tensor."""

Range = tuple[float, float] | tuple[float, float, float]
"""`(low, high)`, or `(low, high, chance)`: with a chance, the number is 0 for the other scenes."""

Look = tuple[tuple[float, float, float], dict[str, Range]]
"""Weights of the layouts cells, tissue, instruments; and the ranges that differ from `COMMON`."""

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
    "roll": (0.0, 0.4, 0.15),
    "zoom": (0.0, 0.4, 0.15),
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
    "tint": (0.0, 0.0),
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
