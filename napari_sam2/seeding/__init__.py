"""Prompts without clicks: rules that find objects on a frame and say so in an ordinary session."""

from napari_sam2.seeding.finder import RULES
from napari_sam2.seeding.seed import DEFAULT, MOST_SEEDS, Seeds, parse_rule, seed, seeded_session

__all__ = ["DEFAULT", "MOST_SEEDS", "RULES", "Seeds", "parse_rule", "seed", "seeded_session"]
