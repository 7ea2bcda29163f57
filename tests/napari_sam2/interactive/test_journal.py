"""The journal: what is appended is there again, a cut-off end is dropped."""

import errno

import pytest

from napari_sam2.errors import InputError
from napari_sam2.interactive.journal import Journal, Record


@pytest.fixture
def journal(tmp_path):
    journal = Journal()
    journal.open(tmp_path / "session.masks")
    yield journal
    journal.close()


def filled(journal):
    journal.append({"step": 1, "frame": 0}, b"one\nline")
    journal.append({"step": 2, "frame": 0}, b"")
    journal.append({"step": 1, "frame": 5}, bytes(range(256)))


def test_records_come_back_by_step(journal):
    filled(journal)
    assert journal.records(1) == [
        Record({"step": 1, "frame": 0}, b"one\nline"),
        Record({"step": 1, "frame": 5}, bytes(range(256))),
    ]
    assert journal.records(2) == [Record({"step": 2, "frame": 0}, b"")]
    assert journal.records(3) == [] and journal.last_step() == 2


def test_a_file_is_gone_on_with(journal, tmp_path):
    filled(journal)
    again = Journal()
    again.open(tmp_path / "session.masks")
    assert again.name == journal.name and again.records(1) == journal.records(1)
    again.append({"step": 3}, b"more")
    assert again.records(3) == [Record({"step": 3}, b"more")] and again.records(2) == journal.records(2)
    again.close()


@pytest.mark.parametrize("lost", [1, 100, 256, 257, 270])
def test_a_record_that_was_cut_off_is_dropped(journal, tmp_path, lost):
    filled(journal)
    path = tmp_path / "session.masks"
    path.write_bytes(path.read_bytes()[:-lost])
    again = Journal()
    again.open(path)
    assert len(again.records(1)) == 1 and len(again.records(2)) == 1
    again.append({"step": 1}, b"new")
    assert again.records(1)[-1].data == b"new"
    again.close()


def test_a_copy_has_the_steps_asked_for_and_the_name(journal, tmp_path):
    filled(journal)
    journal.copy(tmp_path / "copy.masks", {1})
    copy = Journal()
    copy.open(tmp_path / "copy.masks")
    assert copy.name == journal.name
    assert copy.records(1) == journal.records(1) and copy.records(2) == []
    copy.close()


def test_a_full_disk_leaves_the_journal_as_it_was(journal, monkeypatch):
    filled(journal)
    file = journal._file

    class Full:
        def __getattr__(self, name):
            return getattr(file, name)

        def flush(self):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(journal, "_file", Full())
    with pytest.raises(InputError, match="disk full"):
        journal.append({"step": 4}, b"too much")
    monkeypatch.undo()
    assert journal.records(4) == [] and len(journal.records(1)) == 2
    journal.append({"step": 4}, b"now")
    assert journal.records(4)[0].data == b"now"
