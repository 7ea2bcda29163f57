"""The plugin's settings in napari's preferences."""

import dataclasses

import pytest
from npe2 import PluginManifest

import napari_sam2
from napari_sam2.plugin.settings import Settings, read_settings

MANIFEST = f"{napari_sam2.__path__[0]}/napari.yaml"


def _declared() -> dict[str, object]:
    configurations = PluginManifest.from_file(MANIFEST).contributions.configurations
    return {key: one.default for part in configurations.values() for key, one in part.properties.items()}


def test_the_manifest_declares_what_the_code_reads():
    assert _declared() == dataclasses.asdict(Settings())


def test_categories_have_names_of_their_own_in_the_environment():
    # napari reads NAPARI_<CATEGORY>_<KEY> for every plugin alike
    configurations = PluginManifest.from_file(MANIFEST).contributions.configurations
    assert all(category.startswith("sam2_") for category in configurations)


def test_without_a_manifest_there_are_defaults(plugin_settings, npe2pm):
    assert read_settings() == Settings()


def test_what_a_person_sets_is_read(plugin_settings, npe2pm):
    from napari.settings import get_plugin_settings

    with npe2pm.tmp_plugin(manifest=PluginManifest.from_file(MANIFEST)):
        get_plugin_settings("napari-sam2").sam2_view.opacity = 0.25
        get_plugin_settings("napari-sam2").sam2_start.device = "cpu"
        assert read_settings() == Settings(opacity=0.25, device="cpu")
        with pytest.raises(ValueError, match="gpu"):
            get_plugin_settings("napari-sam2").sam2_start.device = "gpu"
