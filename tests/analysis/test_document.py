import re
from pathlib import Path

from napari_sam2.analysis.columns import COLUMNS
from napari_sam2.analysis.document import measurements_page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "measurements.md"


def test_the_page_is_current():
    assert PAGE.read_text(encoding="utf-8") == measurements_page(), (
        "run: python -m napari_sam2.analysis.document docs/measurements.md"
    )


def test_every_column_has_its_row():
    page = measurements_page()
    for name, columns in COLUMNS.items():
        section = page.split(f"\n## {name}\n")[1].split("\n## ")[0]
        rows = [line for line in section.splitlines() if line.startswith("| `")]
        assert [row.split("`")[1] for row in rows] == [column.name for column in columns]
        assert all(len(re.split(r"(?<!\\)\|", row)) == 6 for row in rows)


def test_every_cited_work_is_among_the_references():
    tables, references = measurements_page().split("## References")
    cited = set(re.findall(r"([A-ZŠ]\w+)(?: et al\.| & \w+)? ((?:19|20)\d\d)", tables))
    assert len(cited) > 12
    for author, year in cited:
        assert re.search(rf"- {author}.* {year}\.", references), (author, year)
