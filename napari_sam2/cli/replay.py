"""`napari-sam2 replay`: a saved session again, on its own image or on another one."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from napari_sam2.cli.options import AS_SEEN, Overwrite, Progress, Viewing
from napari_sam2.cli.progress import bars

Saved = Annotated[Path, Parameter(help="The session.json that the viewer saved or that `track` wrote.")]
Image = Annotated[
    str | None,
    Parameter(
        help="Where the image is; when not given it is looked for by its name beside the session, a folder "
        "up, and in the current folder."
    ),
]
OtherImage = Annotated[
    bool,
    Parameter(negative="", help="Apply the session to an image that is not the one it was made on."),
]
Out = Annotated[
    Path | None,
    Parameter(
        help="The folder to write; it appears when everything is in it. NAME_replay in the current folder "
        "when not given, with the image's name."
    ),
]
Model = Annotated[
    str | None,
    Parameter(help="Another model than the session's: a name from `napari-sam2 models list`, or a file."),
]
Device = Annotated[str, Parameter(help="Where the model runs: auto, cpu, cuda or mps.")]


def replay(
    session: Saved,
    /,
    *,
    image: Image = None,
    other_image: OtherImage = False,
    out: Out = None,
    reading: Viewing = AS_SEEN,
    model: Model = None,
    device: Device = "auto",
    overwrite: Overwrite = False,
    progress: Progress = None,
) -> None:
    """Find the masks of a saved session again, or apply it to another image.

    For example:

        napari-sam2 replay results/session.json
        napari-sam2 replay session.json --image /data/movie.tif --out again
        napari-sam2 replay session.json --image other.tif --other-image --out other

    On its own image, with the same model on the same device and versions, the
    masks are the same to the bit. Another image is refused unless --other-image
    says that it is meant. It is then shown with the session's channels and
    contrast; a session that a rule has seeded is seeded on it by the same rule,
    and any other puts its clicks, boxes and masks where they were.

    The folder gets what `napari-sam2 track` writes.
    """
    from napari_sam2.replay import find_image
    from napari_sam2.run import track_to_folder
    from napari_sam2.session.saved import read_image
    from napari_sam2.transfer import SIZES_AND_VIEW, apply_session

    saved = read_image(session)
    source = str(find_image(session, saved)) if image is None else image
    reading = replace(reading, axis=reading.axis or saved.axis)
    with reading.open(source) as frames, bars("frame", progress) as show:
        results = track_to_folder(
            apply_session(
                session,
                frames,
                other_image=other_image,
                given=[name for name in SIZES_AND_VIEW if getattr(reading, name) is not None],
                model=model,
                device=device,
            ),
            Path(f"{frames.name}_replay") if out is None else out,
            model=model,
            device=device,
            overwrite=overwrite,
            inputs=[session],
            progress=show,
        )
    print(f"{results.n_objects} objects followed over {results.n_frames} frames: {results.folder}")
    for remark in results.remarks:
        print(remark)
