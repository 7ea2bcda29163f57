"""Objects and the tools to prompt them."""

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QButtonGroup, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_sam2.plugin.keys import SHOWN
from napari_sam2.plugin.object_table import ObjectRow, ObjectTable
from napari_sam2.plugin.open_image import OpenImage

TOOLS = {
    "click": ("Click", "Click on the object; clicks outside of it take pieces away"),
    "box": ("Box", "Drag a box around the object"),
    "paint": ("Paint", "Paint the object; the eraser (1) takes pieces away"),
    "look": ("Move", "Move and zoom the view; clicks do nothing"),
}


class ObjectSection(QWidget):
    """The tools, the list of objects, and what can be done with one."""

    tool_chosen = Signal(str)
    inside_chosen = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self.tools = {}
        self._group = group = QButtonGroup(self)
        for name, (text, meaning) in TOOLS.items():
            self.tools[name] = _tool(text, meaning, group)
            self.tools[name].clicked.connect(lambda _=False, tool=name: self.tool_chosen.emit(tool))
        self._sides = QButtonGroup(self)
        self.inside = _tool(
            "● inside", f"Clicks are inside the object ({SHOWN['toggle_inside']})", self._sides
        )
        self.outside = _tool(
            "✕ outside", f"Clicks are outside the object ({SHOWN['toggle_inside']})", self._sides
        )
        self.inside.clicked.connect(lambda _: self.inside_chosen.emit(True))
        self.outside.clicked.connect(lambda _: self.inside_chosen.emit(False))
        self.hint = QLabel()
        self.hint.setWordWrap(True)
        self.hint.setMinimumHeight(2 * self.hint.fontMetrics().lineSpacing() + 4)
        self.table = ObjectTable()
        self.new = _button("New", f"Begin a new object ({SHOWN['new_object']})")
        self.delete = _button("Delete", "Delete the chosen object, its prompts and its masks")
        self.from_labels = _button(
            "From labels…", "Make an object of each label of a labels layer: Cellpose, StarDist, by hand"
        )
        self.accept = _button(
            "Keep", f"Accept the mask of the chosen object on this frame, as it is seen ({SHOWN['accept']})"
        )
        self.divide = _button(
            "Divides…",
            "Say that the chosen object divides, and that this is the first frame of its daughters",
        )
        self.undo = _button("Undo", f"Take back the last step ({SHOWN['undo']})")
        self.redo = _button("Redo", f"Do the last step again ({SHOWN['redo']})")
        self._lay_out()
        self.show_inside(True)

    def show_inside(self, inside: bool) -> None:
        """Show which side clicks are on."""
        (self.inside if inside else self.outside).setChecked(True)

    def show_tool(self, tool: str | None) -> None:
        """Show which tool is in hand."""
        self._group.setExclusive(tool is not None)
        for name, button in self.tools.items():
            button.setChecked(name == tool)

    def show_session(self, opened: OpenImage | None, current: int) -> None:
        """Show the objects of a session, what can be done, and what a person can do next."""
        live = None if opened is None else opened.live
        self.setEnabled(live is not None)
        self.undo.setEnabled(live is not None and live.can_undo)
        self.redo.setEnabled(live is not None and live.can_redo)
        self.hint.setText(hint(opened, current))
        self.show_objects(opened, current)

    def show_objects(self, opened: OpenImage | None, current: int) -> None:
        """Show the objects, and the one that is prompted next even if it is not there yet."""
        rows = [] if opened is None else _rows(opened, current)
        self.table.show_rows(rows, current)
        exists = opened is not None and current in opened.live.session.objects
        self.delete.setEnabled(exists)
        self.accept.setEnabled(exists)
        in_time = opened is not None and opened.live.frames.axis == "t" and len(opened.live.frames) > 1
        self.divide.setEnabled(exists and in_time)

    def _lay_out(self) -> None:
        tools = QHBoxLayout()
        tools.setSpacing(4)
        for button in self.tools.values():
            tools.addWidget(button, stretch=1)
        sides = QHBoxLayout()
        sides.setSpacing(4)
        sides.addWidget(QLabel("Clicks are"))
        sides.addWidget(self.inside, stretch=1)
        sides.addWidget(self.outside, stretch=1)
        rows = []
        for buttons in (
            (self.new, self.delete, self.from_labels),
            (self.accept, self.divide, self.undo, self.redo),
        ):
            row = QHBoxLayout()
            row.setSpacing(4)
            for button in buttons:
                row.addWidget(button, stretch=1)
            rows.append(row)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(tools)
        column.addLayout(sides)
        column.addWidget(self.hint)
        column.addWidget(self.table, stretch=1)
        for row in rows:
            column.addLayout(row)


def _rows(opened: OpenImage, current: int) -> list[ObjectRow]:
    frame, hidden = opened.frame, opened.hidden
    rows = [
        ObjectRow(
            one.id,
            one.name,
            one.n_prompts,
            one.frames_present,
            one.id not in hidden,
            frame in one.locked_frames,
            one.status,
        )
        for one in opened.live.objects()
    ]
    if current not in opened.live.session.objects:
        rows.append(ObjectRow(current, f"object {current}", 0, 0, True, None, "new, click it in the image"))
    return rows


def hint(opened: OpenImage | None, current: int) -> str:
    """What a person can do next."""
    if opened is None:
        return "Open an image in File › Open, or one of the samples in File › Open Sample › SAM 2."
    live = opened.live
    record = live.session.objects.get(current)
    if opened.tool() == "box" and record is None:
        return "Drag a box around the object; its mask appears at once."
    if opened.tool() == "paint":
        return "Paint the object on this frame; key 1 is the eraser, 2 the brush."
    if record is None:
        return "Click an object in the image; its mask appears at once."
    if len(live.frames) > 1 and not any(live.was_followed(current, frame) for frame in record.prompts):
        return "Click again to mend the mask, N for another object; then Follow."
    if len(live.frames) > 1:
        return "Look through the frames. Where a mask is wrong, click to correct it."
    return "Click again to mend the mask, N for another object."


def _tool(text: str, meaning: str, group: QButtonGroup) -> QPushButton:
    button = _button(text, meaning)
    button.setCheckable(True)
    group.addButton(button)
    return button


def _button(text: str, meaning: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(meaning)
    return button
