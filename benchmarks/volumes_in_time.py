"""How well bodies are followed through volumes in time: IoU in three dimensions, time by time.

    python -m benchmarks.volumes_in_time --times 6 --seeds 3 5

The movies are procedural (`sample_data.volume_movies`): nuclei that drift, push each other and divide. Each
nucleus of the first volume gets a box on its largest slice. An object counts as long as it is there in truth:
a mother until she divides. Beside the project's own way stands the simpler one: the first volume through
depth, then each slice through time by itself.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from napari_sam2 import Session, open_frames, track
from napari_sam2.models.load import LoadedModel, load_model
from napari_sam2.sample_data.volume_movies import volume_movie

Labels = NDArray[np.int32]


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--times", type=int, default=6, help="volumes of each movie")
    parser.add_argument("--slices", type=int, default=9, help="slices of each volume")
    parser.add_argument("--objects", type=int, default=7, help="nuclei in the first volume")
    parser.add_argument("--seeds", type=int, nargs="+", default=[3, 5], help="one movie for each")
    parser.add_argument("--model", default="nano", help="name or path")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    options = parser.parse_args()
    model = load_model(options.model, options.device)
    movies = [
        volume_movie(options.times, options.slices, (80, 96), options.objects, 3.0, seed)
        for seed in options.seeds
    ]
    print(f"{model.name}, mean 3-D IoU of the objects that are there, by volume")
    for name, way in WAYS.items():
        begun = time.monotonic()
        found = [way(seeded(images, truth), model) for images, truth in movies]
        seconds = time.monotonic() - begun
        ious = np.nanmean(
            [overlaps(labels, truth) for labels, (_, truth) in zip(found, movies, strict=True)], axis=0
        )
        row = " ".join(f"{iou:.3f}" for iou in ious)
        print(f"{name:<28} {row}   mean after the first {ious[1:].mean():.3f}   {seconds:.0f} s", flush=True)


def seeded(images: NDArray[np.uint16], truth: NDArray[np.uint16]) -> Session:
    """A session with a box around each nucleus of the first volume, on its largest slice."""
    session = Session(open_frames(images, axis="zt"))
    for object_id in np.unique(truth[0])[1:].tolist():
        z = int((truth[0] == object_id).sum((1, 2)).argmax())
        y, x = np.nonzero(truth[0, z] == object_id)
        session.add_box(object_id, z, (y.min(), x.min(), y.max(), x.max()))
    return session


def as_bodies(session: Session, model: LoadedModel) -> Labels:
    """The project's own way."""
    return np.asarray(track(session, model, direction="forward").to_labels())


def slice_by_slice(session: Session, model: LoadedModel) -> Labels:
    """The first volume through depth, then each of its slices through time by itself."""
    frames = session.frames
    first = Session(frames.single("z", 0))
    for object_id, tracked in session.objects.items():
        for z, given in tracked.prompts.items():
            assert given.box is not None
            first.add_box(object_id, z, given.box)
    seeds_zhw = np.asarray(track(first, model).to_labels())
    labels_tzhw = np.zeros((len(frames) // frames.n_slices, *seeds_zhw.shape), np.int32)
    for z, seeds_hw in enumerate(seeds_zhw):
        through_time = Session(frames.single("t", z))
        for object_id in np.unique(seeds_hw).tolist():
            if object_id:
                through_time.add_mask(object_id, 0, seeds_hw == object_id)
        if through_time.objects:
            labels_tzhw[:, z] = np.asarray(track(through_time, model).to_labels())
    return labels_tzhw


WAYS: dict[str, Callable[[Session, LoadedModel], Labels]] = {
    "as bodies": as_bodies,
    "slice by slice, through time": slice_by_slice,
}


def overlaps(labels_tzhw: Labels, truth_tzhw: NDArray[np.uint16]) -> list[float]:
    """Mean IoU of the first volume's objects in each volume where they are."""
    means = []
    for labels, truth in zip(labels_tzhw, truth_tzhw, strict=True):
        ious = [
            ((labels == i) & (truth == i)).sum() / ((labels == i) | (truth == i)).sum()
            for i in np.unique(truth_tzhw[0])[1:]
            if (truth == i).any()
        ]
        means.append(float(np.mean(ious)) if ious else float("nan"))
    return means


if __name__ == "__main__":
    main()
