"""docs/viewer.md says what the plugin does."""

import re
from pathlib import Path

import yaml

from napari_sam2.plugin.follow_section import FollowSection
from napari_sam2.plugin.keys import KEYS
from napari_sam2.plugin.object_section import ObjectSection

ROOT = Path(__file__).resolve().parents[3]
TEXT = (ROOT / "docs" / "viewer.md").read_text(encoding="utf-8")
PAGE = " ".join(TEXT.split())


def test_every_key_is_in_the_table():
    (table,) = re.findall(r"## Keys\n(.*?)\n## ", TEXT, flags=re.DOTALL)
    named = set(re.findall(r"`([^`]+)`", table)) - {"Ctrl", "Cmd"}
    assert {key.shown for key in KEYS} <= named


def test_menus_are_called_as_the_manifest_calls_them():
    manifest = yaml.safe_load((ROOT / "napari_sam2" / "napari.yaml").read_text(encoding="utf-8"))
    titles = {one["id"]: one["title"] for one in manifest["contributions"]["commands"]}
    for menu, entries in manifest["contributions"]["menus"].items():
        place = menu.rpartition("/")[2].capitalize()
        for entry in entries:
            assert f"*Layers > {place} > {titles[entry['command']]}*" in PAGE


def test_buttons_are_called_as_in_the_panel(qtbot):
    objects, follow = ObjectSection(), FollowSection()
    qtbot.addWidget(objects)
    qtbot.addWidget(follow)
    buttons = [objects.from_labels, objects.divide, follow.stop, follow.repair, follow.follow_view]
    buttons += [follow.in_range, *objects.tools.values()]
    missing = [button.text() for button in buttons if f"*{button.text()}*" not in PAGE]
    assert missing == ["Click", "Move"]
