"""What the keys and buttons of the prompt panel do."""

from typing import TYPE_CHECKING

from napari.layers import Labels
from napari.utils.notifications import show_info
from qtpy.QtWidgets import QInputDialog

from napari_sam2.plugin.division_dialog import DivisionDialog
from napari_sam2.plugin.notices import telling
from napari_sam2.plugin.open_image import NumberedOn

if TYPE_CHECKING:
    from napari_sam2.interactive import Live
    from napari_sam2.plugin.panel import PromptPanel


class Actions:
    """One method for each key and button; each does nothing where there is no session.

    Parameters
    ----------
    panel : PromptPanel
        What they work on.
    """

    def __init__(self, panel: "PromptPanel") -> None:
        self._panel = panel

    @property
    def _live(self) -> "Live | None":
        return self._panel.live

    # -- objects ---------------------------------------------------------------------------------

    def new_object(self) -> None:
        """Make the next prompt the first of a new object."""
        if self._live is not None:
            self._panel.current_object = self._panel.new_object()
            self.inside(True)

    def next_object(self) -> None:
        """Prompt the next object of the list."""
        self._step_object(1)

    def previous_object(self) -> None:
        """Prompt the previous object of the list."""
        self._step_object(-1)

    def _step_object(self, step: int) -> None:
        ids = list(self._live.session.objects) if self._live is not None else []
        if not ids:
            return
        here = self._panel.current_object
        at = ids.index(here) + step if here in ids else (0 if step > 0 else -1)
        self._panel.current_object = ids[at % len(ids)]

    def delete_object(self) -> None:
        """Delete the chosen object."""
        if self._live is None or self._panel.current_object not in self._live.session.objects:
            return
        with telling():
            self._live.delete_object(self._panel.current_object)
        self._panel.current_object = next(iter(self._live.session.objects), 1)

    def rename_object(self, object_id: int, name: str) -> None:
        """Give an object a name."""
        if self._live is not None:
            with telling():
                self._live.rename_object(object_id, name)

    def accept(self) -> None:
        """Accept the mask of the chosen object on this frame, or let it change again."""
        live, frame = self._live, self._panel.current_frame
        if live is not None and frame is not None:
            record = live.session.objects.get(self._panel.current_object)
            if record is not None:
                self.lock(self._panel.current_object, frame not in record.locks)

    def lock(self, object_id: int, locked: bool) -> None:
        """Accept the mask of an object on this frame, or let it change again."""
        live, frame = self._live, self._panel.current_frame
        if live is not None and frame is not None:
            with telling():
                (live.lock if locked else live.unlock)(object_id, frame)

    def divide(self) -> None:
        """Ask into which objects the chosen one divides on this frame."""
        live, frame, mother = self._live, self._panel.current_frame, self._panel.current_object
        if live is None or frame is None or mother not in live.session.objects:
            return
        objects = live.session.objects
        marked = objects[mother].divisions.get(frame, ())
        names = {object_id: record.name for object_id, record in objects.items()}
        dialog = DivisionDialog(mother, frame, names, live.store[frame], marked, self._panel)
        if not dialog.exec():
            return
        with telling():
            if dialog.unmarked:
                live.unmark_division(mother, frame)
            else:
                live.mark_division(mother, dialog.daughters, frame)

    def labels_to_objects(self) -> None:
        """Make an object of each label of a labels layer that the person chooses."""
        panel = self._panel
        opened = panel.opened
        if opened is None:
            return
        ours = opened.layers
        layers = [one for one in panel.viewer.layers if isinstance(one, Labels) and one not in ours]
        if not layers:
            show_info("There is no other labels layer; open or make one, with one number for each object.")
            return
        names = [layer.name for layer in layers]
        name = names[0]
        if len(names) > 1:
            name, chosen = QInputDialog.getItem(
                panel, "Objects from labels", "Make an object of each label of", names, 0, False
            )
            if not chosen:
                return
        self.add_labels(layers[names.index(name)])

    def add_labels(self, layer: Labels) -> None:
        """Make an object of each label of a layer, as one step of undo."""
        opened = self._panel.opened
        if opened is None:
            return
        with telling():
            labels = opened.labels_on_frames(layer)
            taken = max(opened.live.session.objects, default=0)
            opened.live.add_label_image(NumberedOn(labels, taken) if taken else labels)
            layer.visible = False
            self.new_object()

    # -- prompts ---------------------------------------------------------------------------------

    def inside(self, inside: bool) -> None:
        """Say on which side of the object the next clicks are."""
        self._panel.inside = inside

    def toggle_inside(self) -> None:
        """Change the side on which the next clicks are."""
        self.inside(not self._panel.inside)

    def tool(self, name: str) -> None:
        """Take a tool in hand: the layer it works in becomes the active one, in the right mode."""
        opened = self._panel.opened
        if opened is None:
            return
        masks, boxes, clicks = opened.layers
        layer, mode = {
            "click": (clicks, "add"),
            "box": (boxes, "add_rectangle"),
            "paint": (masks, "paint"),
            "look": (clicks, "pan_zoom"),
        }[name]
        self._panel.viewer.layers.selection.active = layer
        layer.mode = mode

    def undo(self) -> None:
        """Take back the last step."""
        if self._live is not None and self._live.can_undo:
            self._panel.repairs.forget()
            with telling():
                self._live.undo()

    def redo(self) -> None:
        """Do the last step again."""
        if self._live is not None and self._live.can_redo:
            with telling():
                self._live.redo()

    # -- following -------------------------------------------------------------------------------

    def follow_both(self) -> None:
        """Follow objects both ways."""
        self.follow("both")

    def follow_forward(self) -> None:
        """Follow objects to later frames."""
        self.follow("forward")

    def follow_backward(self) -> None:
        """Follow objects to earlier frames."""
        self.follow("backward")

    def follow(self, direction: str) -> None:
        """Follow objects as the panel says."""
        live, section = self._live, self._panel.follow
        if live is None or len(live.frames) < 2:
            return
        start, stop = section.frames
        ids = [self._panel.current_object] if section.only_this else None
        with telling():
            live.propagate(ids, direction, start, stop)

    def stop(self) -> None:
        """End what is running and keep what is done."""
        if self._live is not None:
            self._live.stop()

    # -- places ----------------------------------------------------------------------------------

    def next_prompted(self) -> None:
        """Show the next frame with a prompt."""
        self._step_prompted(1)

    def previous_prompted(self) -> None:
        """Show the previous frame with a prompt."""
        self._step_prompted(-1)

    def _step_prompted(self, step: int) -> None:
        live, here = self._live, self._panel.current_frame
        if live is None or here is None:
            return
        frames = sorted({frame for record in live.session.objects.values() for frame in record.prompts})
        ahead = [frame for frame in frames[::step] if (frame - here) * step > 0]
        if frames:
            self._panel.go_to(ahead[0] if ahead else frames[::step][0])

    def next_doubtful(self) -> None:
        """Show the next moment that is probably wrong."""
        self._panel.next_doubtful()
