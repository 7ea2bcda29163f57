"""`napari-sam2 track`: from a stack and prompts to masks, tables and a picture."""

from typing import Annotated, Literal

from cyclopts import Parameter

from napari_sam2.cli.options import AS_SEEN, Image, Out, Overwrite, Progress, Viewing, Workers
from napari_sam2.cli.progress import bars
from napari_sam2.cli.seeding import AS_FOUND, Seeding

Prompts = Annotated[
    str,
    Parameter(
        help="Clicks and boxes as CSV, a label image with the objects painted, the session.json of an "
        "earlier run; or auto, auto:threshold, auto:spots, auto:everything, which find the objects."
    ),
]
Model = Annotated[
    str | None,
    Parameter(help="A name from `napari-sam2 models list`, or a weights file; nano when not given."),
]
Device = Annotated[str, Parameter(help="Where the model runs: auto, cpu, cuda or mps.")]
Framing = Annotated[
    Literal["auto", "frame", "window"] | None,
    Parameter(
        help="What the model sees: the whole frame, a window that follows each object, or (auto) windows "
        "for small objects only; when not given, what suits the model."
    ),
]
Direction = Annotated[
    Literal["both", "forward", "backward"] | None,
    Parameter(help="Which way to follow the objects from where they are prompted; both when not given."),
]
Start = Annotated[int | None, Parameter(help="First frame to write masks for, counted from 0.")]
Stop = Annotated[int | None, Parameter(help="The frame after the last one to write masks for.")]


def track(
    image: Image,
    /,
    *,
    prompts: Prompts,
    out: Out,
    reading: Viewing = AS_SEEN,
    seeding: Seeding = AS_FOUND,
    model: Model = None,
    device: Device = "auto",
    framing: Framing = None,
    direction: Direction = None,
    start: Start = None,
    stop: Stop = None,
    workers: Workers = 1,
    overwrite: Overwrite = False,
    progress: Progress = None,
) -> None:
    """Follow objects through a stack, from clicks, boxes, painted masks or what a rule finds.

    For example:

        napari-sam2 track movie.tif --prompts clicks.csv --out results
        napari-sam2 track volume.tif --axis z --prompts painted.tif --out results
        napari-sam2 track frames/ --prompts clicks.csv --out results --model sam2.1_tiny
        napari-sam2 track movie.tif --prompts results/session.json --out again
        napari-sam2 track volumes.tif --axis zt --prompts clicks.csv --out results
        napari-sam2 track movie.tif --prompts auto --reseed 10 --out results

    Prompts as CSV are one click or box a row; y is the row and x the column, in
    pixels from 0. A click has label 1 inside the object and 0 outside it; a box
    has two opposite corners and no label:

        object_id,frame,kind,y,x,y1,x1,label
        1,0,point,48,40,,,1
        1,0,point,60,40,,,0
        2,3,box,70,80,95,110,

    In a label image each label, on the first frame where it is, is a mask to
    follow.

    With --prompts auto nothing is clicked; a rule finds the objects:

        auto:threshold   local threshold, then a watershed of the distance to the
                         background: cells and nuclei
        auto:spots       Laplacian of Gaussian at several scales: small and round
        auto:everything  a grid of clicks through the model, of which what it is
                         sure of stays: footage, and whatever the others miss
        auto             everything for colour images, threshold for any other

    In time the first frame is looked at, and with --reseed every so many. In depth,
    slices through the whole stack are, and what overlaps from slice to slice is one
    object. The session says what was found, so it can be looked at and corrected.

    Written into the folder:

        labels.tif     OME-TIFF; the value of a pixel is the object's id
        regions.csv    one row for each object on each frame: area, position,
                       shape, intensity, the model's scores
        tracks.csv     one row for each object: first and last frame, gaps,
                       path length, displacement, speed, growth
        overlay.png    outlines on a few frames: look at it first
        summary.png    trajectories, sizes, speeds, lineage or presence
        session.json   prompts, parameters, image and model, to run it again

    It also gets the tables that `napari-sam2 measure --help` lists: lineage, events,
    contacts, quality, or the volumes of bodies in depth.

    With --axis zt an object is followed through depth where it is prompted and then,
    as a body with one id, from volume to volume. In the CSV, t (the volume) and z
    (the slice) take the place of frame; a label image has the shape of a volume, the
    first one, or of all; --start and --stop count volumes. In place of regions.csv
    there is volumes.csv, one row for each object in each volume, in 3-D.

    Beside each table, NAME.csv.json says what each column means, its unit, and
    the version and parameters it was made with. The folder appears when all is
    complete; after an interruption the same command goes on where it stopped.
    """
    from napari_sam2.replay import read_session, recall_view
    from napari_sam2.run import track_to_folder
    from napari_sam2.seeding import parse_rule, seeded_session

    rule = parse_rule(prompts)
    if rule is None:
        seeding.refuse(prompts)
    with reading.open(image) as frames, bars("frame", progress) as show:
        if rule is None:
            session = read_session(prompts, frames, direction=direction, start=start, stop=stop)
        else:
            session = seeded_session(
                frames,
                rule,
                **seeding.arguments(),
                direction=direction or "both",
                start=start,
                stop=stop,
                model=model,
                device=device,
                framing=framing,
                progress=show,
            )
        if reading.channels is None:
            recall_view(session)
        results = track_to_folder(
            session,
            out,
            model=model,
            device=device,
            framing=framing,
            overwrite=overwrite,
            inputs=[prompts] if rule is None else [],
            workers=workers,
            progress=show,
        )
    n_objects, n_frames = results.n_objects, results.n_frames
    print(f"{n_objects} of {len(session.objects)} objects followed over {n_frames} frames: {results.folder}")
    for remark in results.remarks:
        print(remark)
