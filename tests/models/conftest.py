"""Fixtures for the models: a small network, the published tensor lists, a web server on this machine."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch

from napari_sam2.models.config import Sam2Config
from napari_sam2.models.network.sam2 import Sam2

Shapes = dict[str, tuple[int, ...]]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own, and no mirror."""
    monkeypatch.setenv("NAPARI_SAM2_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("NAPARI_SAM2_MIRROR", raising=False)
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def small_config() -> Sam2Config:
    """The smallest network with every part in it."""
    return Sam2Config(
        embed_dim=16,
        blocks=(1, 1, 2, 1),
        global_blocks=(3,),
        windows=(4, 4, 4, 4),
        background_size=4,
        image_size=128,
        hidden_dim=64,
        decoder_heads=2,
        decoder_mlp=64,
        iou_hidden=64,
        memory_layers=1,
        memory_mlp=64,
    )


@pytest.fixture
def small_network(small_config: Sam2Config) -> Sam2:
    """The smallest network, with random weights."""
    torch.manual_seed(1)
    return Sam2(small_config)


@pytest.fixture(scope="session")
def published_shapes() -> Callable[[str], Shapes]:
    """Names and shapes of the tensors in Meta's checkpoints, written out from the published figures.

    Independent of the network on purpose: it is what the network is checked against.
    """
    return _published_shapes


_SIZES = {  # width, blocks of each stage, side of the positional background
    "tiny": (96, (1, 2, 7, 2), 7),
    "small": (96, (1, 2, 11, 2), 7),
    "base_plus": (112, (2, 3, 16, 3), 14),
    "large": (144, (2, 6, 36, 4), 7),
}


def _published_shapes(name: str) -> Shapes:
    release, _, size = name.partition("_")
    width, stages, background = _SIZES[size]
    shapes: Shapes = {
        "maskmem_tpos_enc": (7, 1, 1, 64),
        "no_mem_embed": (1, 1, 256),
        "no_mem_pos_enc": (1, 1, 256),
        "no_obj_ptr": (1, 256),
    }

    def layer(name: str, *weight: int, outputs: int | None = None) -> None:
        shapes[f"{name}.weight"] = weight
        shapes[f"{name}.bias"] = (weight[0] if outputs is None else outputs,)

    trunk = "image_encoder.trunk"
    shapes[f"{trunk}.pos_embed"] = (1, width, background, background)
    shapes[f"{trunk}.pos_embed_window"] = (1, width, 8, 8)
    layer(f"{trunk}.patch_embed.proj", width, 3, 7, 7)
    dims = [width * 2**stage for stage, depth in enumerate(stages) for _ in range(depth)]
    for i, (before, dim) in enumerate(zip([width, *dims], dims, strict=False)):
        block = f"{trunk}.blocks.{i}"
        layer(f"{block}.norm1", before)
        layer(f"{block}.attn.qkv", 3 * dim, before)
        layer(f"{block}.attn.proj", dim, dim)
        layer(f"{block}.norm2", dim)
        layer(f"{block}.mlp.layers.0", 4 * dim, dim)
        layer(f"{block}.mlp.layers.1", dim, 4 * dim)
        if before != dim:
            layer(f"{block}.proj", dim, before)
    for i in range(4):
        layer(f"image_encoder.neck.convs.{i}.conv", 256, width * 2 ** (3 - i), 1, 1)

    prompts = "sam_prompt_encoder"
    shapes[f"{prompts}.pe_layer.positional_encoding_gaussian_matrix"] = (2, 128)
    for name in (*(f"point_embeddings.{i}" for i in range(4)), "not_a_point_embed", "no_mask_embed"):
        shapes[f"{prompts}.{name}.weight"] = (1, 256)
    layer(f"{prompts}.mask_downscaling.0", 4, 1, 2, 2)
    layer(f"{prompts}.mask_downscaling.1", 4)
    layer(f"{prompts}.mask_downscaling.3", 16, 4, 2, 2)
    layer(f"{prompts}.mask_downscaling.4", 16)
    layer(f"{prompts}.mask_downscaling.6", 256, 16, 1, 1)

    decoder = "sam_mask_decoder"
    narrow = [
        f"layers.{i}.cross_attn_{kind}" for i in (0, 1) for kind in ("token_to_image", "image_to_token")
    ]
    for attention, inner in {
        **{f"layers.{i}.self_attn": 256 for i in (0, 1)},
        **dict.fromkeys((*narrow, "final_attn_token_to_image"), 128),
    }.items():
        for projection in "qkv":
            layer(f"{decoder}.transformer.{attention}.{projection}_proj", inner, 256)
        layer(f"{decoder}.transformer.{attention}.out_proj", 256, inner)
    for i in (0, 1):
        for norm in (1, 2, 3, 4):
            layer(f"{decoder}.transformer.layers.{i}.norm{norm}", 256)
        layer(f"{decoder}.transformer.layers.{i}.mlp.layers.0", 2048, 256)
        layer(f"{decoder}.transformer.layers.{i}.mlp.layers.1", 256, 2048)
    layer(f"{decoder}.transformer.norm_final_attn", 256)
    for token, count in {"iou_token": 1, "mask_tokens": 4, "obj_score_token": 1}.items():
        shapes[f"{decoder}.{token}.weight"] = (count, 256)
    layer(f"{decoder}.output_upscaling.0", 256, 64, 2, 2, outputs=64)
    layer(f"{decoder}.output_upscaling.1", 64)
    layer(f"{decoder}.output_upscaling.3", 64, 32, 2, 2, outputs=32)
    layer(f"{decoder}.conv_s0", 32, 256, 1, 1)
    layer(f"{decoder}.conv_s1", 64, 256, 1, 1)
    heads = {"iou_prediction_head": 4, "pred_obj_score_head": 1}
    heads |= {f"output_hypernetworks_mlps.{i}": 32 for i in range(4)}
    for head, outputs in heads.items():
        for i, out in enumerate((256, 256, outputs)):
            layer(f"{decoder}.{head}.layers.{i}", out, 256)

    for i in range(4):
        reader = f"memory_attention.layers.{i}"
        for attention, inputs in {"self_attn": 256, "cross_attn_image": 64}.items():
            for projection in "kv":
                layer(f"{reader}.{attention}.{projection}_proj", 256, inputs)
            layer(f"{reader}.{attention}.q_proj", 256, 256)
            layer(f"{reader}.{attention}.out_proj", 256, 256)
        layer(f"{reader}.linear1", 2048, 256)
        layer(f"{reader}.linear2", 256, 2048)
        for norm in (1, 2, 3):
            layer(f"{reader}.norm{norm}", 256)
    layer("memory_attention.norm", 256)

    writer = "memory_encoder"
    for i in range(4):
        layer(f"{writer}.mask_downsampler.encoder.{3 * i}", 4 ** (i + 1), 4**i, 3, 3)
        layer(f"{writer}.mask_downsampler.encoder.{3 * i + 1}", 4 ** (i + 1))
    layer(f"{writer}.mask_downsampler.encoder.12", 256, 256, 1, 1)
    layer(f"{writer}.pix_feat_proj", 256, 256, 1, 1)
    layer(f"{writer}.out_proj", 64, 256, 1, 1)
    for i in (0, 1):
        fuser = f"{writer}.fuser.layers.{i}"
        shapes[f"{fuser}.gamma"] = (256,)
        layer(f"{fuser}.dwconv", 256, 1, 7, 7)
        layer(f"{fuser}.norm", 256)
        layer(f"{fuser}.pwconv1", 1024, 256)
        layer(f"{fuser}.pwconv2", 256, 1024)

    layer("mask_downsample", 1, 1, 4, 4)
    for i in range(3):
        layer(f"obj_ptr_proj.layers.{i}", 256, 256)
    if release == "sam2.1":
        shapes["no_obj_embed_spatial"] = (1, 64)
        layer("obj_ptr_tpos_proj", 64, 256)
    return shapes


@dataclass
class Web:
    """A web server on this machine that can be told to misbehave.

    Attributes
    ----------
    url : str
        Address of its folder.
    files : dict of str to bytes
        What it serves.
    ranges : bool
        Whether it honours a request for a part of a file.
    drops : list of int
        Each of the next answers breaks off after this many bytes.
    status : int
        When not 200, what it answers to everything.
    asked : list of (path, range)
        Every request so far.
    """

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    drops: list[int] = field(default_factory=list)
    status: int = 200
    asked: list[tuple[str, str | None]] = field(default_factory=list)


@pytest.fixture
def web() -> Iterator[Web]:
    """A running server, stopped after the test."""
    state = Web()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name, part = self.path.rpartition("/")[2], self.headers.get("Range")
            state.asked.append((self.path, part))
            body = state.files.get(name)
            status = state.status if body is not None or state.status != 200 else 404
            if status != 200 or body is None:
                self.send_error(status)
                return
            start = int(part.removeprefix("bytes=").rstrip("-")) if part and state.ranges else 0
            if start >= len(body):
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(body) - start))
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
            self.end_headers()
            self.wfile.write(body[start : start + state.drops.pop(0)] if state.drops else body[start:])

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        state.url = f"http://127.0.0.1:{server.server_port}/models"
        yield state
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def peer_config() -> Callable[[Sam2Config], Any]:
    """From a config of ours to the same network in the words of `transformers`."""
    from benchmarks.peers import transformers_config

    return transformers_config
