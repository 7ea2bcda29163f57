"""From the edits of a session to the passes that the tracker walks: pure, and always the same.

An object is *given* on its anchors, the frames that are prompted or locked. The plan replays the edits
and knows of every object at any time which frames are *covered*, that is, have been output, and which
of these are *stale*, because something has been said since that concerns them. Each `Propagate` plans
what is missing or stale in its range and direction, and nothing else. So planning twice in a row plans
nothing the second time, what is said later never changes a pass planned earlier, and a frame of an
object is output at most once for each `Propagate`.

**New objects.** Going forward, an object is output from its first anchor to the end of the range; later
anchors are output where the walk meets them. Going backward in a two-way propagation, it is output from
the frame before its first anchor down to the start of the range, and the memory goes on from the forward
half (`fresh=False`). Going backward only, it is output from its last anchor down. All new objects of
one `Propagate` walk together.

**Ranges.** Nothing outside `[start, stop)` is output. Anchors outside still condition the memory, and a
walk that comes from one begins at the border of the range.

**What becomes stale.** A prompt that is added, changed or removed, a lock that is placed again with
another mask, and a lock on a frame that is not covered, change an anchor. A changed anchor is output
again, and with it the covered frames from it to the next anchor on either side; an unchanged anchor is a
border that is never crossed nor output again. A lock on a covered frame accepts what is seen there and
an unlocked frame keeps what it shows, so neither makes anything stale.

**How stale frames are walked.** Forward from a changed anchor up to the next anchor, and backward from it
to the previous one; between two changed anchors forward from the earlier, or backward from the later
when only backward is asked for. Where an anchor was removed, forward from the one on the left, or
backward from the one on the right when there is none on the left or only backward is asked for. What a
propagation leaves out because of its range or direction stays stale for the next one.

**Starting over.** When the first anchor itself is changed, and is no correction, the object is walked
from it in both directions as a new object is, up to its next unchanged anchor. So clicking once more on
the only prompted frame gives what clicking twice at once would have given.

**Corrections.** An anchor whose frame was covered when it was first prompted is a correction as long as
its prompt lives. When every prompt that an object was propagated with is gone and nothing else holds
it, its masks count for nothing and its new prompts are no corrections.

**Stopped.** A propagation that was stopped is planned up to the results that it gave; what it left out
is missing or stale for the next one.

**Absences.** A lock with an empty mask is an anchor as any other: it says that the object is not there.

**Recall.** A run that starts at a correction, or goes on from frames covered before, recalls the covered
frames just before its first frame in its direction, at most `RECALLED_FRAMES`, anchors left out because
they are conditioning frames anyway. A run that starts at any other anchor recalls nothing, and neither
does a backward run that starts beside an anchor just output: the anchor's own new memory leads there.

**Passes.** An object of which a frame is output again keeps the pixels of all others (`keep_others`);
such objects walk apart from those whose frames are all output for the first time, and after them. In
each of the two parts, the runs of different objects walk together in as few passes as possible, forward
passes first and an object once in a pass; only the backward half of a two-way walk comes directly after
the forward pass whose memory it goes on with.

**What nobody propagated.** Objects of which something was said since their last `Propagate` are
propagated at the end, in the range and direction given to `compile_plan`. Of a deleted object nothing is
planned, and an id that comes back is a new object.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, zip_longest

from napari_sam2.models.plan import ObjectRun, Pass
from napari_sam2.session import checks
from napari_sam2.session.edits import DeleteObject, Edit, ObjectEdit, Propagate, flattened
from napari_sam2.session.following import Following, Walks
from napari_sam2.session.state import TrackedObject


def compile_plan(
    edits: Iterable[Edit],
    n_frames: int,
    *,
    direction: str = "both",
    start: int | None = None,
    stop: int | None = None,
) -> tuple[Pass, ...]:
    """Plan the passes that edits ask for.

    Parameters
    ----------
    edits : iterable of Edit
        The history of a session.
    n_frames : int
        Length of the image along its propagation axis.
    direction : "both", "forward" or "backward"
        For what no `Propagate` in the edits covers.
    start, stop : int, optional
        For the same: the frames to output, as in `range`.

    Returns
    -------
    tuple of Pass
        In the order to walk them; empty when there is nothing to do.

    Raises
    ------
    InputError
        When the direction or the range is not allowed.
    """
    rest = Propagate(None, checks.direction(direction), *checks.span(start, stop, n_frames))
    return tuple(chain.from_iterable(_propagations(edits, n_frames, rest)))


def last_propagation(
    edits: Iterable[Edit],
    n_frames: int,
    *,
    direction: str = "both",
    start: int | None = None,
    stop: int | None = None,
) -> tuple[Pass, ...]:
    """The passes of the last propagation alone, for a caller that has the masks of all earlier ones.

    Parameters are those of `compile_plan`, of whose plan these passes are the end.
    """
    rest = Propagate(None, checks.direction(direction), *checks.span(start, stop, n_frames))
    return [(), *_propagations(edits, n_frames, rest)][-1]


def asked_for(edits: Iterable[Edit], n_frames: int) -> tuple[tuple[Pass, ...], ...]:
    """The passes of each `Propagate` among the edits, without what nobody propagated."""
    return tuple(_propagations(edits, n_frames, None))


def _propagations(edits: Iterable[Edit], n_frames: int, rest: Propagate | None) -> Iterator[tuple[Pass, ...]]:
    """The passes of each `Propagate` in turn, and of what nobody propagated if `rest` says how."""
    steps = list(flattened(edits))
    deleted = {edit.object_id: step for step, edit in enumerate(steps) if isinstance(edit, DeleteObject)}
    records: dict[int, TrackedObject | None] = {}
    objects: dict[int, Following] = {}
    for step, edit in enumerate(steps):
        if isinstance(edit, Propagate):
            yield _propagate(edit, objects)
        elif isinstance(edit, ObjectEdit) and step > deleted.get(edit.object_id, -1):
            record = edit.changed(records.get(edit.object_id))
            assert record is not None, "only a deletion leaves no object"
            records[edit.object_id] = record
            objects.setdefault(edit.object_id, Following(edit.object_id, n_frames)).hear(record)
    changed = {id_: following for id_, following in objects.items() if following.changed()}
    if changed and rest is not None:
        yield _propagate(rest, changed)


def _propagate(request: Propagate, objects: Mapping[int, Following]) -> tuple[Pass, ...]:
    ids = objects.keys() if request.object_ids is None else objects.keys() & set(request.object_ids)
    walks = [objects[object_id].propagate(request) for object_id in sorted(ids)]
    passes = (
        *_passes([walk for walk in walks if not walk.again], keep_others=False),
        *_passes([walk for walk in walks if walk.again], keep_others=True),
    )
    if request.results is not None:
        passes = _beginning(passes, request.results)
    for run in (run for walk in passes for run in walk.runs):
        objects[run.object_id].output(run)
    return passes


def _beginning(passes: Sequence[Pass], results: int) -> tuple[Pass, ...]:
    """The passes up to so many results."""
    kept: list[Pass] = []
    for walk in passes:
        done = [frame for frame in walk.frames() if any(run.covers(frame) for run in walk.runs)][:results]
        results -= len(done)
        if not done:
            break
        kept.append(replace(walk, runs=tuple(_until(walk, done[-1]))))
    return tuple(kept)


def _until(walk: Pass, last: int) -> Iterator[ObjectRun]:
    """The runs of a pass that have begun when it has come to frame `last`, cut off there."""
    for run in walk.runs:
        if (last - run.first) * walk.direction >= 0:
            ends = min(run.last, last) if walk.direction > 0 else max(run.last, last)
            yield replace(run, last=ends)


def _passes(walks: Sequence[Walks], keep_others: bool) -> Iterator[Pass]:
    forward, second_half, backward = (
        _rounds([getattr(walk, part) for walk in walks]) for part in ("forward", "second_half", "backward")
    )
    order = [(1, runs, True) for runs in forward]
    order[1:1] = [(-1, runs, False) for runs in second_half]
    order += [(-1, runs, True) for runs in backward]
    for direction, runs, fresh in order:
        yield Pass(direction, runs, keep_others=keep_others, fresh=fresh)


def _rounds(runs_of_objects: Sequence[Sequence[ObjectRun]]) -> list[tuple[ObjectRun, ...]]:
    """The first runs of all objects, then their second runs, and so on."""
    rounds = zip_longest(*runs_of_objects)
    return [tuple(run for run in runs if run is not None) for runs in rounds]
