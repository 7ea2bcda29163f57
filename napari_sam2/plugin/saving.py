"""The tab of results: tables to look at, files to take along, and the session that goes on after a crash."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_info
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import (
    QApplication,
    QFileDialog,
    QGridLayout,
    QGroupBox,
    QLabel,
    QMessageBox,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_sam2.analysis import mark_divisions, measure_lineage, measure_tracks, write_table
from napari_sam2.analysis.exports.ome_tiff import write_ome_tiff
from napari_sam2.analysis.lineage import explain_misfits
from napari_sam2.errors import InputError
from napari_sam2.interactive import Live
from napari_sam2.interactive.autosave import autosaved, sessions_folder
from napari_sam2.outputs import writing
from napari_sam2.plugin.jobs import Job, JobBar, Progress
from napari_sam2.plugin.notices import tell, telling
from napari_sam2.plugin.table_view import TableView
from napari_sam2.session import Session

if TYPE_CHECKING:
    import pandas as pd

    from napari_sam2.plugin.live_tables import LiveTables
    from napari_sam2.plugin.panel import PromptPanel

_LOOKED_EVERY_MS = 1000
_CHANGED = ", perhaps without what you changed meanwhile: save again"


class Saving(QWidget):
    """Buttons that show and save what was found.

    Parameters
    ----------
    panel : PromptPanel
        Whose session is saved.
    tables : LiveTables
        Its region table.
    """

    def __init__(self, panel: "PromptPanel", tables: "LiveTables") -> None:
        super().__init__()
        self._panel, self._tables = panel, tables
        self._bar = JobBar()
        self._buttons: list[QPushButton] = []
        look = self._button("Show tables", self.show_tables, "Every object on every frame, below the image")
        everything = self._button(
            "Save all results…",
            self.save_results,
            "A folder with label images, all tables, the session, a picture and a page that sums them up: "
            "what napari-sam2 track writes",
        )
        single = QGroupBox("or one by one")
        grid = QGridLayout(single)
        for place, (text, action, tip) in enumerate(
            (
                ("Tables…", self.save_tables, "Two CSV files: objects on frames, and objects"),
                ("Label images…", self.save_labels, "One TIFF, with pixel size, that every program reads"),
                ("Page…", self.save_page, "One page with pictures of the numbers: PDF, PNG or HTML"),
                ("Session…", self.save_session, "All clicks and corrections, to go on or to repeat them"),
            )
        ):
            grid.addWidget(self._button(text, action, tip), place // 2, place % 2)
        self._state = QLabel()
        self._state.setWordWrap(True)
        self._earlier: Path | None = None
        self._continue = QPushButton()
        self._continue.setToolTip("Everything comes back: clicks, masks, and what can be undone")
        self._continue.clicked.connect(self.go_on)
        self._continue.hide()
        load = self._button(
            "Open a saved session…", self.open_session, "Go on with a session that was saved on this image"
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 6, 4, 4)
        for part in (self._continue, look, everything, single, load, self._bar, self._state):
            column.addWidget(part)
        column.addStretch()
        self._bar.running_changed.connect(self._enable)
        tables.changed.connect(self._enable)
        panel.live_changed.connect(self._take)
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOKED_EVERY_MS)
        self._timer.timeout.connect(self._tell_state)
        self._timer.start()
        self._enable()

    # -- tables ----------------------------------------------------------------------------------

    def show_tables(self) -> None:
        """Show the tables below the image; a row leads to its object."""
        with telling():
            live, regions = self._measured()
            view = TableView(
                live.frames.name, {"Objects on frames": regions, "Objects": measure_tracks(regions)}
            )
            view.chosen.connect(self._panel.go_to)
            self._panel.viewer.window.add_dock_widget(view, name=f"Tables: {live.frames.name}", area="bottom")

    def save_tables(self) -> None:
        """Ask for a name and write the region table and the track table."""
        with telling():
            live, regions = self._measured()
            path = self._ask("Save tables", f"{live.frames.name}_regions.csv", "Tables (*.csv)")
            if path is not None:
                other = path.with_name(f"{path.stem.removesuffix('_regions')}_tracks.csv")
                with writing(path):
                    write_table(regions, path)
                    write_table(measure_tracks(regions), other)
                show_info(f"Saved {path.name} and {other.name}.")

    def save_page(self) -> None:
        """Ask for a name and write the page that sums the numbers up."""
        with telling():
            live, regions = self._measured()
            path = self._ask("Save page", f"{live.frames.name}.pdf", "Page (*.pdf *.png *.html)")
            if path is None:
                return
            frame, divisions = self._panel.current_frame or 0, live.session.divisions

            def work(progress: Progress) -> Path:
                # matplotlib, which takes its time to come, must not hold up the opening of the panel
                from napari_sam2.analysis import Result, write_summary

                progress("drawing", 0, 0)
                lineage = None
                if divisions and live.frames.axis == "t":
                    _, fitting = explain_misfits(regions, mark_divisions(regions, divisions))
                    lineage = measure_lineage(regions, fitting)
                picture_yxc = live.frames.rgb(frame).transpose(1, 2, 0)
                with writing(path):
                    return write_summary(Result(live.frames.name, regions, lineage, picture_yxc), path)

            self._bar.start("drawing", work, _tell_saved)

    # -- masks and the session -------------------------------------------------------------------

    def save_results(self) -> None:
        """Ask for a folder and write everything into it."""
        with telling():
            live = self._settled()
            start = Path(live.frames.source).parent if live.frames.source else Path.home()
            name, _ = QFileDialog.getSaveFileName(
                self,
                "Save all results in a new folder",
                str(start / f"{live.frames.name}_results"),
                "Folder (*)",
                options=QFileDialog.Option.DontConfirmOverwrite,
            )
            if not name:
                return
            out = Path(name)
            replaces = out.is_dir() and any(out.iterdir())
            if replaces and not self._agrees(f"{out.name} exists. Replace the results in it?"):
                return
            session, store, scores = _copy(live.session), live.store, live.scores()

            def work(progress: Progress) -> Path:
                # as for the page: it brings matplotlib
                from napari_sam2.run import results_to_folder

                results = results_to_folder(
                    session, store, scores, out, overwrite=replaces, progress=progress
                )
                return results.folder

            self._start(live, "saving", work)

    def save_labels(self) -> None:
        """Ask for a name and write the label images as one OME-TIFF."""
        with telling():
            live = self._settled()
            path = self._ask("Save label images", f"{live.frames.name}_labels.ome.tif", "TIFF (*.tif *.tiff)")
            if path is None:
                return
            frames, store = live.frames, live.store

            def work(progress: Progress) -> Path:
                progress("writing", 0, 0)
                with writing(path):
                    write_ome_tiff(
                        store,
                        path,
                        axis=frames.axis,
                        pixel_size=frames.pixel_size,
                        unit=frames.unit,
                        step=frames.step,
                        step_unit=frames.step_unit,
                    )
                return path

            self._start(live, "writing", work)

    def save_session(self) -> None:
        """Ask for a name and write the session."""
        with telling():
            live = self._live()
            path = self._ask("Save session", f"{live.frames.name}_session.json", "Session (*.json)")
            if path is not None:
                live.save(path)
                _tell_saved(path)

    def go_on(self) -> None:
        """Restore the session that was kept of this image."""
        if self._earlier is not None:
            self._restore(self._earlier)

    def open_session(self) -> None:
        """Ask for a saved session and restore it on the image that is chosen."""
        with telling():
            live = self._live()
            start = Path(live.frames.source).parent if live.frames.source else sessions_folder()
            path, _ = QFileDialog.getOpenFileName(self, "Open session", str(start), "Session (*.json)")
            if path:
                self._restore(Path(path))

    def _restore(self, path: Path) -> None:
        with telling():
            live = self._settled()
            count = len(live.session.objects)
            if count and not self._agrees(
                f"{count} objects are open on this image. Save them as a session first if you want to keep "
                "them. Go on with the other session now?"
            ):
                return
            QApplication.setOverrideCursor(Qt.CursorShape.WaitCursor)
            try:
                self._panel.take_over(Live.resume(path, live.frames))
            finally:
                QApplication.restoreOverrideCursor()

    # --------------------------------------------------------------------------------------------

    def _button(self, text: str, action: Callable[[], None], tip: str) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(tip)
        button.clicked.connect(lambda: action())
        self._buttons.append(button)
        return button

    def _live(self) -> Live:
        live = self._panel.live
        if live is None:
            raise InputError("there is no session yet; choose an image first")
        return live

    def _settled(self) -> Live:
        """The session, when its masks are not on the move."""
        live = self._live()
        if live.progress is not None:
            raise InputError("objects are being followed; wait until that ends, or stop it, and save then")
        return live

    def _measured(self) -> "tuple[Live, pd.DataFrame]":
        """The session and its region table."""
        live = self._settled()
        regions = self._tables.regions()
        if not self._tables.complete:
            raise InputError("the masks are still being measured; try again in a moment")
        if regions is None:
            raise InputError("there is no mask yet; add an object and follow it first")
        return live, regions

    def _ask(self, title: str, offered: str, kinds: str) -> Path | None:
        live = self._live()
        start = Path(live.frames.source).parent if live.frames.source else Path.home()
        path, _ = QFileDialog.getSaveFileName(self, title, str(start / offered), kinds)
        if not path:
            return None
        return Path(path) if Path(path).suffix else Path(path).with_suffix(Path(offered).suffix)

    def _agrees(self, question: str) -> bool:
        buttons = QMessageBox.StandardButton
        return QMessageBox.question(self, "SAM 2", question, buttons.Yes | buttons.No) == buttons.Yes

    def _start(self, live: Live, what: str, work: Callable[[Progress], Path]) -> None:
        """Save in the background, and say so when the masks changed meanwhile."""
        changed: list[Any] = []
        live.frames_changed.connect(changed.append)

        def done(path: Path) -> None:
            _tell_saved(path, _CHANGED if changed else "")

        self._bar.start(what, work, done)

    def _enable(self) -> None:
        possible = self._panel.live is not None and not self._bar.running
        for button in self._buttons:
            button.setEnabled(possible)

    def _take(self, live: Live | None) -> None:
        """Look, without holding anyone up, whether an earlier session of the image is kept."""
        self._enable()
        self._offer(None)
        self._tell_state()
        if live is not None and not live.session.history:
            job = Job(lambda _: (live, autosaved(live.frames)))
            job.succeeded.connect(self._found)
            job.failed.connect(tell)
            job.start()

    def _found(self, found: "tuple[Live, Path | None]") -> None:
        live, path = found
        if live is self._panel.live and path is not None and not live.session.history:
            self._offer(path)
            show_info(
                f"A session of '{live.frames.name}' is kept from {_time_of(path)}; press Continue in the tab "
                "Results to go on with it."
            )

    def _offer(self, path: Path | None) -> None:
        self._earlier = path
        self._continue.setVisible(path is not None)
        if path is not None:
            self._continue.setText(f"Continue the session of {_time_of(path)}")

    def _tell_state(self) -> None:
        """Say where the session is kept, and since when."""
        live = self._panel.live
        if live is None or not live.session.history:
            self._state.setText("" if live is None else "Your work is saved here as soon as you begin.")
            return
        if self._earlier is not None:
            # With the first edit it was put aside.
            self._offer(None)
        path = live.autosave_path
        if path.is_file():
            self._state.setText(f"Saved as you work, last at {_time_of(path)}.")
            self._state.setToolTip(str(path))
        else:
            self._state.setText(f"Not saved as you work: {path.parent} cannot be written. Save the session.")


def _copy(session: Session) -> Session:
    """A session of its own, which the person's next edits do not change."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "session.json"
        session.save(path)
        return Session.load(path, session.frames, check_image=False)


def _time_of(path: Path) -> str:
    """When a file was written, as a person says it."""
    written = datetime.fromtimestamp(path.stat().st_mtime)
    return f"{written:%H:%M:%S}" if written.date() == datetime.now().date() else f"{written:%d %B %Y, %H:%M}"


def _tell_saved(path: Path, remark: str = "") -> None:
    show_info(f"Saved {path}{remark}.")
