"""The keys of the prompt panel: bound while it is open, and given back when it closes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app_model.types import KeyBinding, KeyCode, KeyMod


@dataclass(frozen=True)
class Key:
    """One key.

    Attributes
    ----------
    name : str
        What it does, as the panel knows it.
    binding : int
        As napari takes it.
    shown : str
        As a person reads it.
    meaning : str
        What it does, in words.
    """

    name: str
    binding: int
    shown: str
    meaning: str


KEYS = (
    Key("new_object", KeyCode.KeyN, "N", "new object"),
    Key("next_object", KeyCode.Period, ".", "next object"),
    Key("previous_object", KeyCode.Comma, ",", "previous object"),
    Key("toggle_inside", KeyCode.KeyT, "T", "clicks inside / outside"),
    Key("accept", KeyCode.KeyK, "K", "keep this mask (lock)"),
    Key("undo", KeyMod.CtrlCmd | KeyCode.KeyZ, "Ctrl+Z", "undo"),
    Key("redo", KeyMod.CtrlCmd | KeyMod.Shift | KeyCode.KeyZ, "Ctrl+Shift+Z", "redo"),
    Key("follow_both", KeyCode.KeyG, "G", "follow both ways"),
    Key("follow_forward", KeyMod.Shift | KeyCode.KeyF, "Shift+F", "follow forward"),
    Key("follow_backward", KeyMod.Shift | KeyCode.KeyB, "Shift+B", "follow backward"),
    Key("stop", KeyMod.Shift | KeyCode.KeyS, "Shift+S", "stop"),
    Key("next_prompted", KeyMod.Shift | KeyCode.RightArrow, "Shift+→", "next prompted frame"),
    Key("previous_prompted", KeyMod.Shift | KeyCode.LeftArrow, "Shift+←", "previous prompted frame"),
    Key("next_doubtful", KeyMod.Shift | KeyCode.KeyD, "Shift+D", "next doubtful moment"),
)
SHOWN = {key.name: key.shown for key in KEYS}


def help_text() -> str:
    """The most used keys, in one line."""
    parts = ["N new object", ", . other object", "T inside/outside", "G follow", "K keep", "Ctrl+Z undo"]
    return (
        "  ·  ".join(part.replace(" ", "\N{NO-BREAK SPACE}") for part in parts) + "  ·  all keys: rest here"
    )


def help_table() -> str:
    """All keys, for a tooltip."""
    rows = "".join(f"<tr><td><b>{key.shown}</b>&nbsp;&nbsp;</td><td>{key.meaning}</td></tr>" for key in KEYS)
    return f"<table>{rows}</table>"


class KeyBindings:
    """Keys bound in the viewer and on layers; what was bound before comes back on `unbind`.

    A layer's own keys win over the viewer's, so our layers get the keys too.

    Parameters
    ----------
    actions : mapping from name to callable
        What each of `KEYS` does.
    """

    def __init__(self, actions: Mapping[str, Callable[[], Any]]) -> None:
        self._actions = actions
        self._before: list[tuple[Any, Any, Any]] = []

    def bind(self, *targets: Any) -> None:
        """Bind all keys on a viewer or on layers."""
        for target in targets:
            for key in KEYS:
                binding = KeyBinding.validate(key.binding)
                self._before.append((target, binding, target.keymap.get(binding)))
                target.bind_key(binding, self._handler(key.name), overwrite=True)

    def unbind_from(self, *targets: Any) -> None:
        """Give the keys of these back."""
        for target, binding, before in reversed(self._before):
            if any(target is one for one in targets):
                target.keymap.pop(binding, None)
                if before is not None:
                    target.bind_key(binding, before, overwrite=True)
        self._before = [one for one in self._before if not any(one[0] is target for target in targets)]

    def unbind(self) -> None:
        """Give all keys back."""
        self.unbind_from(*(target for target, _, _ in self._before))

    def _handler(self, name: str) -> Callable[[Any], None]:
        action = self._actions[name]

        def press(_: Any) -> None:
            action()

        return press
