"""Zarr behind an address: a folder that a small web server hands out."""

import http.server
import pickle
import sys
import threading
from functools import partial

import numpy as np
import pytest
import zarr

from napari_sam2.errors import InputError
from napari_sam2.frames import open_frames

pytest.importorskip("aiohttp")
IMAGE = np.random.default_rng(0).integers(0, 900, (4, 3, 7, 9)).astype(np.uint16)


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        if "broken" in self.path and "/c/" in self.path:
            self.send_error(500)
        else:
            super().do_GET()


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    axes = [{"name": name, "type": kind} for name, kind in zip("tzyx", ["time", *["space"] * 3], strict=True)]
    for axis, unit in zip(axes, ["second", "nanometer", "micrometer", "micrometer"], strict=True):
        axis["unit"] = unit
    scale = [{"type": "scale", "scale": [30, 500, 0.2, 0.1]}]
    datasets = [{"path": "0", "coordinateTransformations": scale}]
    for name, version in (("a.ome.zarr", 3), ("b.ome.zarr", 2)):
        group = zarr.create_group(folder / name, zarr_format=version)
        described = {"multiscales": [{"version": "0.4", "axes": axes, "datasets": datasets}]}
        group.attrs.update({"ome": {"version": "0.5", **described}} if version == 3 else described)
        group.create_array("0", data=IMAGE, chunks=(1, 1, 7, 9))
    zarr.create_array(folder / "plain.zarr", data=IMAGE[:, 0])
    zarr.create_array(folder / "broken.zarr", data=IMAGE[:, 0])
    (folder / "page.html").write_text("no Zarr")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(("name", "kind"), [("a.ome.zarr", "OME-Zarr 0.5"), ("b.ome.zarr", "OME-Zarr 0.4")])
def test_an_ome_zarr_is_read_over_the_network(address, name, kind):
    frames = open_frames(f"{address}/{name}", axis="t", index={"z": 2})
    assert (frames.name, frames.kind, frames.source) == (name[0], kind, f"{address}/{name}")
    assert (frames.pixel_size, frames.unit, frames.step, frames.step_unit) == ((0.2, 0.1), "µm", 30, "s")
    np.testing.assert_array_equal(frames[3][..., 0], IMAGE[3, 2])
    received = pickle.loads(pickle.dumps(frames))
    np.testing.assert_array_equal(received[1][..., 0], IMAGE[1, 2])


def test_a_plain_array_over_the_network(address):
    frames = open_frames(f"{address}/plain.zarr/")
    assert (frames.name, frames.kind, len(frames)) == ("plain", "Zarr array", 4)
    np.testing.assert_array_equal(frames[2][..., 0], IMAGE[2, 0])


@pytest.mark.parametrize("name", ["nothing.zarr", "page.html"])
def test_what_is_no_zarr(address, name):
    with pytest.raises(InputError, match=rf"{name} cannot be opened as Zarr .* check the address"):
        open_frames(f"{address}/{name}")


def test_a_server_that_is_not_there():
    with pytest.raises(InputError, match=r"127\.0\.0\.1:9/a\.zarr cannot be opened as Zarr"):
        open_frames("http://127.0.0.1:9/a.zarr")


def test_a_store_that_nobody_knows():
    with pytest.raises(InputError, match=r"nowhere://a cannot be opened as Zarr .*Protocol not known"):
        open_frames("nowhere://a")


def test_a_server_that_fails_midway_is_told_by_frame(address):
    with pytest.raises(InputError, match=r"frame 0 of http.*broken\.zarr cannot be read"):
        open_frames(f"{address}/broken.zarr")


def test_what_a_store_needs_is_an_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(InputError, match=r"needs a package .*s3fs.* comes with: .*'napari-sam2\[remote\]'"):
        open_frames("s3://bucket/a.zarr")
