"""Tracks without gaps and branches, as the Cell Tracking Challenge wants them, from objects and lineage."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from napari_sam2.analysis.exports.problems import Problems


@dataclass(frozen=True)
class Tracklet:
    """A piece of an object's track: present on every frame from `first` to `last`.

    Attributes
    ----------
    label : int
        The object's id for its first piece, an unused one for each later piece.
    object_id : int
        The object it is a piece of.
    first, last : int
        Frames.
    parent : int
        Label of the tracklet it continues or descends from; 0 when there is none.
    """

    label: int
    object_id: int
    first: int
    last: int
    parent: int


def check_parents(frames_of: Mapping[int, Sequence[int]], parents: Mapping[int, int]) -> None:
    """See that a lineage fits the objects.

    Parameters
    ----------
    frames_of : mapping
        The frames on which each object is, ascending.
    parents : mapping
        From child to parent.

    Raises
    ------
    MeasureError
        With every link that names an object that is not there, or whose parent does not come first.
    """
    problems = Problems("The lineage")
    for child, parent in parents.items():
        absent = [str(each) for each in (child, parent) if each not in frames_of]
        if absent:
            problems.add(f"The link from {parent} to its child {child} names {absent[0]}, which is no object")
        elif frames_of[parent][0] >= frames_of[child][0]:
            problems.add(
                f"Object {child} is first on frame {frames_of[child][0]} and its parent {parent} on frame "
                f"{frames_of[parent][0]}; a parent comes before its children"
            )
    problems.raise_if_any()


def cut_into_tracklets(
    frames_of: Mapping[int, Sequence[int]], parents: Mapping[int, int]
) -> tuple[Tracklet, ...]:
    """Cut objects where they vanish and where they have children.

    A piece after a gap has the piece before it as its parent. An object that goes on after a child has
    split off ends there, and what goes on is one more child.

    Parameters
    ----------
    frames_of : mapping
        The frames on which each object is, ascending.
    parents : mapping
        From child to parent, as `check_parents` lets pass.

    Returns
    -------
    tuple of Tracklet
        Ordered by object and time.
    """
    births: dict[int, set[int]] = {}
    for child, parent in parents.items():
        births.setdefault(parent, set()).add(frames_of[child][0])
    unused = max(frames_of, default=0)
    pieces: list[Tracklet] = []
    of_object: dict[int, list[Tracklet]] = {}
    for object_id, frames in sorted(frames_of.items()):
        for first, last in _runs(frames, births.get(object_id, set())):
            earlier = of_object.setdefault(object_id, [])
            unused += bool(earlier)
            piece = Tracklet(
                unused if earlier else object_id, object_id, first, last, earlier[-1].label if earlier else 0
            )
            earlier.append(piece)
            pieces.append(piece)
    return tuple(_with_parent(piece, of_object, parents) for piece in pieces)


def _runs(frames: Sequence[int], cuts: set[int]) -> list[tuple[int, int]]:
    """First and last frames of runs without gaps; a cut begins a run."""
    runs: list[tuple[int, int]] = []
    start = frames[0]
    for before, frame in pairwise(frames):
        if frame > before + 1 or any(before < cut <= frame for cut in cuts):
            runs.append((start, before))
            start = frame
    return [*runs, (start, frames[-1])]


def _with_parent(
    piece: Tracklet, of_object: Mapping[int, Sequence[Tracklet]], parents: Mapping[int, int]
) -> Tracklet:
    if piece.parent or piece.object_id not in parents:
        return piece
    before = [other for other in of_object[parents[piece.object_id]] if other.last < piece.first]
    return Tracklet(piece.label, piece.object_id, piece.first, piece.last, before[-1].label)
