"""Which layers a widget works on, and what they say of themselves."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer
from numpy.typing import NDArray
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QListWidget, QListWidgetItem, QSizePolicy

from napari_sam2.errors import InputError
from napari_sam2.plugin.layer_axes import data_of, data_shape, dimension_letters, units_of


class LayerChoice(QComboBox):
    """A menu of the viewer's layers of one type, that keeps the choice while layers come and go.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers.
    layer_type : type
        Such as `Labels`.
    fits : callable, optional
        Tells of a layer whether it can be chosen.
    """

    def __init__(
        self, viewer: ViewerModel, layer_type: type[Layer], fits: Callable[[Layer], bool] | None = None
    ) -> None:
        super().__init__()
        self._viewer, self._type, self._fits = viewer, layer_type, fits
        # A long name must not make the dock wider than a small screen.
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(12)
        self.refill()

    @property
    def layer(self) -> Any:
        """The chosen layer; None when there is none."""
        return self.currentData()

    def refill(self) -> None:
        """Offer the layers that there are now."""
        before = self.layer
        layers = [
            layer
            for layer in self._viewer.layers
            if isinstance(layer, self._type) and (self._fits is None or self._fits(layer))
        ]
        self.blockSignals(True)
        self.clear()
        for layer in layers:
            self.addItem(layer.name, layer)
        selected = self._viewer.layers.selection.active
        wanted = next((one for one in (before, selected, *layers[-1:]) if one in layers), None)
        self.setCurrentIndex(layers.index(wanted) if wanted is not None else -1)
        self.blockSignals(False)
        if self.layer is not before:
            self.currentIndexChanged.emit(self.currentIndex())


class ImageChoice(QListWidget):
    """A list of the image layers that show the same pixels as a labels layer, each with a tick."""

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        self._viewer = viewer
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setMaximumHeight(4 * self.fontMetrics().height() + 16)

    @property
    def layers(self) -> list[Image]:
        """The ticked layers, from top to bottom."""
        items = [self.item(row) for row in range(self.count())]
        return [
            item.data(Qt.ItemDataRole.UserRole)
            for item in items
            if item.checkState() == Qt.CheckState.Checked
        ]

    def refill(self, labels: Labels | None) -> None:
        """Offer the images that fit the labels; ticks that were taken away stay away."""
        items = [self.item(row) for row in range(self.count())]
        off = [
            item.data(Qt.ItemDataRole.UserRole)
            for item in items
            if item.checkState() == Qt.CheckState.Unchecked
        ]
        self.clear()
        for layer in self._viewer.layers:
            if labels is None or not isinstance(layer, Image) or data_shape(layer) != data_shape(labels):
                continue
            item = QListWidgetItem(layer.name)
            item.setData(Qt.ItemDataRole.UserRole, layer)
            item.setCheckState(Qt.CheckState.Unchecked if layer in off else Qt.CheckState.Checked)
            self.addItem(item)


@dataclass(frozen=True)
class Sizes:
    """What layers that show the same pixels say of time and space.

    Attributes
    ----------
    letters : str
        "YX", "TYX", "ZYX" or "TZYX".
    pixel_size : (float, float) or None
        (y, x) in `unit`; None when unknown.
    unit : str
        "µm", ...; "pixel" when unknown.
    steps : mapping of str to (float, str)
        Distance of neighbours along "t" and "z" and its unit, where it is known.
    """

    letters: str
    pixel_size: tuple[float, float] | None
    unit: str
    steps: Mapping[str, tuple[float, str]]

    def along(self, axis: str) -> dict[str, Any]:
        """Sizes of the frames along "t" or "z", as `measure_regions` takes them."""
        step, step_unit = self.steps.get(axis, (None, "frame"))
        sizes = {"pixel_size": self.pixel_size, "unit": self.unit, "step": step, "step_unit": step_unit}
        return {"axis": axis, **sizes}

    def of_volumes(self) -> dict[str, Any]:
        """Sizes of volumes in time, as `measure_volumes` takes them: unknown unless all three are known."""
        depth, depth_unit = self.steps.get("z", (None, ""))
        step, step_unit = self.steps.get("t", (None, "frame"))
        known = self.pixel_size is not None and depth is not None and depth_unit == self.unit
        return {
            "voxel_size": (depth, *self.pixel_size) if known and self.pixel_size else None,
            "unit": self.unit if known else "pixel",
            "step": step,
            "step_unit": step_unit,
        }


def read_sizes(layers: Sequence[Any], axis: str | None = None) -> Sizes:
    """What a labels layer says of time and space, or else the images that show the same pixels.

    Parameters
    ----------
    layers : sequence of layers
        The labels first.
    axis : "t" or "z", optional
        What the first of three dimensions is; what the layer says when not given.

    Raises
    ------
    InputError
        The layer's last two dimensions are not rows and columns, or it has too many.
    """
    labels = layers[0]
    letters = dimension_letters(labels)
    if len(letters) > 4 or letters[-2:] != "YX":
        raise InputError(
            f"the layer '{labels.name}' has the axes '{letters}'; give labels (y, x), frames (t, y, x), "
            "slices (z, y, x) or both (t, z, y, x), and name the axes where they are others than they seem"
        )
    if len(letters) == 3:
        is_depth = letters[0] == "Z" or (letters[0] == "Q" and units_of(labels)[0] is not None)
        letters = (axis.upper() if axis else "Z" if is_depth else "T") + "YX"
    elif len(letters) == 4:
        letters = "TZYX"
    for layer in layers:
        units, scale = units_of(layer), np.abs(layer.scale)
        if units[-1] is not None and units[-1] == units[-2]:
            pixel_size = (float(scale[-2]), float(scale[-1]))
            steps = {
                letter.lower(): (float(size), unit)
                for letter, size, unit in zip(letters[:-2], scale, units, strict=False)
                if unit is not None
            }
            return Sizes(letters, pixel_size, str(units[-1]), steps)
    return Sizes(letters, None, "pixel", {})


def channel_names(layers: Sequence[Image]) -> list[str]:
    """A name for each channel of image layers, colours spelled out."""
    names: list[str] = []
    for layer in layers:
        colours = ("red", "green", "blue")
        if layer.rgb:
            names += [f"{layer.name} {colour}" if len(layers) > 1 else colour for colour in colours]
        else:
            names.append(layer.name)
    return names


class Planes:
    """Image layers as a sequence over their first dimension, of (..., y, x, channel)."""

    def __init__(self, layers: Sequence[Image]) -> None:
        self._arrays = [data_of(layer) for layer in layers]
        self._rgb = [layer.rgb for layer in layers]

    def __len__(self) -> int:
        return int(self._arrays[0].shape[0])

    def __getitem__(self, index: int) -> NDArray[Any]:
        return self._joined([array[index] for array in self._arrays])

    def whole(self) -> NDArray[Any]:
        """All of it at once: a single image (y, x, channel)."""
        return self._joined(self._arrays)

    def _joined(self, read: Sequence[Any]) -> NDArray[Any]:
        parts = []
        for one, rgb in zip(read, self._rgb, strict=True):
            part = np.asarray(one)
            # A fourth sample is how opaque a pixel is, which is no intensity.
            parts.append(part[..., :3] if rgb else part[..., None])
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-1)
