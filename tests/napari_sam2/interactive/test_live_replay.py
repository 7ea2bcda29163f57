"""What is shown after propagation is what the saved session replays to, with the network itself."""

import numpy as np
import pytest

from napari_sam2 import Session, track
from napari_sam2.interactive.live import Live
from napari_sam2.interactive.requests import Loaded, UseModel
from napari_sam2.interactive.worker import Worker


@pytest.fixture
def live(frames, lively, simple):
    """A session whose model is a small network, run in the same thread."""

    class Small(Worker):
        def _load(self, request: UseModel):
            self._model = lively
            yield Loaded(request.number, lively.name, lively.sha256, "cpu", lively.config.image_size)

    live = Live(frames)
    live._engine.worker = live._engine._agenda._worker = Small(frames)
    live.notices = []
    live.notice.connect(live.notices.append)
    yield live
    live.close()
    assert live.notices == []


def shown(live) -> np.ndarray:
    return np.array(live.store.labels)


def replayed(live, lively, tmp_path) -> np.ndarray:
    live.save(tmp_path / "session.json")
    return track(Session.load(tmp_path / "session.json", live.frames), lively).to_labels()


def three_objects(live) -> None:
    live.add_points(1, 2, [(20, 16)], [1])
    live.add_points(1, 2, [(24, 16)], [1])
    live.add_box(2, 0, (5, 20, 18, 40))
    live.add_points(3, 7, [(30, 30), (3, 3)], [1, 0])
    live.wait()


@pytest.mark.parametrize("framing", [None, "frame", "window"])
def test_propagation_corrections_repairs_undo_and_redo(live, lively, tmp_path, framing):
    live.use_model("lively", framing=framing)
    three_objects(live)
    live.propagate()
    live.wait()
    before = shown(live)
    assert np.array_equal(before, replayed(live, lively, tmp_path))
    live.add_points(2, 6, [(12, 30)], [1])
    live.wait()
    live.repair(2, 6)
    live.wait()
    repaired = shown(live)
    assert (before != repaired).any(), "a repair that changes nothing shows nothing"
    assert np.array_equal(repaired, replayed(live, lively, tmp_path))
    live.add_points(1, 9, [(20, 20)], [1])
    live.propagate()
    live.wait()
    after = shown(live)
    assert np.array_equal(after, replayed(live, lively, tmp_path))
    for _ in range(2):
        live.undo()
    assert np.array_equal(shown(live), repaired) and np.array_equal(
        repaired, replayed(live, lively, tmp_path)
    )
    for _ in range(2):
        live.redo()
    assert np.array_equal(shown(live), after)


def test_absences_locks_and_label_images(live, lively, tmp_path):
    labels = np.zeros((12, 40, 48), np.uint8)
    labels[0, 4:14, 4:14], labels[3, 22:32, 10:24] = 1, 2
    live.add_label_image(labels)
    live.propagate()
    live.wait()
    live.painted(1, 6, np.zeros((40, 48), bool))
    live.lock(2, 8)
    live.add_points(1, 9, [(20, 20)], [1])
    live.add_points(2, 5, [(30, 40)], [1])
    live.propagate()
    live.wait()
    assert not live.mask(1, 6).any()
    assert np.array_equal(shown(live), replayed(live, lively, tmp_path))


@pytest.mark.parametrize("stopped_after", [3, 14])
def test_a_stopped_propagation_and_what_came_after_it(live, lively, tmp_path, stopped_after):
    three_objects(live)
    live.propagate()
    while live.progress.done < stopped_after:
        live.poll()
    live.add_points(2, 1, [(12, 30)], [1])
    live.stop()
    live.wait()
    live.propagate()
    live.wait()
    assert np.array_equal(shown(live), replayed(live, lively, tmp_path))


def test_the_click_shows_what_propagation_will_start_from(live):
    three_objects(live)
    clicked = {(1, 2): live.mask(1, 2), (3, 7): live.mask(3, 7)}
    live.propagate([1])
    live.wait()
    assert np.array_equal(live.mask(1, 2), clicked[1, 2])
