"""Which model finds the masks: bundled, published, or a person's own; where it runs, and what it looks at."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QComboBox, QFileDialog, QFormLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_sam2.models.cards import CARDS, ModelCard
from napari_sam2.models.download import download_weights, weights_path
from napari_sam2.models.errors import ModelError
from napari_sam2.plugin.jobs import JobBar, Progress
from napari_sam2.plugin.notices import tell
from napari_sam2.plugin.settings import read_settings
from napari_sam2.replay import DEFAULT_MODEL

if TYPE_CHECKING:
    from napari_sam2.interactive import Live

_OWN = "your own weights…"
_DEVICES = {"auto": "the fastest there is", "cpu": "processor", "cuda": "NVIDIA GPU", "mps": "Apple GPU"}
_SUITS = "suits the model"
_FRAMINGS = {
    _SUITS: "as suits the model",
    "frame": "the whole frame",
    "window": "a window around each object",
    "auto": "a window around small objects",
}
_WEIGHTS = "SAM 2 weights (*.pt *.pth *.ckpt *.safetensors)"


class ModelPicker(QWidget):
    """Menus for model, device and framing; the session uses what is chosen as soon as it is there.

    Parameters
    ----------
    panel : PromptPanel
        Whose session it is; what is chosen goes to every session that the panel begins.
    """

    def __init__(self, panel: Any) -> None:
        super().__init__()
        self._panel = panel
        self._live: Live | None = None
        settings = read_settings()
        self._models = QComboBox()
        self._models.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._models.setMinimumContentsLength(16)
        for card in CARDS.values():
            self._models.addItem(_title(card), card.name)
        self._models.addItem(_OWN)
        self._about = QLabel()
        self._about.setWordWrap(True)
        self._use = QLabel()
        self._use.setWordWrap(True)
        self._give_up = QPushButton("Cancel the download")
        self._give_up.clicked.connect(self._cancel)
        self._give_up.hide()
        self._download = QPushButton()
        self._download.clicked.connect(self.download)
        self._bar = JobBar()
        self._bar.running_changed.connect(lambda _: self._describe())
        self._devices = _menu(_DEVICES, settings.device)
        self._devices.setToolTip("Where the model runs")
        self._framings = _menu(_FRAMINGS, settings.framing)
        self._framings.setToolTip(
            "What the model looks at: windows show small objects large, and cost less; published models were "
            "trained on whole frames"
        )
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("Model", self._models)
        form.addRow(self._about)
        form.addRow("Runs on", self._devices)
        form.addRow("Looks at", self._framings)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(form)
        column.addWidget(self._download)
        column.addWidget(self._bar)
        column.addWidget(self._use)
        column.addWidget(self._give_up)

        self._choose(settings.model)
        self._models.activated.connect(self._activate)
        self._devices.activated.connect(self._apply)
        self._framings.activated.connect(self._apply)
        panel.live_changed.connect(self._take)
        self._take(panel.live)

    @property
    def model(self) -> str:
        """The chosen model: a name in the registry or the path of a weights file."""
        return str(self._models.currentData())

    @property
    def device(self) -> str:
        """ "auto", "cpu", "cuda" or "mps"."""
        return str(self._devices.currentData())

    @property
    def framing(self) -> str | None:
        """ "frame", "window" or "auto"; None for what suits the model."""
        framing = str(self._framings.currentData())
        return None if framing == _SUITS else framing

    def download(self) -> None:
        """Bring the chosen model to this machine, and use it when it is there."""
        card = CARDS[self.model]

        def work(progress: Progress) -> str:
            download_weights(card, progress=lambda done, whole: progress(card.name, done, whole or 0))
            return card.name

        self._bar.start(f"asking for {card.name}", work, self._arrived)

    def _arrived(self, name: str) -> None:
        self._models.setItemText(self._models.findData(name), _title(CARDS[name]))
        if name == self.model:
            self._describe()
            self._apply()

    def _activate(self, row: int) -> None:
        if self._models.itemText(row) == _OWN:
            path, _ = QFileDialog.getOpenFileName(self, "Weights of a SAM 2 model", "", _WEIGHTS)
            self._choose(path or self._before)
            if not path:
                return
        self._before = self.model
        self._describe()
        self._apply()

    def _choose(self, model: str) -> None:
        """Show a model as the chosen one."""
        if model not in CARDS and self._models.findData(model) < 0:
            if not Path(model).expanduser().is_file():
                tell(ModelError(f"there is no file {model} of weights; choose another model in the panel"))
                model = next(iter(CARDS))
            else:
                self._models.insertItem(self._models.count() - 1, Path(model).name, model)
        self._models.setCurrentIndex(self._models.findData(model))
        self._before = model
        self._describe()

    def _describe(self) -> None:
        card = CARDS.get(self.model)
        if card is None:
            self._about.setText(self.model)
        else:
            self._about.setText(f"{card.good_for} Licence {card.licence}.")
        missing = self._is_missing()
        self._download.setVisible(missing and not self._bar.running)
        if missing and card is not None:
            self._download.setText(f"Download {_megabytes(card)}")

    def _take(self, live: "Live | None") -> None:
        """Use the chosen model for a new session; show that of a session that goes on."""
        if self._live is not None:
            self._live.model_changed.disconnect(self._show_use)
        self._live = live
        self._show_use()
        if live is None:
            return
        live.model_changed.connect(self._show_use)
        if live.session.model is not None:
            self._choose(live.model_name)
            framing = live.session.parameters.get("framing") or _SUITS
            self._framings.setCurrentIndex(self._framings.findData(framing))
        elif (self.model, self.device, self.framing) != (DEFAULT_MODEL, "auto", None):
            # The session itself loads the default one when it needs a model.
            self._apply()

    def _apply(self) -> None:
        if self._live is not None and not self._is_missing():
            self._live.use_model(self.model, self.device, self.framing)
            self._use.setText(f"loading {self._models.currentText()}…")

    def _cancel(self) -> None:
        if self._live is not None:
            self._live.cancel_model()

    def _is_missing(self) -> bool:
        """Whether the chosen model must be downloaded first."""
        card = CARDS.get(self.model)
        return card is not None and bool(card.urls) and not weights_path(card).is_file()

    def _show_use(self) -> None:
        live = self._live
        # A session that goes on may need a model that is not here; it brings it itself.
        loading = None if live is None else live.loading
        self._give_up.setVisible(loading is not None)
        if live is None:
            self._use.clear()
        elif loading is not None:
            self._use.setText(f"{loading.what}: {loading.done / 1e6:.0f} of {loading.total / 1e6:.0f} MB")
        elif live.device_name is not None:
            self._use.setText(f"in use: {live.model_name} on {live.device_name}")
        else:
            self._use.setText(f"{live.model_name} is loaded when it is needed")


def _menu(texts: dict[str, str], chosen: str) -> QComboBox:
    menu = QComboBox()
    for value, text in texts.items():
        menu.addItem(text, value)
    menu.setCurrentIndex(max(0, menu.findData(chosen)))
    return menu


def _title(card: ModelCard) -> str:
    if not card.urls:
        return f"{card.name} · bundled"
    return f"{card.name} · {'here' if weights_path(card).is_file() else _megabytes(card)}"


def _megabytes(card: ModelCard) -> str:
    return f"{(card.bytes or 0) / 1e6:.0f} MB"
