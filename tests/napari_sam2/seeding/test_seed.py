"""From a rule to prompts in a session: what is said, what is refused, and what stays as it was."""

from collections.abc import Callable

import numpy as np
import pytest
import tifffile

from napari_sam2 import Session, open_frames
from napari_sam2.errors import InputError
from napari_sam2.sample_data import sample_path
from napari_sam2.seeding import parse_rule, seed, seeded_session
from napari_sam2.session.plan import compile_plan

Draw = Callable[..., np.ndarray]


@pytest.fixture
def session(draw: Draw, grid: list) -> Session:
    """Three frames with twelve discs on each."""
    return Session(open_frames(np.stack([draw(grid, seed=t) for t in range(3)]), axis="t"))


def test_objects_become_masks_of_the_first_frame(session: Session, grid: list):
    seeds = seed(session)
    assert seeds.rule == "threshold"
    assert len(seeds) == len(session.objects) == len(grid)
    assert seeds.found == {0: tuple(range(1, 13))}
    masks = {i: tracked.prompts[0].mask.unpack() for i, tracked in session.objects.items()}
    assert {int(mask[int(y), int(x)]) for y, x, _ in grid for mask in masks.values()} == {0, 1}
    assert all(any(mask[int(y), int(x)] for mask in masks.values()) for y, x, _ in grid)


def test_spots_become_clicks(session: Session, grid: list):
    seed(session, "spots")
    clicks = [tracked.prompts[0].points for tracked in session.objects.values()]
    assert len(clicks) == len(grid)
    for y, x, diameter in grid:
        assert any(np.hypot(y - a, x - b) < diameter / 4 for ((a, b),) in clicks)


def test_the_session_says_which_rule_made_it(session: Session):
    seed(session, "auto", diameter=22, frames=[1], min_size=40)
    said = {name: value for name, value in session.parameters.items() if name.startswith("seed")}
    assert said == {
        "seeding": "threshold",
        "seeding_diameter": 22,
        "seeding_frames": "1",
        "seeding_min_size": 40,
        "seeded_diameter": 22,
        "seeded_objects": "bright",
    }
    assert {frame for tracked in session.objects.values() for frame in tracked.prompts} == {1}


def test_the_same_arguments_seed_the_same_again(session: Session):
    seed(session, "threshold", frames=[2], diameter=25)
    again = Session(session.frames)
    arguments = {
        name.removeprefix("seeding_"): value
        for name, value in session.parameters.items()
        if name.startswith("seeding_")
    }
    seed(again, str(session.parameters["seeding"]), **arguments)
    assert again.objects == session.objects
    assert again.parameters == session.parameters


def test_it_is_one_step_of_undo_beside_what_is_there(session: Session):
    session.add_points(7, 1, [(5, 5)], [1])
    before = dict(session.objects)
    seed(session)
    assert min(session.objects.keys() - before.keys()) == 8
    session.undo()
    assert dict(session.objects) == before
    assert not session.parameters


def test_a_saved_session_holds_the_seeds(session: Session, tmp_path):
    seed(session)
    session.save(tmp_path / "session.json")
    assert Session.load(tmp_path / "session.json", session.frames).objects == session.objects


def test_dark_objects_are_seen_or_said(draw: Draw, grid: list):
    dark = open_frames(draw(grid, height=-0.6)[None], axis="t")
    assert seed(Session(dark)).objects == "dark"
    assert len(seed(Session(dark), objects="dark")) == len(grid)


def test_two_cells(draw: Draw):
    frames = open_frames(draw([(50.0, 60.0, 30.0), (110.0, 130.0, 34.0)])[None], axis="t")
    for rule in ("threshold", "spots"):
        assert len(seed(Session(frames), rule)) == 2


