"""The image that is worked on: opened, put aside for another one, taken up again."""

from typing import TYPE_CHECKING

from napari.layers import Image
from napari.utils.notifications import show_info, show_warning

from napari_sam2.plugin.layer_axes import AxisChoice
from napari_sam2.plugin.layer_frames import open_layer
from napari_sam2.plugin.notices import MISTAKES, sentence_of, telling
from napari_sam2.plugin.open_image import OpenImage, Walk, labels_of_walks, slider_position
from napari_sam2.plugin.placement import Placement

if TYPE_CHECKING:
    from napari_sam2.interactive import Live
    from napari_sam2.plugin.panel import PromptPanel


class Images:
    """Which image is open, and the sessions of those that were open before.

    Parameters
    ----------
    panel : PromptPanel
        Shows what is opened.
    opacity : float
        Of masks.

    Attributes
    ----------
    opened : OpenImage or None
        The chosen image with its session and its layers.
    """

    def __init__(self, panel: "PromptPanel", opacity: float) -> None:
        self._panel, self._opacity = panel, opacity
        self._aside: dict[Image, list[Walk]] = {}
        self.opened: OpenImage | None = None

    def open(self, image: Image | None, choice: AxisChoice | None) -> str:
        """Begin to work on an image, or go on; the session that was open is put aside.

        Returns
        -------
        str
            Why it cannot be used; empty where it can.
        """
        self.put_aside()
        if image is None or choice is None:
            return ""
        try:
            self._open(image, choice)
        except MISTAKES as error:
            return sentence_of(error)
        return ""

    def put_aside(self) -> None:
        """Take the session out of sight; it is kept as long as the panel is open, without its worker."""
        opened = self.opened
        if opened is not None:
            opened.live.stop()
            self._hide(opened)
            opened.live.rest()
            self._aside.setdefault(opened.image, []).insert(0, Walk(opened.live, opened.placement))

    def take_over(self, live: "Live") -> None:
        """Go on with another session of the chosen image, in place of the one there is."""
        opened = self.opened
        if opened is None:
            live.close()
            return
        self._hide(opened)
        opened.live.close()
        self._show(opened.image, opened.choice, opened.placement, live)

    def new_object(self) -> int:
        """The id of the next object, which no walk through the image has used."""
        if self.opened is None:
            return 1
        lives = [self.opened.live, *(walk.live for walk in self._aside.get(self.opened.image, ()))]
        return max(live.session.new_object() for live in lives)

    def look_after(self) -> None:
        """Close the session of an image that was removed, and put back layers of ours that were."""
        viewer, opened = self._panel.viewer, self.opened
        for image in [image for image in self._aside if image not in viewer.layers]:
            for walk in self._aside.pop(image):
                walk.live.close()
        if opened is None:
            return
        if opened.image in viewer.layers:
            if opened.restore_layers():
                show_info(
                    "This layer holds the session that is open, so it was put back; choose another image in "
                    "the panel, or close the panel, to be rid of it."
                )
            return
        stopped = "following was stopped and " if opened.live.progress is not None else ""
        self._hide(opened)
        opened.live.close()
        opened.leave_masks()
        show_warning(
            f"The image '{opened.image.name}' was removed, so {stopped}its session was closed; open the "
            "image again and press Continue in the tab Results to go on."
        )

    def close(self) -> None:
        """End all sessions."""
        lives = [walk.live for walks in self._aside.values() for walk in walks]
        if self.opened is not None:
            self.opened.close()
            lives.append(self.opened.live)
        for live in lives:
            live.close()
        self._aside.clear()
        self.opened = None

    def _open(self, image: Image, choice: AxisChoice) -> None:
        from napari_sam2.interactive import Live

        frames, placement = open_layer(image, choice, slider_position(self._panel.viewer, image))
        walks = self._aside.setdefault(image, [])
        before = next((walk for walk in walks if walk.placement == placement), None)
        if before is not None:
            walks.remove(before)
            self._show(image, choice, placement, before.live)
            return
        self._show(image, choice, placement, Live(frames))
        self._carry_over(walks)
        self._panel.current_object = min(self.opened.live.session.objects, default=self.new_object())

    def _show(self, image: Image, choice: AxisChoice, placement: Placement, live: "Live") -> None:
        panel = self._panel
        self.opened = OpenImage(
            panel.viewer,
            image,
            choice,
            placement,
            live,
            lambda: (panel.current_object, panel.inside),
            panel.repairs.edited,
            self._aside.get(image, ()),
            self._opacity,
        )
        panel.attach(self.opened)

    def _hide(self, opened: OpenImage) -> None:
        self.opened = None
        self._panel.detach(opened)
        opened.close()
        opened.remove_layers()

    def _carry_over(self, walks: list[Walk]) -> None:
        """Make the objects of other walks, where these frames cross them, objects with the same ids."""
        opened = self.opened
        labels = None if opened is None else labels_of_walks(opened.placement, walks)
        if opened is None or labels is None:
            return
        if not any(labels[frame].any() for frame in range(labels.shape[0])):
            return
        live = opened.live
        with telling():
            live.add_label_image(labels)
            names = {id_: one.name for walk in walks for id_, one in walk.live.session.objects.items()}
            for object_id, record in live.session.objects.items():
                if names[object_id] != record.name:
                    live.rename_object(object_id, names[object_id])
