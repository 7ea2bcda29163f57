"""`napari-sam2 replay`: the masks of a saved session again, to the bit; and sessions on other images."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_sam2.cli.main import run
from napari_sam2.frames import open_frames
from napari_sam2.label_store import LabelStore
from napari_sam2.models.load import load_model
from napari_sam2.replay import record_view
from napari_sam2.session import Session
from napari_sam2.tracking import track


@pytest.fixture(scope="module")
def viewed(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    """A movie, a session of a viewer on it, and its masks as they came to be shown bit by bit."""
    folder = tmp_path_factory.mktemp("viewed")
    big = np.random.default_rng(0).integers(0, 4096, (16, 20), dtype=np.uint16).repeat(8, 0).repeat(8, 1)
    movie = np.stack([big[3 * i : 3 * i + 64, 2 * i : 2 * i + 80] for i in range(6)])
    tifffile.imwrite(folder / "movie.tif", movie, imagej=True, metadata={"axes": "TYX"})
    with open_frames(folder / "movie.tif") as frames:
        session = Session(frames)
        store = LabelStore.in_memory(frames.shape)
        model = load_model(weights)

        def propagate() -> None:
            session.propagate()
            track(session, model, framing="frame", onto=store).to_labels(store)

        frames.contrast = (210.5, 3300.25)
        session.add_points(object_id=1, frame=0, points=[(30, 40), (60, 70)], labels=[1, 0])
        session.add_box(object_id=2, frame=2, box=(10, 12, 30, 34))
        propagate()
        first = store.labels.copy()
        session.add_points(object_id=1, frame=3, points=[(20, 50)], labels=[1])
        propagate()
        session.add_points(object_id=2, frame=4, points=[(40, 20)], labels=[1])
        session.lock(object_id=1, frame=1, mask=store.object_mask(1, 1))
        propagate()
        assert (store.labels != first).any(), "corrections that change nothing show nothing"
        record_view(session, "frame")
        session.save(folder / "session.json")
    return folder, np.asarray(store.labels)


@pytest.fixture
def shown(viewed: tuple[Path, np.ndarray], here: Path) -> np.ndarray:
    """The masks of session.json on movie.tif, which lie where commands run."""
    folder, labels = viewed
    for name in ("movie.tif", "session.json"):
        shutil.copy(folder / name, here)
    return labels


def replay(*more: object) -> int:
    return run(["replay", "session.json", *map(str, more)])


def test_a_session_of_the_viewer_gives_the_masks_that_the_viewer_showed(
    shown: np.ndarray, here: Path, weights: Path, capsys: pytest.CaptureFixture[str]
):
    assert replay("--model", weights) == 0
    assert np.array_equal(tifffile.imread(here / "movie_replay" / "labels.tif"), shown)
    assert "2 objects followed over 6 frames" in capsys.readouterr().out


def test_a_run_replayed_from_its_folder_gives_the_same_files(here: Path, weights: Path):
    options = ["--model", str(weights), "--pixel-size", "0.5", "--step", "30", "--stop", "4"]
    assert run(["track", "movie.tif", "--prompts", "clicks.csv", "--out", "results", *options]) == 0
    assert run(["replay", "results/session.json", "--model", str(weights), "--out", "again"]) == 0
    assert np.array_equal(tifffile.imread("again/labels.tif"), tifffile.imread("results/labels.tif"))
    for name in ("regions.csv", "regions.csv.json", "tracks.csv", "session.json"):
        assert (here / "again" / name).read_bytes() == (here / "results" / name).read_bytes(), name


def test_the_image_may_have_moved(shown: np.ndarray, here: Path, weights: Path):
    (here / "far").mkdir()
    shutil.move("movie.tif", "far/renamed.tif")
    assert replay("--model", weights, "--image", "far/renamed.tif", "--out", "again") == 0
    assert np.array_equal(tifffile.imread(here / "again" / "labels.tif"), shown)


@pytest.mark.usefixtures("shown")
def test_another_image_only_when_it_is_said(here: Path, weights: Path, refused: Callable[..., str]):
    tifffile.imwrite(here / "other.tif", tifffile.imread("movie.tif")[::-1], photometric="minisblack")
    words = ("replay", "session.json", "--image", "other.tif", "--model", weights, "--out", "again")
    told = refused(*words)
    assert "another image, movie of shape 6 x 64 x 80" in told and "--other-image" in told
    assert run([str(word) for word in (*words, "--other-image", "--pixel-size", "0.25")]) == 0
    saved = json.loads((here / "again" / "session.json").read_text())
    assert saved["image"]["name"] == "other"
    assert saved["parameters"]["contrast"] == "[[210.5, 3300.25]]"
    about = json.loads((here / "again" / "regions.csv.json").read_text())
    assert (about["pixel_size"], about["unit"]) == ([0.25, 0.25], "µm")


@pytest.mark.usefixtures("shown")
def test_an_image_too_small_for_the_edits(here: Path, weights: Path, refused: Callable[..., str]):
    tifffile.imwrite(here / "short.tif", tifffile.imread("movie.tif")[:3], photometric="minisblack")
    told = refused(
        "replay", "session.json", "--image", "short.tif", "--other-image", "--model", weights, "--out", "x"
    )
    assert "edit 4" in told and "frame 3" in told


@pytest.mark.usefixtures("shown")
def test_fewer_channels_than_the_session_shows(here: Path, weights: Path, refused: Callable[..., str]):
    document = json.loads((here / "session.json").read_text())
    for edit in document["edits"]:
        if edit.get("name") == "channels":
            edit["value"] = "[2]"
    document["parameters"]["channels"] = "[2]"
    (here / "session.json").write_text(json.dumps(document))
    assert "channel 2, counted from 0, but movie has 1" in refused(
        "replay", "session.json", "--model", weights
    )


@pytest.mark.usefixtures("shown")
def test_an_image_that_is_nowhere(here: Path, refused: Callable[..., str]):
    (here / "movie.tif").rename(here / "gone.tif")
    told = refused("replay", "session.json")
    assert "movie.tif, is not beside it" in told and "--image" in told


def test_no_session(here: Path, refused: Callable[..., str]):
    assert "no session file" in refused("replay", "missing.json")
    (here / "not.json").write_text('{"a": 1}')
    assert "not.json is not a session file" in refused("replay", "not.json")


@pytest.mark.usefixtures("shown")
def test_a_model_without_a_name_has_to_be_given(refused: Callable[..., str]):
    assert "'small', which has no name here" in refused("replay", "session.json")


def test_a_seeded_session_is_seeded_again_on_another_image(
    here: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
):
    from napari_sam2 import transfer

    asked = []

    def seed(session: Session, rule: str, **options: object) -> None:
        asked.append((rule, options["diameter"]))
        session.add_points(object_id=7, frame=1, points=[(20, 20)], labels=[1])

    monkeypatch.setattr(transfer, "seed", seed)
    session = Session(open_frames("movie.tif"))
    session.add_points(object_id=1, frame=0, points=[(30, 40)], labels=[1])
    session.set_parameter("seeding", "spots")
    session.set_parameter("seeding_diameter", 12.5)
    session.propagate(stop=4)
    session.save("session.json")
    tifffile.imwrite(here / "other.tif", tifffile.imread("movie.tif")[::-1], photometric="minisblack")
    frames = open_frames("other.tif")
    applied = transfer.apply_session("session.json", frames, other_image=True, model=weights)
    assert asked == [("spots", 12.5)]
    assert list(applied.objects) == [7]
    assert applied.history[-1].stop == 4
    own = transfer.apply_session("session.json", open_frames("movie.tif"))
    assert list(own.objects) == [1] and len(asked) == 1
