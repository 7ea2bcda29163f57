"""Patches save work and change nothing; outlines, owners and depths are what geometry says."""

import math

import pytest
import torch

from napari_sam2.sample_data import raster
from napari_sam2.sample_data.camera import looking_at
from napari_sam2.sample_data.draw import Draw
from napari_sam2.sample_data.layouts import cells, instruments, tissue
from napari_sam2.sample_data.looks import draw_settings
from napari_sam2.sample_data.parts import ANGLES, Parts, diamond, outline_angles, pixel_grid


def _discs(places: list[tuple[float, float]], radius: float, *, occlude: bool = False) -> Parts:
    k = len(places)
    still = torch.zeros(1, k, 1)
    return Parts(
        centre_bktc=torch.tensor(places).view(1, k, 1, 2),
        angle_bkt=still,
        size_bkt=still + radius,
        stretch_bkt=still,
        bend_bkt=still,
        taper_bk=still[..., 0],
        outline_bkta=torch.ones(1, k, 1, ANGLES),
        present_bkt=still == 0,
        order_bk=torch.arange(k).view(1, k).float(),
        owner_bk=torch.arange(1, k + 1).view(1, k),
        look_bk=torch.arange(k).view(1, k),
        occlude_b=torch.tensor([occlude]),
    )


GRID = pixel_grid(Draw(0), 100, 100)[None]


def test_the_table_of_an_outline_is_read_at_its_own_angles():
    theta = outline_angles(torch.device("cpu"))
    assert bool((theta.diff() > 0).all())
    assert torch.equal(diamond(3 * theta.sin(), 3 * theta.cos()), torch.arange(ANGLES))


def test_a_disc_has_its_area_and_its_depth():
    fields = raster.rasterise(_discs([(0.1, -0.2)], 0.2), GRID)
    area = float((fields.owner_nhw == 1).sum()) / 100**2
    assert area == pytest.approx(math.pi * 0.2**2, rel=0.02)
    y, x = 60, 30
    assert float(fields.depth_nhw[0, y, x]) == pytest.approx(0.2, abs=0.01)
    assert float(fields.depth_nhw[0, y, x + 25]) == pytest.approx(-0.05, abs=0.01)


def test_touching_discs_meet_half_way_and_depth_is_zero_there():
    fields = raster.rasterise(_discs([(0.0, -0.15), (0.0, 0.15)], 0.2), GRID)
    assert int(fields.owner_nhw[0, 50, 49]) == 1 and int(fields.owner_nhw[0, 50, 50]) == 2
    assert abs(float(fields.depth_nhw[0, 50, 50])) < 0.02


def test_in_depth_order_the_one_in_front_is_whole():
    fields = raster.rasterise(_discs([(0.0, -0.1), (0.0, 0.1)], 0.2, occlude=True), GRID)
    assert float((fields.owner_nhw == 2).sum()) / 100**2 == pytest.approx(math.pi * 0.04, rel=0.02)
    assert int((fields.owner_nhw == 1).sum()) > 0


def test_an_absent_part_is_nowhere():
    parts = _discs([(0.0, 0.0), (0.2, 0.2)], 0.1)
    parts.present_bkt[0, 0] = False
    assert raster.rasterise(parts, GRID).owner_nhw.unique().tolist() == [0, 2]


@pytest.mark.parametrize("layout", [cells, instruments, tissue])
def test_patches_give_what_every_part_on_every_pixel_gives(layout, monkeypatch: pytest.MonkeyPatch):
    draw = Draw(1)
    settings = draw_settings(draw, ["mixture"] * 4)
    settings["roll"], settings["zoom"] = torch.full((4,), 0.5), torch.full((4,), 0.3)
    parts = layout(draw, 3, settings)
    coords = looking_at(draw, settings, pixel_grid(draw, 64, 64), 3).flatten(0, 1)
    quick = raster.rasterise(parts, coords)
    everywhere = parts.present_bkt.transpose(1, 2).flatten()
    count = len(everywhere)
    boxes = (torch.full((count, 2), 32.0), torch.full((count,), 1e3), everywhere)
    monkeypatch.setattr(raster, "_reach_boxes", lambda *_: boxes)
    monkeypatch.setattr(raster, "_nearest_boxes", lambda *_: boxes)
    slow = raster.rasterise(parts, coords)
    different = (quick.owner_nhw != slow.owner_nhw).float().mean()
    # the coarse grid may miss the sliver of a tissue's cell that fits between its points
    assert float(different) <= (0.002 if parts.tile else 0.0)


def test_a_movies_frame_is_the_clips_frame():
    draw = Draw(2)
    parts = cells(draw, 4, draw_settings(draw, ["phase"] * 2))
    coords = GRID.expand(8, -1, -1, -1)
    whole = raster.rasterise(parts, coords).owner_nhw.view(2, 4, 100, 100)
    alone = raster.rasterise(parts.frame(2), coords[:2]).owner_nhw
    assert torch.equal(whole[:, 2], alone)
