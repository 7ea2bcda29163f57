"""A very small network, and writers of small videos and DICOM files, whose every frame is known."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

HEIGHT, WIDTH = 48, 64


def picture(number: int) -> np.ndarray:
    """A colour image that is like no other one near it."""
    image = np.full((HEIGHT, WIDTH, 3), (number * 7) % 256, np.uint8)
    image[:, : (number * 5) % WIDTH] = 255 - (number * 11) % 256
    image[: (number * 3) % HEIGHT, :, 1] = (number * 29) % 256
    return image


@pytest.fixture(scope="session")
def random_weights(
    tmp_path_factory: pytest.TempPathFactory, enliven: Callable[[Any], None]
) -> Callable[[int, str], Path]:
    """Write weights of a very small network of any input size that finds something everywhere."""

    def write(image_size: int, name: str) -> Path:
        import torch

        from napari_sam2.models.checkpoints import save_weights
        from napari_sam2.models.config import Sam2Config
        from napari_sam2.models.network.sam2 import Sam2

        config = Sam2Config(
            embed_dim=16,
            blocks=(1, 1, 2, 1),
            global_blocks=(3,),
            windows=(4, 4, 4, 4),
            background_size=4,
            image_size=image_size,
            hidden_dim=64,
            decoder_heads=2,
            decoder_mlp=32,
            iou_hidden=32,
            memory_layers=1,
            memory_mlp=32,
        )
        torch.manual_seed(3)
        network = Sam2(config)
        enliven(network)
        path = tmp_path_factory.mktemp("weights") / f"{name}.safetensors"
        save_weights(path, network)
        return path

    return write


@pytest.fixture
def write_video() -> Callable[..., Path]:
    """Write a video of `picture`s with PyAV."""
    av = pytest.importorskip("av")

    def write(
        path: Path,
        n: int = 60,
        codec: str = "libx264",
        pixels: str = "yuv420p",
        times: Sequence[int] | None = None,
        base: Fraction | None = None,
        options: dict[str, str] | None = None,
        container: dict[str, str] | None = None,
        images: Sequence[np.ndarray] | None = None,
        rotation: int = 0,
    ) -> Path:
        images = [picture(number) for number in range(n)] if images is None else images
        base = base or (Fraction(1, 30) if times is None else Fraction(1, 1000))
        with av.open(path, "w", options=container or {}) as file:
            stream = file.add_stream(codec, rate=30, options=options or {})
            stream.height, stream.width = images[0].shape[:2]
            stream.pix_fmt = pixels
            stream.codec_context.time_base = base
            stream.codec_context.gop_size = 15
            if rotation:
                stream.set_display_rotation(rotation)
            for number, image in enumerate(images):
                kind = {(2, 1): "gray", (2, 2): "gray16le"}.get((image.ndim, image.itemsize), "rgb24")
                frame = av.VideoFrame.from_ndarray(image, format=kind)
                frame.pts, frame.time_base = number if times is None else int(times[number]), base
                file.mux(stream.encode(frame))
            file.mux(stream.encode(None))
        return path

    return write


@pytest.fixture
def uneven() -> np.ndarray:
    """Times in ms of 60 frames that are 10 to 90 ms apart."""
    return np.cumsum(np.random.default_rng(0).integers(10, 90, 60))


@pytest.fixture
def write_dicom() -> Callable[..., Path]:
    """Write a DICOM file of one image, or of several in an array (frames, y, x) or (frames, y, x, 3)."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    def write(path: Path, image: np.ndarray, n_frames: int = 1, syntax: str = "", **elements: Any) -> Path:
        dataset = Dataset()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        dataset.SeriesInstanceUID = "1.2.3"
        dataset.Modality = "CT"
        dataset.PatientName, dataset.PatientID = "Secret^Person", "SECRET-7"
        colour = image.ndim == 3 + (n_frames > 1)
        dataset.Rows, dataset.Columns = image.shape[1:3] if n_frames > 1 else image.shape[:2]
        dataset.SamplesPerPixel = 3 if colour else 1
        dataset.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
        if colour:
            dataset.PlanarConfiguration = 0
        dataset.BitsAllocated = dataset.BitsStored = image.itemsize * 8
        dataset.HighBit = dataset.BitsStored - 1
        dataset.PixelRepresentation = int(image.dtype.kind == "i")
        if n_frames > 1:
            dataset.NumberOfFrames = n_frames
        dataset.PixelData = image.tobytes() + b"\0" * (image.nbytes % 2)
        for name, value in elements.items():
            setattr(dataset, name, value)
        if syntax:
            dataset.compress(syntax)
        path.parent.mkdir(parents=True, exist_ok=True)
        dataset.save_as(path, enforce_file_format=True)
        return path

    return write


@pytest.fixture
def write_series(write_dicom: Callable[..., Path]) -> Callable[..., np.ndarray]:
    """Write slices along z into a folder under names that say nothing; returns them in their order."""

    def write(folder: Path, heights: Sequence[float] = range(6), **elements: Any) -> np.ndarray:
        slices = np.random.default_rng(0).integers(0, 900, (len(heights), 12, 10)).astype(np.int16)
        names = np.random.default_rng(1).permutation(len(heights))
        for name, height, image in zip(names, heights, slices, strict=True):
            place = {
                "ImagePositionPatient": [-5.0, 3.0, float(height)],
                "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
                "PixelSpacing": [0.7, 0.5],
            }
            write_dicom(folder / f"IM{name}", image, **{**place, **elements})
        return slices

    return write
