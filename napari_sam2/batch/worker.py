"""The process that works on the items of a batch, one after the other.

It is told the batch, then item after item, a line of JSON each, on its standard input, and answers each
with a line that is the record. When the input ends, whoever asked has gone, and it goes at once.
"""

import json
import os
import queue
import signal
import sys
import threading
import traceback
import warnings
from typing import Any

from napari_sam2.batch.config import Settings
from napari_sam2.batch.items import Item
from napari_sam2.errors import InputError


def main() -> None:
    """Serve until the input ends."""
    # Whatever a library prints must not get between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    # Ctrl-C reaches all processes of a terminal; the one that asked ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore")
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(lines,), daemon=True).start()
    batch = json.loads(lines.get())
    settings = Settings.from_json(batch["settings"])

    from napari_sam2.batch.work import do_item

    while True:
        item = Item(**json.loads(lines.get()))
        answer: dict[str, Any]
        try:
            answer = {"record": do_item(settings, item, overwrite=batch["overwrite"]).as_json()}
        except InputError as error:
            answer = {"error": str(error)}
        except Exception:
            answer = {"error": traceback.format_exc()}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _listen(lines: "queue.SimpleQueue[bytes]") -> None:
    for line in sys.stdin.buffer:
        lines.put(line)
    # Midway too: what was found is kept, and the item is begun again by whoever asks next.
    os._exit(0)


if __name__ == "__main__":
    main()
