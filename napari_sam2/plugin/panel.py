"""Segment > SAM 2: click objects, follow them, correct them, take the results."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from napari.layers import Image, Labels
from napari.utils.notifications import show_warning
from napari.viewer import Viewer
from qtpy.QtCore import QEvent, QSize, QTimer, Signal
from qtpy.QtWidgets import QWidget

from napari_sam2.plugin.actions import Actions
from napari_sam2.plugin.follow_section import FollowSection
from napari_sam2.plugin.follow_view import FollowView
from napari_sam2.plugin.image_section import ImageSection
from napari_sam2.plugin.images import Images
from napari_sam2.plugin.keys import KEYS, KeyBindings
from napari_sam2.plugin.object_section import ObjectSection
from napari_sam2.plugin.open_image import OpenImage
from napari_sam2.plugin.panel_layout import lay_out
from napari_sam2.plugin.repairs import Repairs
from napari_sam2.plugin.results_layers import ResultsLayers
from napari_sam2.plugin.review_panel import ReviewPanel
from napari_sam2.plugin.settings import read_settings
from napari_sam2.plugin.window_watch import WindowWatch

if TYPE_CHECKING:
    from napari_sam2.interactive import Live

_POLL_MS = 15
_BUSY_MS = 150
"""Between two looks at a session while objects are followed."""
_REST_MS = 250
"""After which the view is taken to rest on a frame, which is then made ready for a click."""
_WIDE_VIEW_MS = 500
"""Between two refreshes of a view that shows many frames at once."""
_WIDTH = 380
"""Of the dock: leaves most of a 13-inch screen to the image."""


class PromptPanel(QWidget):
    """The widget: it owns the session of the chosen image, and everything else hangs on it.

    Parameters
    ----------
    napari_viewer : Viewer
        Where it is docked.

    Attributes
    ----------
    viewer : Viewer
        The same.
    actions : Actions
        What keys and buttons do.
    """

    live_changed = Signal(object)
    """Another session, or None."""
    current_changed = Signal(int)
    """Another object is prompted next."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self.viewer = napari_viewer
        self.actions = Actions(self)
        self._current, self._inside = 1, True
        self._closed = self._sync_waits = self._following = False
        self._watch = WindowWatch(self, self._release)
        settings = read_settings()
        self._images = Images(self, settings.opacity)
        self.image_section = ImageSection(napari_viewer)
        self.objects = ObjectSection()
        self.follow = FollowSection(settings.follow)
        self._follow_view = FollowView(self, self.go_to)
        self.repairs = Repairs(self)
        self.results = ResultsLayers(napari_viewer, self)
        self.review = ReviewPanel(self, self.results.tables)
        self.tabs = lay_out(self)
        self._connect()
        self._keys = KeyBindings({key.name: getattr(self.actions, key.name) for key in KEYS})
        self._keys.bind(napari_viewer)
        self._timer = _timer(self, _POLL_MS, self._poll)
        self._slow_timer = _timer(self, _WIDE_VIEW_MS, self._refresh_wide_view)
        self._rest_timer = _timer(self, _REST_MS, self._prepare)
        self._rest_timer.setSingleShot(True)
        self._show_state()
        # A closed viewer may delete its widgets at once, and nothing else tells of that. Qt would not call
        # a method of the widget that is gone.
        self._ending = self.destroyed.connect(lambda: self._release())
        QTimer.singleShot(0, self._begin)

    # -- what others ask -------------------------------------------------------------------------

    @property
    def opened(self) -> OpenImage | None:
        """The chosen image with its session and its layers."""
        return self._images.opened

    @property
    def live(self) -> "Live | None":
        """The session of the chosen image."""
        return None if self.opened is None else self.opened.live

    @property
    def image_layer(self) -> Image | None:
        """The image that is worked on."""
        return None if self.opened is None else self.opened.image

    @property
    def masks_layer(self) -> Labels | None:
        """The layer with its masks."""
        return None if self.opened is None else self.opened.masks.layer

    @property
    def current_frame(self) -> int | None:
        """The frame that the viewer shows."""
        return None if self.opened is None else self.opened.frame

    @property
    def current_object(self) -> int:
        """The object that is prompted next; it need not exist yet."""
        return self._current

    @current_object.setter
    def current_object(self, object_id: int) -> None:
        if object_id < 1:
            return
        changed, self._current = object_id != self._current, object_id
        if self.opened is not None:
            self.opened.set_current(object_id, self._inside)
        self._show_objects()
        if changed:
            self.current_changed.emit(object_id)

    @property
    def inside(self) -> bool:
        """Whether the next click is inside its object."""
        return self._inside

    @inside.setter
    def inside(self, inside: bool) -> None:
        self._inside = inside
        self.objects.show_inside(inside)
        if self.opened is not None:
            self.opened.set_current(self._current, inside)

    def go_to(self, frame: int, object_id: int | None = None) -> None:
        """Show a frame, and choose an object."""
        if self.opened is not None:
            self.opened.go_to(frame)
        if object_id is not None:
            self.current_object = object_id

    def new_object(self) -> int:
        """The id of the next object."""
        return self._images.new_object()

    def next_doubtful(self) -> None:
        """Show the next moment that is probably wrong."""
        self.review.next_doubtful()

    # -- the image -------------------------------------------------------------------------------

    def open_chosen(self) -> None:
        """Begin to work on what the menus say; the session that was open is put aside."""
        mistake = self._images.open(self.image_section.image, self.image_section.choice)
        self.image_section.tell(mistake)
        self._show_state()

    def take_over(self, live: "Live") -> None:
        """Go on with another session of the chosen image, such as one that was saved."""
        self._images.take_over(live)
        self._show_state()

    def attach(self, opened: OpenImage) -> None:
        """Show an image that was opened."""
        live = opened.live
        self._keys.bind(*opened.layers)
        # napari's own would look for the highest number in all masks.
        opened.masks.layer.bind_key("M", lambda _: self.actions.new_object(), overwrite=True)
        for signal, slot in self._signals_of(live):
            signal.connect(slot)
        opened.masks.layer.events.selected_label.connect(self._label_selected)
        for layer in opened.layers:
            layer.events.mode.connect(self._tool_changed)
        self.follow.set_frames(len(live.frames))
        self._timer.start()
        self._slow_timer.start()
        self.live_changed.emit(live)
        self.current_object = min(live.session.objects, default=1)
        self.actions.tool("click")

    def detach(self, opened: OpenImage) -> None:
        """Forget an image that is put aside or closed."""
        self.repairs.forget()
        self._follow_view.forget()
        self._keys.unbind_from(*opened.layers)
        for signal, slot in self._signals_of(opened.live):
            signal.disconnect(slot)
        self.follow.set_busy(False)
        self.live_changed.emit(None)

    def _signals_of(self, live: "Live") -> list[tuple[Any, Any]]:
        return [
            (live.session_changed, self._session_changed),
            (live.frames_changed, self._frames_changed),
            (live.busy_changed, self._busy_changed),
            (live.model_changed, self._model_changed),
            (live.notice, show_warning),
        ]

    # -- what happens ----------------------------------------------------------------------------

    def _begin(self) -> None:
        """Open the image that is there when the widget opens."""
        if not self._closed and self.opened is None:
            self._watch.watch(self.window())
            self.open_chosen()

    def _layers_changed(self, event: Any = None) -> None:
        # Later, for the viewer also empties its list of layers when it closes.
        if not self._closed:
            QTimer.singleShot(0, self._look_after)

    def _look_after(self) -> None:
        if not (self._closed or self._watch.closing):
            self._images.look_after()
            self.image_section.images.refill()
            self._show_state()

    def _poll(self) -> None:
        live = self.live
        if live is None:
            return
        self._following = live.busy
        live.poll()
        self._following = False
        if live.progress is not None:
            self.follow.show_progress(live.progress)

    def _model_changed(self) -> None:
        self._rest_timer.start()

    def _prepare(self) -> None:
        live, frame = self.live, self.current_frame
        if live is not None and frame is not None:
            live.prepare(frame)

    def _refresh_wide_view(self) -> None:
        if self.opened is not None:
            self.opened.masks.refresh_if_waiting()

    def _frames_changed(self, frames: Collection[int]) -> None:
        here = self.current_frame
        if self._following and frames and here is not None and self.follow.follow_view.isChecked():
            self._follow_view.go_to(max(frames, key=lambda frame: abs(frame - here)))
        self._session_changed()

    def _busy_changed(self, busy: bool) -> None:
        self.follow.set_busy(busy)
        self.repairs.busy_changed(busy)
        self._session_changed()

    def _session_changed(self) -> None:
        """Show the session anew, once the present event is over: a layer may be in the middle of its own."""
        if not self._sync_waits and not self._closed:
            self._sync_waits = True
            # Objects that are being followed change many times a second.
            QTimer.singleShot(_BUSY_MS if self.live is not None and self.live.busy else 0, self.sync)

    def sync(self) -> None:
        """Show what the session says in layers and lists."""
        self._sync_waits = False
        if self._closed or self.opened is None:
            return
        self.opened.sync()
        self._show_state()

    def _step_changed(self, event: Any = None) -> None:
        if self._closed or self.opened is None:
            return
        self.image_section.show_position(self.opened.placement, self.opened.position())
        self._show_objects()
        self._rest_timer.start()

    def _tool_changed(self, event: Any = None) -> None:
        if self.opened is not None and not self._closed:
            self.objects.show_tool(self.opened.tool())
            self._show_state()

    def _label_selected(self, event: Any) -> None:
        if self.opened is not None and self.opened.masks.layer.selected_label != self._current:
            self.current_object = int(self.opened.masks.layer.selected_label)

    def _shown_changed(self, object_id: int, shown: bool) -> None:
        if self.opened is not None:
            self.opened.hidden = (
                self.opened.hidden - {object_id} if shown else self.opened.hidden | {object_id}
            )
            self.sync()

    # -- the widget ------------------------------------------------------------------------------

    def reset_choices(self, event: Any = None) -> None:
        """Offer the layers that there are now; napari calls this when they change."""
        if self.image_layer is not None and self.image_layer not in self.viewer.layers:
            self._layers_changed()
        elif not self._closed:
            self.image_section.images.refill()

    def shut_down(self) -> None:
        """End all work and take the session's layers away; idempotent."""
        if self._closed:
            return
        self.destroyed.disconnect(self._ending)
        self._timer.stop()
        self._slow_timer.stop()
        self._rest_timer.stop()
        opened = self.opened
        self.results.close()
        self._release()
        if opened is not None:
            opened.remove_layers()
            opened.leave_masks()

    def _release(self) -> None:
        """End all work and give the keys back; touches no widget, for they may be gone."""
        if self._closed:
            return
        self._closed = True
        self._keys.unbind()
        self.viewer.layers.events.removed.disconnect(self._layers_changed)
        self.viewer.layers.selection.events.active.disconnect(self._tool_changed)
        self.viewer.dims.events.current_step.disconnect(self._step_changed)
        self._images.close()

    def sizeHint(self) -> QSize:
        """As wide as its contents need and no wider."""
        return QSize(_WIDTH, super().sizeHint().height())

    def event(self, event: QEvent) -> bool:
        """Shut down when the dock lets go of the widget."""
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self.shut_down()
        return bool(super().event(event))

    def closeEvent(self, event: Any) -> None:
        """Shut down."""
        self.shut_down()
        super().closeEvent(event)

    def _show_state(self) -> None:
        live = self.live
        self.follow.set_possible(live is not None and bool(live.session.objects))
        self.objects.show_session(self.opened, self._current)

    def _show_objects(self) -> None:
        self.objects.show_objects(self.opened, self._current)

    def _connect(self) -> None:
        section, objects, actions = self.image_section, self.objects, self.actions
        section.changed.connect(self.open_chosen)
        objects.tool_chosen.connect(actions.tool)
        objects.inside_chosen.connect(actions.inside)
        for button, action in (
            (objects.new, actions.new_object),
            (objects.delete, actions.delete_object),
            (objects.from_labels, actions.labels_to_objects),
            (objects.accept, actions.accept),
            (objects.divide, actions.divide),
            (objects.undo, actions.undo),
            (objects.redo, actions.redo),
        ):
            button.clicked.connect(lambda _=False, act=action: act())
        objects.table.chosen.connect(lambda object_id: setattr(self, "current_object", object_id))
        objects.table.objects.renamed.connect(actions.rename_object)
        objects.table.objects.shown_changed.connect(self._shown_changed)
        objects.table.objects.lock_changed.connect(actions.lock)
        self.follow.asked.connect(actions.follow)
        self.follow.stop_asked.connect(actions.stop)
        self.viewer.layers.events.removed.connect(self._layers_changed)
        self.viewer.layers.selection.events.active.connect(self._tool_changed)
        self.viewer.dims.events.current_step.connect(self._step_changed)


def _timer(parent: QWidget, interval_ms: int, tick: Any) -> QTimer:
    timer = QTimer(parent)
    timer.setInterval(interval_ms)
    timer.timeout.connect(tick)
    return timer
