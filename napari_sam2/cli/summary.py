"""`napari-sam2 summary`: one page to look at for each result."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

Results = Annotated[
    Path,
    Parameter(help="A folder that `track` or `measure` wrote, or a folder of such folders."),
]
Page = Annotated[
    Path,
    Parameter(help="The file to write: .png for one result, .pdf or .html for any number, a page each."),
]


def summary(results: Results, /, *, out: Page) -> None:
    """Draw trajectories, speeds, sizes and times of presence on one page for each result.

    For example:

        napari-sam2 summary results --out results.pdf
        napari-sam2 summary all_experiments --out all.html
    """
    from napari_sam2.analysis import read_results, write_summary
    from napari_sam2.outputs import writing

    found = read_results(results)
    with writing(out):
        write_summary(found, out)
    print(f"{len(found)} {'page' if len(found) == 1 else 'pages'}: {out}")
