"""The process in which the model runs: `python -m napari_sam2.interactive.process`, spoken to by pipes."""

import os
import signal
import sys
import threading
from queue import SimpleQueue

from napari_sam2.interactive.agenda import Agenda
from napari_sam2.interactive.channel import Cancel, Channel, Pixels, RemoteArray
from napari_sam2.interactive.worker import Worker


def main() -> None:
    """Answer requests until nobody asks any more."""
    # Ctrl-C in a terminal is for the viewer, which then closes the pipes.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What libraries print must not get among the answers.
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    channel = Channel(sys.stdin.buffer, sink)
    frames = channel.receive()
    pixels: SimpleQueue[Pixels] = SimpleQueue()
    if isinstance(frames.array, RemoteArray):
        frames.array.connect(channel, pixels)
    worker = Worker(frames, channel.send)
    agenda = Agenda(worker)
    worker.cancelled = agenda.cancelled
    threading.Thread(target=_listen, args=(channel, agenda, pixels), daemon=True).start()
    while True:
        for answer in agenda.answers():
            channel.send(answer)
        agenda.wait()


def _listen(channel: Channel, agenda: Agenda, pixels: "SimpleQueue[Pixels]") -> None:
    while True:
        try:
            message = channel.receive()
        except EOFError:
            # The viewer is gone, or wants this process gone, whatever it is computing.
            os._exit(0)
        if isinstance(message, Cancel):
            agenda.cancel(message.number)
        elif isinstance(message, Pixels):
            pixels.put(message)
        else:
            agenda.add(message)


if __name__ == "__main__":
    main()
