"""Prompts without clicks: rules that find objects on a frame and say so in an ordinary session."""

from napari_sam2.seeding.finder import RULES
from napari_sam2.seeding.seed import DEFAULT, Seeds, parse_rule, seed

__all__ = ["DEFAULT", "RULES", "Seeds", "parse_rule", "seed"]
