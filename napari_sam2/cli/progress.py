"""Progress on the terminal: what is done, how fast, and how long it will take."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def bars(unit: str, wanted: bool | None) -> Iterator[Callable[[str, int, int | None], None]]:
    """Bars on stderr, one after the other, drawn by the callback that this yields.

    The callback takes what is being done, how much of it is done, and how much there is.

    Parameters
    ----------
    unit : str
        What is counted; "B" is scaled to kB, MB and GB.
    wanted : bool or None
        None draws only where a person is watching: when stderr is a terminal.
    """
    from tqdm import tqdm

    hidden = None if wanted is None else not wanted
    drawn: dict[str, tqdm] = {}

    def show(label: str, done: int, whole: int | None) -> None:
        if label not in drawn:
            for bar in drawn.values():
                bar.close()
            # Begun after this first piece: what an interrupted run had done says nothing of the speed.
            drawn[label] = tqdm(
                desc=label, initial=done, total=whole, unit=unit, unit_scale=unit == "B", disable=hidden
            )
        drawn[label].update(done - drawn[label].n)

    try:
        yield show
    finally:
        for bar in drawn.values():
            bar.close()
