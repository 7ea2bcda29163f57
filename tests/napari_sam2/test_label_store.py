"""Masks go in as frames come, and come out as they would have without overlaps, passes and crashes."""

import errno
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sam2.errors import InputError
from napari_sam2.label_store import LabelStore
from napari_sam2.models.results import FrameResult, MaskPatch

SHAPE = (6, 8, 9)


@pytest.fixture(params=["memory", "disk"])
def store(request, tmp_path):
    return (
        LabelStore.in_memory(SHAPE)
        if request.param == "memory"
        else LabelStore.on_disk(tmp_path / "s", SHAPE)
    )


def patch(object_id, top, left, logits, iou=0.5, visible=0.9):
    return MaskPatch(object_id, top, left, np.atleast_2d(np.asarray(logits, np.float32)), iou, visible)


def result(frame, *patches, keep_others=False):
    return FrameResult(frame, SHAPE[1:], patches, keep_others)


@st.composite
def results_of_frame_2(draw, count):
    """A few results for the same frame, of objects that overlap and often tie."""
    logit = st.sampled_from([-3.0, -1e-9, 1e-9, 0.5, 1.0, 1.0001, 2.0, 1e6])
    results = []
    for _ in range(draw(st.integers(1, count))):
        ids = draw(st.lists(st.integers(1, 5), min_size=1, max_size=4, unique=True))
        patches = []
        for object_id in ids:
            h, w = draw(st.integers(0, 3)), draw(st.integers(1, 3))
            logits = np.array(draw(st.lists(logit, min_size=h * w, max_size=h * w)), np.float32).reshape(h, w)
            top, left = draw(st.integers(0, 1)), draw(st.integers(0, 1))
            patches.append(MaskPatch(object_id, top, left, logits, 0.5, 0.9))
        results.append(result(2, *patches, keep_others=draw(st.booleans())))
    return results


def contents(store):
    return np.stack([store[2], store._logits[2].astype(np.float32)])


class Pixels:
    """What the store promises, pixel by pixel and without any cleverness."""

    def __init__(self):
        self.owner = {}

    def write(self, result):
        self.owner = {at: has for at, has in self.owner.items() if has[1] not in result.object_ids}
        before = set(self.owner)
        for patch in result.patches:
            for (i, j), logit in np.ndenumerate(patch.logits_hw):
                at = (patch.top + i, patch.left + j)
                if logit <= 0 or (result.keep_others and at in before):
                    continue
                rounded = float(np.float16(min(max(logit, 2.0**-24), 65504)))
                # The larger logit, then the smaller id: the order of tuples once the id is negated.
                held = self.owner.get(at)
                if held is None or (rounded, -patch.object_id) > (held[0], -held[1]):
                    self.owner[at] = rounded, patch.object_id

    def contents(self):
        both = np.zeros((2, *SHAPE[1:]), np.float32)
        for (y, x), (logit, object_id) in self.owner.items():
            both[:, y, x] = object_id, logit
        return both


@settings(max_examples=200, deadline=None)
@given(results_of_frame_2(4))
def test_store_does_what_it_promises_pixel_by_pixel(results):
    store, pixels = LabelStore.in_memory(SHAPE), Pixels()
    for each in results:
        store.write(each)
        pixels.write(each)
        np.testing.assert_array_equal(contents(store), pixels.contents())


@settings(max_examples=100, deadline=None)
@given(results_of_frame_2(2), st.randoms())
def test_order_of_patches_does_not_matter(results, random):
    one, other = LabelStore.in_memory(SHAPE), LabelStore.in_memory(SHAPE)
    for each in results:
        one.write(each)
        shuffled = list(each.patches)
        random.shuffle(shuffled)
        other.write(result(2, *shuffled, keep_others=each.keep_others))
    np.testing.assert_array_equal(contents(one), contents(other))


