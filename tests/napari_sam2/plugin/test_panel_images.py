"""The prompt panel on every kind of image layer."""

import dask.array as da
import numpy as np
import pytest
import zarr

from napari_sam2.plugin.panel import PromptPanel


def discs(n_frames: int = 4, size: int = 48) -> np.ndarray:
    """A bright disc at (20, 16) that drifts to the right."""
    y, x = np.mgrid[:size, :size]
    return np.array(
        [60 + 120 * (np.hypot(y - 20, x - 16 - frame) < 8) for frame in range(n_frames)], np.uint8
    )


@pytest.fixture
def dock(viewer, qtbot, quick_model):
    """Opens the panel on what the viewer shows."""

    def open_() -> PromptPanel:
        panel = PromptPanel(viewer)
        viewer.window.add_dock_widget(panel, name="SAM 2")
        qtbot.waitUntil(lambda: panel._watch.watched, timeout=120_000)
        return panel

    return open_


def click_in_world(panel: PromptPanel, world) -> None:
    """Add a point where a click in the viewer lands."""
    clicks = panel.opened.clicks.layer
    clicks.add(clicks.world_to_data(world))


def mask_at(panel: PromptPanel, qtbot, frame: int) -> np.ndarray:
    panel.live.wait(240)
    qtbot.wait(20)
    return panel.live.mask(1, frame)


