"""What asks the model: the rule `everything`, and objects that enter. With the bundled model."""

from collections.abc import Callable

import numpy as np
import pytest

from napari_sam2 import Session, open_frames, track
from napari_sam2.seeding import seed
from napari_sam2.seeding.everything import find_everything
from napari_sam2.session.plan import compile_plan

Draw = Callable[..., np.ndarray]
TWO = [(45.0, 40.0, 34.0), (80.0, 110.0, 40.0)]


@pytest.fixture(scope="module")
def nano():
    """The bundled model."""
    from napari_sam2.models.load import load_model

    return load_model("nano", "cpu")


def test_everything_finds_two_cells(nano, draw: Draw, score: Callable):
    image = draw(TWO, (128, 150))
    frames = open_frames(image[None], axis="t")
    found = find_everything(nano, frames, 0, 36.0, 150)
    rows, columns = np.ogrid[:128, :150]
    truth = np.zeros(image.shape, int)
    for number, (y, x, diameter) in enumerate(TWO, start=1):
        truth[np.hypot(rows - y, columns - x) <= diameter / 2] = number
    precision, recall = score(found, truth)
    assert recall == 1
    assert precision >= 0.5


def test_everything_leaves_noise_alone(nano, draw: Draw):
    frames = open_frames(draw([], (96, 96))[None], axis="t")
    assert find_everything(nano, frames, 0, 30.0, 100).max() <= 1


def test_everything_shows_a_large_object_the_whole_frame(nano, draw: Draw):
    frames = open_frames(draw([(64.0, 70.0, 60.0)], (128, 150))[None], axis="t")
    found = find_everything(nano, frames, 0, 60.0, 500)
    middle = found[64, 70]
    assert middle > 0
    assert 0.7 < (found == middle).sum() / (np.pi / 4 * 60**2) < 1.4


def test_what_enters_gets_a_new_id_and_what_is_followed_none(nano, draw: Draw):
    first, second = (40.0, 40.0, 30.0), (90.0, 110.0, 30.0)
    discs = [[first], [first], [first, second], [first, second]]
    movie = np.stack([draw(shown, (128, 150), seed=t) for t, shown in enumerate(discs)])
    session = Session(open_frames(movie, axis="t"))
    seeds = seed(session, "threshold", reseed=2, model=nano)
    assert seeds.found == {0: (1,), 2: (2,)}
    assert session.parameters["seeding_reseed"] == 2

    labels = track(session, model=nano).to_labels()
    assert labels[3][40, 40] == 1
    assert labels[3][90, 110] == 2
    assert not (labels[0] == 2).any()
    # All is propagated as it was found, so that asking for the rest again adds nothing.
    plan = compile_plan(session.history, 4)
    session.propagate()
    assert len(compile_plan(session.history, 4)) == len(plan)


def test_nothing_on_the_first_frame_waits_for_the_next(nano, draw: Draw):
    movie = np.stack([draw([], (96, 96)), draw([(48.0, 48.0, 30.0)], (96, 96), seed=1)])
    session = Session(open_frames(movie, axis="t"))
    assert seed(session, "threshold", frames=[0, 1], model=nano).found == {1: (1,)}


@pytest.mark.parametrize("framing", ["auto", "frame", "window"])
def test_clicks_cover_the_frame_each_within_its_view(framing: str):
    from napari_sam2.seeding.everything import MOST_CLICKS, _clicks

    shape = (300, 410)
    clicks = list(_clicks(shape, 20.0, framing, 16))
    assert len(clicks) <= 1.3 * MOST_CLICKS
    for view, (y, x) in clicks:
        assert view.top <= y <= view.top + view.height
        assert view.left <= x <= view.left + view.width
    points = np.array([point for _, point in clicks])
    corners = np.array([(0, 0), (0, 409), (299, 0), (299, 409)])
    assert np.hypot(*(points[None] - corners[:, None]).T).min(axis=0).max() < 20
    sees_all = {view.height == 300 for view, _ in clicks}
    assert sees_all == {"auto": {True, False}, "frame": {True}, "window": {False}}[framing]