@settings(max_examples=100, deadline=None)
@given(results_of_frame_2(3))
def test_writing_again_after_a_crash_between_labels_and_logits_gives_the_same(results):
    class Crash(Exception):
        pass

    class Crashing:
        """The two arrays of a store, of which only the first write gets through."""

        writes = 0

        def __init__(self, array):
            self.array, self.shape = array, array.shape

        def __getitem__(self, frame):
            return self.array[frame]

        def __setitem__(self, frame, value):
            Crashing.writes += 1
            if Crashing.writes == 2:
                raise Crash
            self.array[frame] = value

    one, other = LabelStore.in_memory(SHAPE), LabelStore.in_memory(SHAPE)
    for each in results:
        one.write(each)
        Crashing.writes = 0
        arrays, log = (other.labels, other._logits), other._scores
        with pytest.raises(Crash):
            LabelStore(*map(Crashing, arrays), log).write(each)
        other = LabelStore(*arrays, log)
        other.write(each)
    np.testing.assert_array_equal(contents(one), contents(other))
    assert other.results_written == len(results)


def test_both_homes_agree_and_the_folder_can_be_opened_again(tmp_path):
    stores = LabelStore.in_memory(SHAPE), LabelStore.on_disk(tmp_path / "s", SHAPE)
    for store in stores:
        store.write(result(0, patch(3, 0, 0, [[1, 2], [3, -1]]), patch(1, 0, 1, [[5, 5]])))
        store.write(result(0, patch(2, 1, 0, [[4, 4]])))
        store.write(result(5, patch(1, 7, 8, 0.25, iou=0.125)))
        store.delete_object(1, 0)
    again = LabelStore.on_disk(tmp_path / "s", SHAPE)
    for store in (stores[1], again):
        for frame in range(len(store)):
            np.testing.assert_array_equal(store[frame], stores[0][frame])
        assert store.scores().equals(stores[0].scores())
        assert store.results_written == 3
    assert again.shape == SHAPE and again.dtype == np.int32 and len(again) == 6
    np.testing.assert_array_equal(np.asarray(again), np.asarray(stores[0].labels))


def test_the_labels_are_a_plain_zarr_array_of_one_frame_a_chunk(tmp_path):
    store = LabelStore.on_disk(tmp_path / "s", SHAPE)
    store.write(result(4, patch(7, 0, 0, 1.0)))
    assert store.labels.chunks == (1, 8, 9)
    assert store.labels.metadata.zarr_format == 3
    assert store.labels[4, 0, 0] == 7


def test_the_backward_pass_wins_only_where_its_logit_is_larger(store):
    store.write(result(1, patch(1, 0, 0, [[2, 2, 2, -1]])))
    store.write(result(1, patch(2, 0, 0, [[1, 3, 2, 1]])))
    assert store[1][0, :5].tolist() == [1, 2, 1, 2, 0]


def test_a_repair_gives_up_its_old_pixels_and_takes_only_background(store):
    store.write(result(1, patch(1, 0, 0, [[2, 2]]), patch(2, 0, 2, [[1, 1]])))
    store.write(result(1, patch(1, 0, 1, [[9, 9, -9, 9]]), keep_others=True))
    assert store[1][0, :6].tolist() == [0, 1, 2, 2, 1, 0]


def test_an_absent_object_loses_its_pixels(store):
    store.write(result(1, patch(1, 0, 0, [[2, 2]])))
    store.write(result(1, patch(1, 0, 0, np.zeros((0, 0)), iou=0.1, visible=0.02)))
    assert not store[1].any()
    assert store.scores()["object_score"].tolist() == [0.02]


def test_the_faintest_logit_still_is_mask_and_not_a_number_never_is(store):
    store.write(result(1, patch(1, 0, 0, [[1e-30, np.nan, np.inf, 0]])))
    assert store[1][0, :4].tolist() == [1, 0, 1, 0]


def test_object_mask(store):
    store.write(result(1, patch(4, 2, 3, [[1, 1]])))
    mask = store.object_mask(4, 1)
    assert mask.dtype == bool and mask.shape == SHAPE[1:]
    assert np.argwhere(mask).tolist() == [[2, 3], [2, 4]]


