"""The parts of a network that take the time, turned into code for the device by `torch.compile`."""

import os
from pathlib import Path

import torch

from napari_sam2.models.network.sam2 import Sam2

BACKEND = "inductor"


def compile_parts(network: Sam2, folder: Path) -> None:
    """Compile the encoder's trunk, both halves of the memory and the mask decoder, each at its first use.

    The trunk sees images of one size and is compiled for them. How many objects, memories and pointers
    the others get changes from frame to frame: they are compiled for any number.

    Parameters
    ----------
    network : Sam2
        In evaluation mode; names and values of its tensors stay as they are.
    folder : Path
        Where compiled code is kept for the next process, unless TORCHINDUCTOR_CACHE_DIR says another.
    """
    # The compiler takes a second to import. Whoever imports it first finds its own default, which is a
    # temporary folder, in the environment: nobody asked for that one.
    from torch._inductor.runtime.cache_dir_utils import default_cache_dir

    if os.environ.get("TORCHINDUCTOR_CACHE_DIR") in (None, default_cache_dir()):
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(folder)
    network.image_encoder.trunk.compile(backend=BACKEND)
    for part in (network.memory_attention, network.memory_encoder, network.sam_mask_decoder):
        part.compile(backend=BACKEND, dynamic=True)
    size, weight = network.config.image_size, network.no_mem_embed
    with torch.inference_mode():
        # What cannot be compiled fails here, and not in the middle of a video.
        network.encode_image(torch.zeros(1, 3, size, size, device=weight.device))
