#!/usr/bin/env python
"""Works in a real napari viewer as a person does, with the mouse and the keys, and pictures every step.

Opens an image, clicks three objects, draws a box around a fourth, follows them both ways, corrects one,
marks a division, takes everything back, does it again, and saves. Without a screen, run it in one:

    xvfb-run -a -s "-screen 0 1280x800x24 +extension GLX" python scripts/drive_viewer.py pictures
    xvfb-run ... python scripts/drive_viewer.py pictures --image movie.tif --labels truth.tif

The labels say only where to click. The script fails where a step does not do what it should.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import napari
import numpy as np
import tifffile
from numpy.typing import NDArray
from qtpy.QtCore import QPoint, Qt, QTimer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication
from scipy.ndimage import distance_transform_edt

SIZE = (1280, 800)
PATIENCE = 300.0


class Driver:
    """A person at the viewer.

    Parameters
    ----------
    viewer : napari.Viewer
        Shown.
    out : Path
        Folder of the pictures.
    """

    def __init__(self, viewer: napari.Viewer, out: Path) -> None:
        self.viewer, self.out = viewer, out
        self.number = 0
        self.panel = None

    def picture(self, name: str) -> None:
        """Save what is on the screen."""
        self.settle(0.4)
        self.number += 1
        path = self.out / f"{self.number:02d}_{name}.png"
        self.viewer.screenshot(str(path), canvas_only=False, flash=False)
        print(f"  {path.name}")

    def settle(self, seconds: float = 0.1) -> None:
        """Let the event loop run."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            QApplication.processEvents()
            time.sleep(0.005)

    def until(self, reached: Callable[[], bool], what: str) -> float:
        """Wait for something, and say how many seconds it took."""
        start = time.monotonic()
        while not reached():
            if time.monotonic() - start > PATIENCE:
                raise SystemExit(f"gave up waiting: {what}")
            self.settle(0.02)
        return time.monotonic() - start

    @property
    def _canvas(self):
        return self.viewer.window._qt_viewer.canvas

    def spot(self, frame: int, y: float, x: float) -> QPoint:
        """Where a place of the image is on the canvas, in its frame."""
        opened = self.panel.opened
        world = opened.image.data_to_world(opened.placement.data_coordinates(frame, [(y, x)])[0])
        camera, native = self.viewer.scene.camera, self._canvas.native
        shown = list(self.viewer.dims.displayed)
        offset = (np.array(world)[shown] - np.array(camera.center)[-2:]) * camera.zoom
        scale = native.devicePixelRatioF()
        return QPoint(
            round(offset[1] / scale + native.width() / 2), round(offset[0] / scale + native.height() / 2)
        )

    def click(self, frame: int, y: float, x: float) -> None:
        """Click on a frame."""
        self.panel.go_to(frame)
        self.settle()
        spot = self.spot(frame, y, x)
        QTest.mouseMove(self._canvas.native, spot)
        QTest.mouseClick(self._canvas.native, Qt.MouseButton.LeftButton, pos=spot)
        self.settle()

    def drag(self, frame: int, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Drag over a frame."""
        self.panel.go_to(frame)
        self.settle()
        native, first, last = self._canvas.native, self.spot(frame, *start), self.spot(frame, *end)
        QTest.mouseMove(native, first)
        QTest.mousePress(native, Qt.MouseButton.LeftButton, pos=first)
        for step in np.linspace(0, 1, 8)[1:]:
            QTest.mouseMove(native, first + (last - first) * float(step))
            self.settle(0.03)
        QTest.mouseRelease(native, Qt.MouseButton.LeftButton, pos=last)
        self.settle()

    def press(self, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        """Press a key over the canvas."""
        self._canvas.native.setFocus()
        QTest.keyClick(self._canvas.native, key, modifier)
        self.settle()

    def accept_dialog(self, name: str) -> None:
        """Picture the dialog that is open, and press OK."""
        dialog = QApplication.activeModalWidget()
        self.settle(0.3)
        self.number += 1
        dialog.grab().save(str(self.out / f"{self.number:02d}_{name}.png"))
        dialog.accept()

    def seen(self, object_id: int, frame: int) -> bool:
        """Whether an object has a mask on a frame."""
        return bool(self.panel.live.store.object_mask(object_id, frame).any())


def places(labels: NDArray[np.integer], count: int) -> list[tuple[int, float, float, tuple[int, ...]]]:
    """The largest objects of one label image: id, a place well inside, and the box around each."""
    found = []
    ids, sizes = np.unique(labels[labels > 0], return_counts=True)
    for label in ids[np.argsort(-sizes)]:
        rows, columns = np.nonzero(labels == label)
        box = (rows.min(), columns.min(), rows.max(), columns.max())
        inside = box[0] > 0 and box[1] > 0 and box[2] < labels.shape[0] - 1 and box[3] < labels.shape[1] - 1
        depth = distance_transform_edt(np.pad(labels == label, 1))[1:-1, 1:-1]
        y, x = np.unravel_index(np.argmax(depth), depth.shape)
        found.append((not inside, (int(label), float(y), float(x), tuple(map(int, box)))))
    return [place for _, place in sorted(found, key=lambda one: one[0])[:count]]


@contextmanager
def step(name: str) -> Iterator[None]:
    """Say what is being done, and how long it took."""
    start = time.monotonic()
    print(name)
    yield
    print(f"  {time.monotonic() - start:.2f} s")


def drive(driver: Driver, truth: NDArray[np.integer] | None, spots: list[list[float]], around: int) -> None:
    """Go through all steps."""
    viewer = driver.viewer
    driver.picture("image")
    with step("open the widget"):
        start = time.monotonic()
        _, driver.panel = viewer.window.add_plugin_dock_widget("napari-sam2", "Click and follow objects")
        print(f"  the widget was there after {time.monotonic() - start:.2f} s")
        driver.until(lambda: driver.panel.live is not None, "the image opens")
        viewer.reset_view()
    panel = driver.panel
    n_frames = len(panel.live.frames)
    middle = n_frames // 2
    driver.picture("panel")
    panel.go_to(middle)
    if truth is None:
        objects = [(number, y, x, (y - 20, x - 20, y + 20, x + 20)) for number, (y, x) in enumerate(spots, 1)]
    else:
        objects = places(truth[middle], 4)
    boxed = objects[3] if len(objects) > 3 else None

    with step("click objects"):
        for number, (_, y, x, _) in enumerate(objects[:3], start=1):
            if number > 1:
                driver.press(Qt.Key.Key_N)
            driver.click(middle, y, x)
            seconds = driver.until(lambda now=number: driver.seen(now, middle), f"a mask of object {number}")
            print(f"  object {number}: mask after {seconds:.2f} s")
            if number == 1:
                driver.picture("first_click")
    driver.picture("clicks")

    if boxed is not None:
        with step("draw a box"):
            driver.press(Qt.Key.Key_N)
            panel.objects.tools["box"].click()
            y0, x0, y1, x1 = boxed[3]
            driver.drag(middle, (y0 - 2, x0 - 2), (y1 + 2, x1 + 2))
            driver.until(lambda: driver.seen(4, middle), "a mask of the boxed object")
            panel.objects.tools["click"].click()
        driver.picture("box")

    with step("follow both ways"):
        if around:
            panel.follow.in_range.setChecked(True)
            panel.follow.first.setValue(middle - around)
            panel.follow.last.setValue(middle + around)
        driver.press(Qt.Key.Key_G)
        driver.until(lambda: panel.live.progress is not None and panel.live.progress.done > 2, "progress")
        driver.picture("following")
        driver.until(lambda: panel.live.progress is None, "the end of following")
    last = min(n_frames - 1, middle + around if around else n_frames)
    panel.go_to(last)
    with step("measure"):
        driver.until(lambda: panel.results.tables.complete, "the tables")
        driver.settle(1.0)
    driver.picture("followed")

    with step("correct the first object on a later frame"):
        late = (middle + last + 1) // 2
        panel.go_to(late, 1)
        if truth is not None and (truth[late] == objects[0][0]).any():
            y, x = next(place[1:3] for place in places(truth[late], 10**6) if place[0] == objects[0][0])
        else:
            y, x = objects[0][1:3]
        driver.click(late, y, x)
        driver.until(lambda: late in panel.live.session.objects[1].prompts, "the correction")
        driver.settle(1.0)
        driver.until(lambda: panel.live.progress is None, "the repair")
    driver.picture("corrected")

    if panel.live.frames.axis == "t" and len(panel.live.session.objects) > 2:
        with step("mark a division"):
            QTimer.singleShot(500, lambda: driver.accept_dialog("division"))
            panel.objects.divide.click()
            driver.settle()
            assert panel.live.session.divisions, "no division was marked"
        driver.picture("divided")

    with step("undo everything"):
        given = sum(len(record.prompts) for record in panel.live.session.objects.values())
        steps = 0
        while panel.live.can_undo:
            driver.press(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
            steps += 1
        print(f"  {steps} steps")
        assert not panel.live.session.objects and not np.asarray(panel.live.store[middle]).any()
    driver.picture("undone")

    with step("redo everything"):
        while panel.live.can_redo:
            driver.press(
                Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
            )
        again = sum(len(record.prompts) for record in panel.live.session.objects.values())
        assert again == given, f"{again} prompts after redo, {given} before undo"
        assert driver.seen(1, middle)
    driver.picture("redone")

    driver.until(lambda: panel.results.tables.complete, "the tables")
    driver.settle(1.0)
    driver.until(lambda: not panel.review.looking, "the moments")
    for index in range(1, panel.tabs.count()):
        panel.tabs.setCurrentIndex(index)
        driver.picture(f"tab_{panel.tabs.tabText(index).lower()}")
    panel.tabs.setCurrentIndex(0)

    with step("save"):
        panel.live.save(driver.out / "session.json")
        print("  " + ", ".join(sorted(path.name for path in driver.out.glob("session*"))))


def main() -> None:
    """Read the command line, open the viewer, and drive it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("out", type=Path, help="folder for the pictures")
    parser.add_argument("--sample", default="cells_time", help="a sample of the package")
    parser.add_argument("--image", type=Path, help="a file to open instead")
    parser.add_argument("--labels", type=Path, help="a label image of the same size: where to click")
    parser.add_argument("--spot", type=float, nargs=2, action="append", default=[], metavar=("Y", "X"))
    parser.add_argument("--around", type=int, default=0, help="follow only so far from the middle; 0: all")
    parser.add_argument("--size", type=int, nargs=2, default=SIZE, help="of the window")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    os.environ["NAPARI_SAM2_SESSIONS"] = str(args.out / "sessions")

    viewer = napari.Viewer()
    viewer.window.resize(*args.size)
    driver = Driver(viewer, args.out)
    driver.settle(1)
    if args.image is None:
        layers = viewer.open_sample("napari-sam2", args.sample)
        truth = next(np.asarray(layer.data) for layer in layers if layer.name.endswith("truth"))
    else:
        reader = "napari" if args.image.suffix in (".tif", ".tiff") else "napari-sam2"
        viewer.open(args.image, plugin=reader)
        truth = tifffile.imread(args.labels) if args.labels else None
    try:
        drive(driver, truth, args.spot, args.around)
    finally:
        viewer.close()
        driver.settle(0.5)


if __name__ == "__main__":
    main()
