"""Keys: none twice, bound and given back, explained."""

from napari.components import ViewerModel
from napari.layers import Labels, Points, Shapes

from napari_sam2.plugin.actions import Actions
from napari_sam2.plugin.keys import KEYS, KeyBindings, help_table, help_text


def pressed(target, keymap) -> list[str]:
    done: list[str] = []
    bindings = KeyBindings({key.name: lambda name=key.name: done.append(name) for key in KEYS})
    bindings.bind(target)
    for function in list(keymap.values()):
        function(target)
    bindings.unbind()
    return done


def test_every_key_has_an_action_and_no_key_is_bound_twice():
    assert len({key.binding for key in KEYS}) == len(KEYS)
    assert all(hasattr(Actions, key.name) for key in KEYS)


def test_every_key_of_a_viewer_does_its_action_and_is_given_back():
    viewer = ViewerModel()
    assert pressed(viewer, viewer.keymap) == [key.name for key in KEYS]
    assert not viewer.keymap


def test_layers_take_their_own_keys_back():
    points = Points(ndim=2)

    def mine(_):
        """A person's own key."""

    points.bind_key("N", mine)
    bindings = KeyBindings({key.name: lambda: None for key in KEYS})
    bindings.bind(points, Shapes(ndim=2))
    bindings.unbind_from(points)
    assert list(points.keymap.values()) == [mine]


def test_keys_for_drawing_stay_as_they_are():
    ours = {key.binding for key in KEYS}
    drawing = {str(binding) for cls in (Labels, Points, Shapes) for binding in cls.class_keymap}
    taken = {key.shown for key in KEYS if key.binding in ours and key.shown.upper() in drawing}
    # T draws paths in a layer of shapes, which are of no use in that of boxes.
    assert taken <= {"Ctrl+Z", "Ctrl+Shift+Z", "T"}


def test_the_help_names_the_keys():
    assert all(key.meaning in help_table() and key.shown in help_table() for key in KEYS)
    assert "N\N{NO-BREAK SPACE}new\N{NO-BREAK SPACE}object" in help_text()
