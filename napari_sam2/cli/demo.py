"""`napari-sam2 demo`: the whole way on a small movie that comes with the package."""

from pathlib import Path

from napari_sam2.cli.options import Out, Overwrite, Progress
from napari_sam2.cli.progress import bars

SAMPLE = "cells_time"
SHOWN_COLUMNS = ["object_id", "frame", "area", "centroid_y", "centroid_x", "eccentricity", "predicted_iou"]
SHOWN_ROWS = 8


def demo(*, out: Out = Path("demo_output"), overwrite: Overwrite = False, progress: Progress = None) -> None:
    """Follow eight cells through a small movie, offline, with the bundled model.

    It does what this would do with a movie and clicks of your own:

        napari-sam2 track movie.tif --prompts clicks.csv --out demo_output

    and prints the first rows of the region table and where overlay.png is, the
    picture in which to see whether the cells were followed. The movie and its
    clicks are named too, to try other commands on.
    """
    from napari_sam2.frames import open_frames
    from napari_sam2.replay import read_session
    from napari_sam2.run import track_to_folder
    from napari_sam2.sample_data import sample_path

    movie, prompts = sample_path(SAMPLE), sample_path(SAMPLE, "prompts")
    with open_frames(movie) as frames, bars("frame", progress) as show:
        session = read_session(prompts, frames)
        results = track_to_folder(session, out, overwrite=overwrite, inputs=[prompts], progress=show)
    print(f"movie     {movie}")
    print(f"clicks    {prompts}")
    print(f"results   {results.folder}")
    print()
    print(f"The first of {len(results.regions)} rows of regions.csv (areas in {frames.unit}²):")
    print(results.regions[SHOWN_COLUMNS].head(SHOWN_ROWS).to_string(index=False, float_format="%.2f"))
    print()
    print(f"overlay   {results.folder / 'overlay.png'}")
