"""From what was timed to the rows of the table of speeds."""

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import Machine, Row, Spent


def mask_iou(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """Intersection over union; 1 for two empty masks."""
    either = np.count_nonzero(first | second)
    return np.count_nonzero(first & second) / either if either else 1.0


def speeds(machine: Machine, spent: list[Spent]) -> Row:
    """What one side took: the compared seconds a frame, and frames a second of the clock."""
    return {
        "ours": round(machine.cost(spent), 4),
        "frames_per_second": round(1 / float(np.median([s.clock for s in spent])), 2),
    }


def compared(machine: Machine, case: str, spent: dict[str, list[Spent]], note: str) -> Row:
    """A row with both sides."""
    ours, peer = machine.cost(spent["ours"]), machine.cost(spent["peer"])
    row = {"case": case, **speeds(machine, spent["ours"]), "peer": round(peer, 4)}
    return row | {"ratio": round(peer / ours, 2), "note": note}


def against(peer_cost: dict[int, float], n: int, ours: float) -> Row:
    """What the peer takes for n objects, and how many times ours that is; nothing where it is not known."""
    if not peer_cost:
        return {}
    (few, few_cost), (most, most_cost) = min(peer_cost.items()), max(peer_cost.items())
    if n not in peer_cost and few == most:
        return {}
    line = few_cost + (n - few) * (most_cost - few_cost) / max(most - few, 1)
    peer = peer_cost.get(n, line)
    row: Row = {"peer": round(peer, 3), "ratio": round(peer / ours, 1)}
    return row if n in peer_cost else row | {"note": f"peer from its {few} and {most} objects"}
