"""What the manifest offers napari."""

import subprocess
import sys
from dataclasses import fields
from importlib import import_module
from pathlib import Path

from npe2 import PluginManifest

import napari_sam2
from napari_sam2.plugin.settings import Settings

MANIFEST = PluginManifest.from_file(Path(napari_sam2.__file__).parent / "napari.yaml")


def test_it_is_valid_and_every_command_exists():
    MANIFEST.validate_imports()
    for command in MANIFEST.contributions.commands:
        module, name = command.python_name.split(":")
        assert hasattr(import_module(module), name), command.id


def test_widgets_are_in_the_menus_where_people_look():
    menus = {name: [item.command for item in items] for name, items in MANIFEST.contributions.menus.items()}
    assert menus == {
        "napari/layers/segment": ["napari-sam2.prompt_panel"],
        "napari/layers/track": ["napari-sam2.track_labels"],
        "napari/layers/measure": ["napari-sam2.measure_labels"],
    }
    assert {widget.command for widget in MANIFEST.contributions.widgets} == {
        command for commands in menus.values() for command in commands
    }


def test_settings_have_the_names_and_defaults_of_the_code():
    declared = {
        name: setting.default
        for category in MANIFEST.contributions.configurations.values()
        for name, setting in category.properties.items()
    }
    assert declared == {field.name: field.default for field in fields(Settings)}


def test_the_widgets_import_neither_torch_nor_matplotlib():
    code = (
        "import sys, napari_sam2.plugin.panel, napari_sam2.plugin.track_widget;"
        "print(sorted({'torch', 'matplotlib'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True)
    assert ran.stdout.strip() == "[]", ran.stderr
