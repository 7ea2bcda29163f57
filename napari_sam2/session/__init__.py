"""What a person did on an image: edits with undo, saved sessions, prompt files, and the plan they make."""

from napari_sam2.session.label_prompts import add_label_prompts
from napari_sam2.session.plan import compile_plan
from napari_sam2.session.prompts_file import read_prompts
from napari_sam2.session.saved import ModelStamp
from napari_sam2.session.session import Session

__all__ = ["ModelStamp", "Session", "add_label_prompts", "compile_plan", "read_prompts"]
