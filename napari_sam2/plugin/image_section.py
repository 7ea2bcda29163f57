"""Which image is worked on, and which way its frames go."""

from napari.components import ViewerModel
from napari.layers import Image
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QFormLayout, QLabel, QPushButton, QWidget

from napari_sam2.plugin.layer_axes import AxisChoice, axis_choices
from napari_sam2.plugin.layer_choice import LayerChoice
from napari_sam2.plugin.placement import Placement


class ImageSection(QWidget):
    """Menus of image layers and of the axes of the chosen one."""

    changed = Signal()
    """Another image, axis or position is wanted."""

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        self._viewer = viewer
        self.images = LayerChoice(viewer, Image)
        self.images.setToolTip("The image in which objects are clicked and followed")
        self.axes = QComboBox()
        self.axes.setToolTip("Objects are followed along this axis: through time, or through depth")
        self.here = QPushButton()
        self.here.setToolTip(
            "Go on at the position of the slider; objects that are there already keep their ids"
        )
        self.mistake = QLabel()
        self.mistake.setWordWrap(True)
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setVerticalSpacing(4)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Image", self.images)
        form.addRow("Follow", self.axes)
        form.addRow(self.here)
        form.addRow(self.mistake)
        self.here.hide()
        self.mistake.hide()
        self.refill()
        self.images.currentIndexChanged.connect(self._image_changed)
        self.axes.activated.connect(lambda _: self.changed.emit())
        self.here.clicked.connect(lambda _: self.changed.emit())

    @property
    def image(self) -> Image | None:
        """The chosen image layer."""
        return self.images.layer

    @property
    def choice(self) -> AxisChoice | None:
        """The chosen way through it."""
        return self.axes.currentData()

    def refill(self) -> None:
        """Offer the axes of the chosen image."""
        self.axes.clear()
        if self.image is not None:
            for choice in axis_choices(self.image):
                self.axes.addItem(choice.text, choice)
        self.axes.setEnabled(self.axes.count() > 1)

    def tell(self, mistake: str) -> None:
        """Show why the image cannot be used; nothing where it can."""
        self.mistake.setText(mistake)
        self.mistake.setVisible(bool(mistake))

    def show_position(self, placement: Placement | None, position: dict[int, int]) -> None:
        """Offer to go on where the sliders stand, if that is elsewhere than the frames."""
        fixed = {} if placement is None else placement.fixed
        moved = [dim for dim, index in fixed.items() if position.get(dim, index) != index]
        self.here.setVisible(bool(moved))
        if placement is not None and moved:
            at = ", ".join(f"{placement.name(dim)} = {position[dim]}" for dim in moved)
            self.here.setText(f"Use {at}")

    def _image_changed(self, _: int) -> None:
        self.refill()
        self.changed.emit()
