"""How the parts of the prompt panel are arranged."""

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QLabel, QTabWidget, QVBoxLayout, QWidget

from napari_sam2.plugin.contrast_preview import ContrastPreview
from napari_sam2.plugin.keys import help_table, help_text
from napari_sam2.plugin.model_picker import ModelPicker
from napari_sam2.plugin.saving import Saving

if TYPE_CHECKING:
    from napari_sam2.plugin.panel import PromptPanel


def lay_out(panel: "PromptPanel") -> QTabWidget:
    """Put the parts of a panel in their places: the image above, tabs below it, the keys at the foot."""
    tabs = QTabWidget()
    tabs.addTab(_column(panel.objects, panel.follow, stretched=0), "Objects")
    tabs.addTab(panel.review, "Review")
    tabs.addTab(Saving(panel, panel.results.tables), "Results")
    tabs.addTab(_column(ModelPicker(panel), ContrastPreview(panel), stretched=None), "Model")
    keys = QLabel(help_text())
    keys.setWordWrap(True)
    keys.setToolTip(help_table())
    whole = QVBoxLayout(panel)
    whole.setContentsMargins(6, 4, 6, 4)
    whole.setSpacing(6)
    whole.addWidget(panel.image_section)
    whole.addWidget(tabs, stretch=1)
    whole.addWidget(keys)
    return tabs


def _column(*parts: QWidget, stretched: int | None) -> QWidget:
    """Parts below one another; the one that takes all height that is left, or none."""
    page = QWidget()
    column = QVBoxLayout(page)
    column.setContentsMargins(4, 6, 4, 4)
    column.setSpacing(6)
    for number, part in enumerate(parts):
        column.addWidget(part, stretch=int(number == stretched))
    if stretched is None:
        column.addStretch()
    return page
