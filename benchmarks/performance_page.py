"""Writes the tables of `docs/performance.md`: `python -m benchmarks.performance_page FILE.json ...`.

The files are what `benchmarks.speed --json` and `benchmarks.flat_memory --json` wrote; the text of the
page around the tables stays as it is.
"""

import argparse
import json
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- tables begin -->", "<!-- tables end -->"
PAGE = Path(__file__).parents[1] / "docs" / "performance.md"


def speed_table(run: dict[str, Any]) -> str:
    """One run of `benchmarks.speed`, with its machine."""
    on_gpu = run["device"] != "cpu"
    unit = "s" if on_gpu else "processor s"
    lines = [
        f"### {run['machine'].get('gpu', 'Processor')}",
        "",
        "; ".join(f"{name}: {value}" for name, value in run["machine"].items()) + ".",
        "",
        f"| case | ours, {unit} a frame | peer, {unit} a frame | peer / ours | frames/s by the clock | |",
        "|---|---|---|---|---|---|",
    ]
    for row in run["rows"]:
        cells = [
            row["case"],
            *(_number(row.get(key)) for key in ("ours", "peer", "ratio", "frames_per_second")),
        ]
        lines.append("| " + " | ".join([*cells, row.get("note", "")]) + " |")
    return "\n".join(lines)


def memory_table(rows: list[dict[str, Any]]) -> str:
    """One run of `benchmarks.flat_memory`."""
    lines = [
        "### Memory",
        "",
        "| objects | frames | peak memory, MB | against the first |",
        "|---|---|---|---|",
    ]
    for row in rows:
        ratio = row["peak_rss_mb"] / rows[0]["peak_rss_mb"]
        lines.append(f"| {row['objects']} | {row['frames']} | {row['peak_rss_mb']:.0f} | {ratio:.3f} |")
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def main() -> None:
    """Put the tables into the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.performance_page", description=__doc__)
    parser.add_argument("files", type=Path, nargs="+")
    tables = []
    for file in parser.parse_args().files:
        found = json.loads(file.read_text())
        tables.append(memory_table(found) if isinstance(found, list) else speed_table(found))
    before, rest = PAGE.read_text().split(BEGIN)
    _, after = rest.split(END)
    PAGE.write_text(before + BEGIN + "\n" + "\n\n".join(tables) + "\n" + END + after)


if __name__ == "__main__":
    main()
