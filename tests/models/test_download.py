"""Downloading weights: progress, resuming, checking, and one clear sentence when it fails."""

import errno
import hashlib
import shutil
import socket
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from napari_sam2.models import download
from napari_sam2.models.cards import CARDS, ModelCard
from napari_sam2.models.download import download_weights, progress_bar, weights_path
from napari_sam2.models.errors import ModelError

BODY = bytes(range(256)) * 400


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    monkeypatch.setattr(download, "_PAUSE", 0.0)
    monkeypatch.setattr(download, "_CHUNK", 1000)


@pytest.fixture
def card(web) -> ModelCard:
    web.files["toy.pt"] = BODY
    return ModelCard(
        name="toy",
        good_for="Tests.",
        config="toy",
        layout="meta",
        licence="CC0-1.0",
        file_name="toy.pt",
        urls=(f"{web.url}/toy.pt",),
        bytes=len(BODY),
        sha256=hashlib.sha256(BODY).hexdigest(),
    )


def part_of(card: ModelCard) -> Path:
    path = weights_path(card)
    return path.with_name(f"{path.name}.part")


def test_a_file_arrives_whole_and_is_not_asked_for_twice(card, web, cache):
    path = download_weights(card)
    assert path == cache / "toy.pt"
    assert path.read_bytes() == BODY
    assert not part_of(card).exists()
    assert download_weights(card) == path
    assert len(web.asked) == 1


def test_progress_counts_up_to_the_size_of_the_file(card):
    seen = []
    download_weights(card, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (len(BODY), len(BODY))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert len(seen) > 50


def test_a_dropped_connection_goes_on_where_it_stopped(card, web):
    web.drops = [30_000, 20_000]
    assert download_weights(card).read_bytes() == BODY
    assert [part for _, part in web.asked] == [None, "bytes=30000-", "bytes=50000-"]


def test_an_interrupted_download_goes_on_later(card, web):
    def interrupt(done, total):
        if done > 40_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download_weights(card, progress=interrupt)
    assert not weights_path(card).exists()
    kept = part_of(card).stat().st_size
    assert 40_000 <= kept < len(BODY)
    seen = []
    assert download_weights(card, progress=lambda done, _: seen.append(done)).read_bytes() == BODY
    assert web.asked[-1][1] == f"bytes={kept}-"
    assert seen[0] == kept + 1000


def test_a_server_without_ranges_sends_everything_again(card, web):
    web.ranges = False
    web.drops = [30_000]
    assert download_weights(card).read_bytes() == BODY
    assert len(web.asked) == 2


@pytest.mark.parametrize("leftover", [BODY[:500] + b"?" * 500, b"?" * len(BODY), b"?" * (len(BODY) + 7)])
def test_a_wrong_leftover_is_replaced(card, web, leftover):
    part_of(card).parent.mkdir(parents=True)
    part_of(card).write_bytes(leftover)
    assert download_weights(card).read_bytes() == BODY


def test_a_changed_byte_is_refused_and_nothing_stays(card, web):
    web.files["toy.pt"] = BODY[:777] + b"?" + BODY[778:]
    with pytest.raises(ModelError, match=r"arrived damaged from http.*SHA-256"):
        download_weights(card)
    assert not weights_path(card).exists()
    assert not part_of(card).exists()


def test_a_page_instead_of_the_file_is_refused_at_once(card, web):
    web.files["toy.pt"] = b"<html>please sign in</html>"
    with pytest.raises(ModelError, match=r"it has 27 bytes, the published file has 102400"):
        download_weights(card)
    assert len(web.asked) == 1


@pytest.mark.parametrize(("status", "said"), [(403, "HTTP 403, Forbidden"), (404, "HTTP 404, Not Found")])
def test_a_refusal_names_the_address_and_the_place_to_put_the_file(card, web, status, said):
    web.status = status
    with pytest.raises(ModelError, match=said) as refused:
        download_weights(card)
    assert card.urls[0] in str(refused.value)
    assert str(weights_path(card)) in str(refused.value)
    assert len(web.asked) == 1


def test_the_second_home_helps_when_the_first_has_nothing(card, web):
    card = replace(card, urls=(f"{web.url}/gone.pt", *card.urls))
    assert download_weights(card).read_bytes() == BODY
    assert [path for path, _ in web.asked] == ["/models/gone.pt", "/models/toy.pt"]


def test_offline_is_one_sentence_with_every_way_out(card):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    card = replace(card, urls=(f"{address}/toy.pt", f"{address}/other/toy.pt"))
    with pytest.raises(ModelError) as offline:
        download_weights(card)
    message = str(offline.value)
    for needed in (*card.urls, "no connection", str(weights_path(card)), "NAPARI_SAM2_MIRROR"):
        assert needed in message
    assert message.endswith(".") and "\n" not in message


def test_a_mirror_replaces_the_public_homes(card, web, monkeypatch):
    card = replace(card, urls=("http://nowhere.invalid/toy.pt",))
    monkeypatch.setenv("NAPARI_SAM2_MIRROR", f"{web.url}/")
    assert download_weights(card).read_bytes() == BODY


def test_an_argument_goes_before_the_environment(card, web, monkeypatch):
    monkeypatch.setenv("NAPARI_SAM2_MIRROR", "http://nowhere.invalid")
    assert download_weights(card, mirror=web.url).read_bytes() == BODY


def test_a_mirror_that_is_no_address_is_named(card):
    with pytest.raises(ModelError, match=r"shared/models/toy\.pt \(Invalid URL"):
        download_weights(card, mirror="shared/models")


def test_two_at_once_download_once(card, web):
    errors = []

    def run():
        try:
            download_weights(card)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert len(web.asked) == 1


def test_too_little_room_is_seen_before_the_first_byte(card, web, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=len(BODY) - 1))
    with pytest.raises(ModelError, match=r"there is no room for toy .* NAPARI_SAM2_CACHE"):
        download_weights(card)
    assert not web.asked


def test_a_disk_that_fills_up_is_the_same_sentence(card):
    def full(done, total):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(ModelError, match="there is no room for toy"):
        download_weights(card, progress=full)
    assert not weights_path(card).exists()


def test_a_cache_that_cannot_be_made_is_named(card, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("NAPARI_SAM2_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(ModelError, match=r"toy cannot be stored as .*toy\.pt .*NAPARI_SAM2_CACHE"):
        download_weights(card)


def test_a_file_put_there_by_hand_is_checked(card, web):
    weights_path(card).parent.mkdir(parents=True)
    weights_path(card).write_bytes(b"something else")
    with pytest.raises(ModelError, match=r"is not the published toy .* delete it"):
        download_weights(card)
    weights_path(card).write_bytes(BODY)
    assert download_weights(card).read_bytes() == BODY
    assert not web.asked


def test_a_bundled_model_lies_in_the_package():
    assert weights_path(CARDS["nano"]).parent.name == "weights"


def test_the_bar_shows_what_is_there(capsys):
    with progress_bar("toy") as draw:
        draw(30, 100)
        draw(100, 100)
    assert "\n\n" not in capsys.readouterr().err
