"""Procedural movies with ground truth, and small sample files. Importing this does not import torch.

`load_sample` reads the bundled files. `scenes.generate` makes batches of windows to train on,
`movies` makes whole fields of view; both are imported from their own modules, because they need torch.
"""

from napari_sam2.sample_data.samples import SAMPLES, SampleInfo, load_sample, sample_path

__all__ = ["SAMPLES", "SampleInfo", "load_sample", "sample_path"]