def test_the_last_scores_count_and_deleted_ones_are_gone(store):
    store.write(result(1, patch(2, 0, 0, 1, iou=0.1), patch(1, 0, 0, 1, iou=0.2)))
    store.write(result(0, patch(2, 0, 0, 1, iou=float("nan"))))
    store.write(result(1, patch(2, 0, 0, 1, iou=0.4, visible=0.5)))
    store.write(result(3, patch(2, 0, 0, 1)))
    store.delete_object(2, 3)
    table = store.scores()
    assert list(table.columns) == ["object_id", "frame", "predicted_iou", "object_score"]
    assert table[["object_id", "frame"]].to_numpy().tolist() == [[1, 1], [2, 0], [2, 1]]
    assert np.array_equal(table["predicted_iou"], [0.2, np.nan, 0.4], equal_nan=True)
    assert table["object_score"].tolist() == [0.9, 0.9, 0.5]
    assert not store.object_mask(2, 3).any()


def test_an_empty_store_has_an_empty_table_of_the_right_types(store):
    assert [str(kind) for kind in store.scores().dtypes] == ["int64", "int64", "float64", "float64"]


def test_what_was_read_does_not_change_under_the_reader(store):
    store.write(result(1, patch(1, 0, 0, 1)))
    seen = store[1]
    store.write(result(1, patch(2, 0, 0, 5)))
    assert seen[0, 0] == 1 and store[1][0, 0] == 2
    with pytest.raises(ValueError, match="read-only"):
        seen[0, 0] = 3


def test_frames_count_from_the_end_too_and_stop_at_the_ends(store):
    store.write(result(5, patch(1, 0, 0, 1)))
    assert store[-1][0, 0] == 1
    with pytest.raises(IndexError):
        store[6]
    assert sum(labels.any() for labels in store) == 1


def test_a_result_of_another_size_is_refused(store):
    with pytest.raises(ValueError, match="shape"):
        store.write(FrameResult(0, (8, 8), ()))


def test_one_thread_reads_while_another_writes(tmp_path):
    store = LabelStore.on_disk(tmp_path / "s", SHAPE)
    done = threading.Event()
    seen = []

    def read():
        while not done.is_set():
            seen.append({int(n) for n in np.unique(store[0])})

    reader = threading.Thread(target=read)
    reader.start()
    for turn in range(1, 60):
        store.write(result(0, patch(turn, 0, 0, np.full(SHAPE[1:], turn))))
    done.set()
    reader.join()
    assert seen and all(len(ids) == 1 for ids in seen)
    assert (store[0] == 59).all()


def test_few_frames_are_held_in_memory(tmp_path):
    store = LabelStore.on_disk(tmp_path / "s", (50, 4, 4))
    for frame in range(50):
        store.write(FrameResult(frame, (4, 4), (patch(1, 0, 0, 1),)))
        store[frame // 2]
    assert len(store._recent) <= 4


def test_a_folder_with_another_shape_is_refused(tmp_path):
    LabelStore.on_disk(tmp_path / "s", SHAPE)
    with pytest.raises(InputError, match="no label store for 7 frames of 8 x 9"):
        LabelStore.on_disk(tmp_path / "s", (7, 8, 9))


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "s").write_text("hello")
    with pytest.raises(InputError, match=r"cannot write .*s: "):
        LabelStore.on_disk(tmp_path / "s", SHAPE)
    assert (tmp_path / "s").read_text() == "hello"