PLACES = {
    "scaled and translated": {
        "scale": (30, 0.5, 0.25),
        "translate": (7, -3, 40),
        "units": ("s", "um", "um"),
    },
    "rotated": {"rotate": 30, "scale": (1, 2, 2)},
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_a_click_lands_where_the_mouse_is(viewer, dock, qtbot, place):
    image = viewer.add_image(discs(), **place)
    panel = dock()
    click_in_world(panel, image.data_to_world((1, 20, 17)))
    np.testing.assert_allclose(panel.live.session.objects[1].prompts[1].points, [(20, 17)], atol=1e-6)
    assert mask_at(panel, qtbot, 1)[20, 17]
    panel.go_to(3)
    assert panel.current_frame == 3
    for layer in panel.opened.layers:
        assert layer.units == image.units
        np.testing.assert_allclose(layer.data_to_world((1, 2, 3)), image.data_to_world((1, 2, 3)))


def test_a_second_image_in_other_units_does_not_move_clicks(viewer, dock, qtbot):
    viewer.add_image(np.zeros((4, 100, 100)), name="in pixels")
    image = viewer.add_image(discs(), name="in micrometres", scale=(1, 0.5, 0.5), units=("s", "um", "um"))
    panel = dock()
    panel.image_section.images.setCurrentIndex(panel.image_section.images.findText("in micrometres"))
    assert panel.image_layer is image
    click_in_world(panel, image.data_to_world((0, 20, 16)))
    np.testing.assert_allclose(panel.live.session.objects[1].prompts[0].points, [(20, 16)], atol=1e-6)


@pytest.mark.parametrize("kind", ["dask", "zarr", "colour", "rows first"])
def test_kinds_of_arrays(viewer, dock, qtbot, tmp_path, kind):
    data = discs()
    if kind == "dask":
        viewer.add_image(da.from_array(data, chunks=(1, 48, 48)))
    elif kind == "zarr":
        viewer.add_image(zarr.array(data, store=tmp_path / "movie.zarr"))
    elif kind == "colour":
        viewer.add_image(np.repeat(data[..., None], 3, axis=-1), rgb=True)
    else:
        viewer.add_image(data.transpose(1, 2, 0), axis_labels=("y", "x", "t"), rgb=False)
        viewer.dims.order = (2, 0, 1)
    panel = dock()
    along = panel.opened.placement.along
    click_in_world(panel, (20, 17, 1) if kind == "rows first" else (1, 20, 17))
    assert mask_at(panel, qtbot, 1)[20, 17]
    shown = np.take(np.asarray(panel.masks_layer.data), 1, axis=along)
    assert shown[20, 17] == 1


def test_one_image_is_segmented_and_not_followed(viewer, dock, qtbot):
    viewer.add_image(discs()[0])
    panel = dock()
    click_in_world(panel, (20, 16))
    assert mask_at(panel, qtbot, 0)[20, 16]
    assert panel.follow.isHidden()
    panel.actions.follow_both()
    assert not panel.live.busy


def test_ids_are_kept_when_depth_follows_time(viewer, dock, qtbot):
    movie = np.stack([discs()] * 3, axis=1)
    viewer.add_image(movie, axis_labels=("t", "z", "y", "x"))
    viewer.dims.set_point((0, 1), (0, 1))
    panel = dock()
    time_live = panel.live
    panel.current_object = 5
    click_in_world(panel, (0, 1, 20, 16))
    panel.live.rename_object(5, "mother")
    mask = panel.live.wait(240) or panel.live.mask(5, 0)
    panel.image_section.axes.setCurrentIndex(1)
    panel.open_chosen()
    assert panel.live is not time_live and panel.opened.placement.fixed == {0: 0}
    assert panel.live.session.objects[5].name == "mother" and list(panel.live.session.objects) == [5]
    np.testing.assert_array_equal(panel.live.session.objects[5].prompts[1].mask.unpack(), mask)
    np.testing.assert_array_equal(np.asarray(panel.masks_layer.data[0, 1]) == 5, mask)

    panel.image_section.axes.setCurrentIndex(0)
    panel.open_chosen()
    assert panel.live is time_live and len(panel.opened.clicks.layer.data) == 1


def test_a_session_put_aside_gives_its_worker_up_and_has_it_again_when_needed(viewer, dock, qtbot):
    first, second = viewer.add_image(discs(), name="first"), viewer.add_image(discs(), name="second")
    panel = dock()
    menu = panel.image_section.images
    menu.setCurrentIndex(menu.findText("first"))
    live = panel.live
    click_in_world(panel, (1, 20, 17))
    assert mask_at(panel, qtbot, 1)[20, 17] and live.device_name == "cpu"
    click_in_world(panel, (2, 20, 18))
    menu.setCurrentIndex(menu.findText("second"))
    qtbot.wait(50)
    assert panel.image_layer is second and live.device_name is None
    menu.setCurrentIndex(menu.findText("first"))
    assert panel.image_layer is first and panel.live is live
    qtbot.waitUntil(lambda: live.mask(1, 2)[20, 18], timeout=120_000)
    assert live.device_name == "cpu"


def test_a_click_on_another_slice_is_refused_and_can_be_gone_on_with(viewer, dock, qtbot):
    viewer.add_image(np.stack([discs()] * 3, axis=1), axis_labels=("t", "z", "y", "x"))
    viewer.dims.set_point((0, 1), (0, 1))
    panel = dock()
    viewer.dims.set_point(1, 2)
    click_in_world(panel, (0, 2, 20, 16))
    qtbot.wait(20)
    assert not panel.live.session.objects and len(panel.opened.clicks.layer.data) == 0
    assert not panel.image_section.here.isHidden() and panel.image_section.here.text() == "Use z = 2"
    panel.image_section.here.click()
    assert panel.opened.placement.fixed == {1: 2}


def test_an_image_that_cannot_be_used_says_why_and_another_one_works(viewer, dock, qtbot):
    broken = discs().astype(np.float32)
    broken[0, 0, 0] = np.nan
    viewer.add_image(broken, name="broken", contrast_limits=(0, 1))
    panel = dock()
    assert panel.live is None and "NaN" in panel.image_section.mistake.text()
    viewer.add_image(discs(), name="good")
    panel.image_section.images.setCurrentIndex(panel.image_section.images.findText("good"))
    assert panel.live is not None and not panel.image_section.mistake.text()