@pytest.mark.parametrize("rule", ["threshold", "spots", "everything"])
@pytest.mark.parametrize("image", ["empty", "noise"])
def test_nothing_to_find_is_one_sentence(draw: Draw, rule: str, image: str):
    pixels = draw([]) if image == "noise" else np.zeros((160, 200), np.uint8)
    session = Session(open_frames(pixels[None], axis="t"))
    with pytest.raises(InputError, match=r"finds no object on frame 0 .* only noise; say"):
        seed(session, rule)
    assert not session.history


def test_too_many_are_refused_before_they_cost_anything(session: Session):
    with pytest.raises(InputError, match=r"12 objects on frame 0 .* limit of 11; give a larger diameter"):
        seed(session, limit=11)
    assert not session.history


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"rule": "blobs"}, "no seeding rule 'blobs'"),
        ({"objects": "red"}, "objects cannot be 'red'"),
        ({"diameter": 0}, "diameter cannot be 0"),
        ({"diameter": float("nan")}, "diameter cannot be nan"),
        ({"min_size": -3}, "min size cannot be -3"),
        ({"reseed": 0}, "reseed cannot be 0"),
        ({"reseed": 1.5}, "reseed cannot be 1.5; give a whole number"),
        ({"frames": [3]}, "frame 3 cannot be seeded; choose from 0 to 2"),
        ({"frames": "a"}, "frames 'a' is not understood"),
        ({"frames": []}, "frames '' is not understood"),
    ],
)
def test_mistakes_are_one_sentence(session: Session, arguments: dict, words: str):
    with pytest.raises(InputError, match=words):
        seed(session, **arguments)
    assert not session.history


@pytest.mark.parametrize(
    ("typed", "rule"),
    [("auto", "auto"), ("auto:spots", "spots"), ("auto.csv", None), ("prompts.csv", None), ("/a/auto", None)],
)
def test_rules_as_typed(typed: str, rule: str | None):
    assert parse_rule(typed) == rule


def test_a_rule_that_is_not_there_is_told():
    with pytest.raises(InputError, match="no seeding rule 'all'; choose auto, auto:threshold"):
        parse_rule("auto:all")


def test_a_colour_image_takes_any_rule(draw: Draw, grid: list):
    colour = (np.stack([draw(grid)] * 3, axis=-1) * [255, 200, 150]).astype(np.uint8)
    frames = open_frames(colour[None], axis="t")
    assert frames.is_rgb
    assert len(seed(Session(frames), "threshold")) == len(grid)


def test_every_nucleus_of_a_stack_gets_one_prompt():
    truth = tifffile.imread(sample_path("nuclei_z", "labels"))
    with open_frames(sample_path("nuclei_z")) as frames:
        session = Session(frames)
        seeds = seed(session)
        prompted = []
        for tracked in session.objects.values():
            ((frame, given),) = tracked.prompts.items()
            inside = truth[frame][given.mask.unpack()]
            prompted.append(np.bincount(inside).argmax())
    whole = {i for i in np.unique(truth)[1:] if np.count_nonzero((truth == i).any(axis=(1, 2))) > 5}
    assert len(seeds.found) > 3
    assert whole - set(prompted) <= set(sorted(whole)[:2])
    assert len(prompted) <= 1.15 * len(set(prompted) - {0})


def test_of_volumes_in_time_the_first_is_seeded():
    volume = tifffile.imread(sample_path("nuclei_z"))[8:24]
    frames = open_frames(np.stack([volume, volume]), axes="TZYX", axis="zt")
    session = Session(frames)
    seeds = seed(session)
    assert len(seeds) >= 8
    assert max(seeds.found) < 16
    with pytest.raises(InputError, match="leave out reseed"):
        seed(session, reseed=2)


def test_a_seeded_session_is_propagated(session: Session):
    made = seeded_session(session.frames, direction="forward", stop=2)
    (walk,) = compile_plan(made.history, 3)
    assert len(walk.runs) == 12
    assert {(run.first, run.last) for run in walk.runs} == {(0, 1)}
