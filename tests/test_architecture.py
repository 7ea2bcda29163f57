"""ARCHITECTURE.md's drawing is what the modules really import, and the rooms keep their rules."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = {
    "napari_sam2": "napari_sam2",
    "models": "napari_sam2.models",
    "analysis": "napari_sam2.analysis",
    "sample_data": "napari_sam2.sample_data",
}
VIEWER = {"napari", "qtpy", "PyQt6", "PySide6", "superqt", "magicgui", "vispy", "pyqtgraph"}
MOST_LINES = 400


def _modules() -> dict[str, Path]:
    """Every module by the name under which it is imported."""
    found = {}
    for folder, package in ROOMS.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            found[".".join([package, *(part for part in parts if part != "__init__")])] = path
    return found


MODULES = _modules()


def _imported(tree: ast.AST) -> set[str]:
    """Full names that a piece of code imports: modules, or names inside modules."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _imported_at_import_time(tree: ast.Module) -> set[str]:
    """As `_imported`, without what waits in functions or is only for type checkers."""

    class WithoutLater(ast.NodeTransformer):
        def visit_FunctionDef(self, node: ast.FunctionDef) -> None: ...
        def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None: ...
        def visit_If(self, node: ast.If) -> ast.If | None:
            return None if "TYPE_CHECKING" in ast.unparse(node.test) else node

    return _imported(WithoutLater().visit(tree))


def _drawing() -> set[tuple[str, str]]:
    """The arrows of ARCHITECTURE.md, as (from, to)."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```mermaid\n(.*?)```", text, flags=re.DOTALL)
    lines = [re.fullmatch(r"  (\S+) --> (.+)", line) for line in block.splitlines()[1:]]
    return {(line[1], to) for line in lines for to in line[2].split(" & ")}


def _nodes() -> set[str]:
    return {name for arrow in _drawing() for name in arrow}


def _node_of(name: str, nodes: set[str]) -> str | None:
    """The drawing's name for the module that `name` is, or is in; None for what is not drawn.

    Not drawn: other packages, the errors that everyone may raise, and the package itself, which only
    gives its name and version to what is in it.
    """
    within = name.removeprefix("napari_sam2.")
    if within == name or within == "__version__" or "errors" in within.split("."):
        return None
    while within and within not in nodes:
        within = within.rpartition(".")[0]
    assert within, f"{name} is nowhere in the drawing"
    return within


def _arrows_of_the_code(nodes: set[str]) -> dict[tuple[str, str], str]:
    """Arrow to one import that draws it."""
    arrows = {}
    for module, path in MODULES.items():
        for name in _imported(ast.parse(path.read_text(encoding="utf-8"))):
            start, end = _node_of(module, nodes), _node_of(name, nodes)
            if None not in (start, end) and start != end:
                arrows[(start, end)] = f"{module} imports {name}"
    return arrows


def test_every_import_between_rooms_is_an_arrow_of_the_drawing():
    code = _arrows_of_the_code(_nodes())
    undrawn = {arrow: code[arrow] for arrow in code.keys() - _drawing()}
    assert not undrawn


def test_every_arrow_of_the_drawing_is_an_import():
    assert not _drawing() - _arrows_of_the_code(_nodes()).keys()


def test_the_arrows_go_one_way():
    remaining = _drawing()
    while remaining:
        ends = {end for _, end in remaining} - {start for start, _ in remaining}
        assert ends, f"a circle: {sorted(remaining)}"
        remaining = {arrow for arrow in remaining if arrow[1] not in ends}


def test_every_file_in_the_list_exists_and_every_folder_is_in_it():
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `([\w/.]+?)/?` \|", text, flags=re.MULTILINE))
    assert {name for name in listed if not (ROOT / name).exists()} == set()
    folders = {path.parent.relative_to(ROOT).as_posix() for path in MODULES.values()}
    assert folders - listed == set()


@pytest.mark.parametrize("room", ["models", "analysis", "sample_data"])
def test_the_inner_rooms_never_import_the_viewer(room: str):
    for path in (ROOT / room).rglob("*.py"):
        roots = {name.partition(".")[0] for name in _imported(ast.parse(path.read_text(encoding="utf-8")))}
        assert not roots & VIEWER, path


# The modules of `models` run the network, those of `sample_data` draw with torch; the packages do not.
HEAVY = ("napari_sam2.models.", "napari_sam2.sample_data.")


# What napari itself loads, when a person opens a widget.
PLUGIN = "napari_sam2.plugin"


@pytest.mark.parametrize("module", sorted(name for name in MODULES if not name.startswith(HEAVY)))
def test_torch_and_the_viewer_are_imported_only_when_needed(module: str):
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    roots = {name.partition(".")[0] for name in _imported_at_import_time(tree)}
    assert not roots & ({"torch"} if module.startswith(PLUGIN) else {"torch", *VIEWER})


def test_the_viewer_is_imported_by_the_plugin_alone():
    for module, path in MODULES.items():
        if not module.startswith(PLUGIN):
            roots = {n.partition(".")[0] for n in _imported(ast.parse(path.read_text(encoding="utf-8")))}
            assert not roots & VIEWER - {"napari"}, module


@pytest.mark.parametrize("module", sorted(MODULES))
def test_modules_stay_small(module: str):
    assert len(MODULES[module].read_text(encoding="utf-8").splitlines()) <= MOST_LINES