def test_a_half_written_store_is_completed(tmp_path):
    store = LabelStore.on_disk(tmp_path / "s", SHAPE)
    store.write(result(1, patch(1, 0, 0, 1)))
    for path in sorted((tmp_path / "s" / "logits").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    with (tmp_path / "s" / "scores.jsonl").open("a") as file:
        file.write('{"frame":2,"sco')
    again = LabelStore.on_disk(tmp_path / "s", SHAPE)
    assert len(again.scores()) == 1 and again.results_written == 1
    again.write(result(2, patch(1, 0, 0, 1)))
    assert again.scores()["frame"].tolist() == [1, 2]


def test_a_damaged_chunk_is_named(tmp_path):
    store = LabelStore.on_disk(tmp_path / "s", SHAPE)
    store.write(result(3, patch(1, 0, 0, 1)))
    (chunk,) = (path for path in (tmp_path / "s" / "labels" / "c").rglob("*") if path.is_file())
    chunk.write_bytes(chunk.read_bytes()[:-6])
    with pytest.raises(InputError, match=r"frame 3 of .*labels is damaged"):
        LabelStore.on_disk(tmp_path / "s", SHAPE)[3]


def test_a_full_disk_is_one_sentence_and_earlier_frames_stay(tmp_path, monkeypatch):
    store = LabelStore.on_disk(tmp_path / "s", SHAPE)
    store.write(result(1, patch(1, 0, 0, 1)))
    ordinary = Path.open

    def full(self, mode="r", *args, **kwargs):
        if "r" not in mode and not self.name.endswith(".jsonl"):
            raise OSError(errno.ENOSPC, "No space left on device", str(self))
        return ordinary(self, mode, *args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", full)
        with pytest.raises(
            InputError, match=r"^disk full while writing frame 2 of the label store; free some"
        ):
            store.write(result(2, patch(1, 0, 0, 1)))
    assert store.results_written == 1 and not store[2].any() and store[1].any()
    store.write(result(2, patch(1, 0, 0, 1)))
    assert store[2].any()


def test_a_score_line_that_the_full_disk_cut_off_is_taken_back(tmp_path, monkeypatch):
    store = LabelStore.on_disk(tmp_path / "s", SHAPE)
    store.write(result(1, patch(1, 0, 0, 1)))
    ordinary = Path.open

    class Filling:
        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def write(self, line):
            self.file.write(line[:9])
            raise OSError(errno.EDQUOT, "Disk quota exceeded")

    def full(self, mode="r", *args, **kwargs):
        file = ordinary(self, mode, *args, **kwargs)
        return Filling(file) if mode == "ab" else file

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", full)
        with pytest.raises(InputError, match=r"disk full while writing .*scores\.jsonl"):
            store.write(result(2, patch(1, 0, 0, 1)))
    store.write(result(2, patch(1, 0, 0, 1, iou=0.75)))
    assert LabelStore.on_disk(tmp_path / "s", SHAPE).scores()["predicted_iou"].tolist() == [0.5, 0.75]


KILLED = """
import sys
import numpy as np
from napari_sam2.label_store import LabelStore
from napari_sam2.models.results import FrameResult, MaskPatch
store = LabelStore.on_disk(sys.argv[1], (4, 300, 300))
turn = 0
while True:
    turn += 1
    noise = np.random.default_rng(turn).random((300, 300), dtype=np.float32) + 0.1
    store.write(FrameResult(turn % 4, (300, 300), (MaskPatch(turn % 9 + 1, 0, 0, noise, 0.5, 0.9),)))
    print(turn, flush=True)
"""


def test_a_killed_process_leaves_a_store_that_opens(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path / "s")], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "1\n"
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=0.4)
    process.kill()
    process.wait()
    process.stdout.close()
    store = LabelStore.on_disk(tmp_path / "s", (4, 300, 300))
    assert store.results_written > 0 and len(store.scores()) > 0
    for frame in range(4):
        store.write(
            FrameResult(frame, (300, 300), (MaskPatch(1, 0, 0, np.ones((300, 300), np.float32), 1, 1),))
        )
        assert store.object_mask(1, frame).any()


def test_frames_of_a_new_store_are_empty_until_they_are_written(tmp_path):
    new = LabelStore.on_disk(tmp_path / "s", SHAPE)
    assert not new[3].any()
    new.write(result(3, patch(7, 1, 1, [[2.0, 3.0]])))
    new.write(result(3, patch(8, 1, 2, [[2.5, 1.0]])))
    assert new[3][1].tolist() == [0, 7, 7, 8, 0, 0, 0, 0, 0]
    again = LabelStore.on_disk(tmp_path / "s", SHAPE)
    assert np.array_equal(again[3], new[3])
    again.write(result(3, patch(9, 1, 1, [[2.5, 2.5]])))
    assert again[3][1].tolist() == [0, 9, 7, 8, 0, 0, 0, 0, 0]
