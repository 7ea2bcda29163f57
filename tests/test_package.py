"""What a person gets from `pip install napari-sam2`, seen in a clean environment of its own."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
from collections.abc import Iterable
from importlib.metadata import packages_distributions
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ROOMS = {
    "napari_sam2": "napari_sam2",
    "models": "napari_sam2/models",
    "analysis": "napari_sam2/analysis",
    "sample_data": "napari_sam2/sample_data",
}


def _files_of_the_rooms(root: Path) -> set[str]:
    return {
        f"{target}/{path.relative_to(root / room).as_posix()}"
        for room, target in ROOMS.items()
        for path in (root / room).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what is packaged, so that building leaves nothing in the checkout."""
    copy = tmp_path_factory.mktemp("sources")
    for name in ["pyproject.toml", "README.md", "LICENSE", "NOTICE"]:
        shutil.copy(ROOT / name, copy)
    for room in ROOMS:
        shutil.copytree(ROOT / room, copy / room, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


@pytest.fixture(scope="module")
def wheel(sources: Path) -> Path:
    """The wheel, built from the source archive as for a release."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", "dist", "."]
    built = subprocess.run(command, cwd=sources, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = (sources / "dist").glob("*.whl")
    return path


@pytest.fixture(scope="module")
def clean_environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel and nothing else; returns its site-packages."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    python = _python_of(folder)
    command = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "--no-deps",
        "--no-index",
        wheel,
    ]
    installed = subprocess.run(command, capture_output=True, text=True)
    assert installed.returncode == 0, installed.stdout + installed.stderr
    return Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))


def _python_of(environment: Path) -> Path:
    if os.name == "nt":
        return environment / "Scripts" / "python.exe"
    return environment / "bin" / "python"


def _run_python(site_packages: Path, code: str) -> str:
    environment = next(p for p in site_packages.parents if (p / "pyvenv.cfg").exists())
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    command = [_python_of(environment), "-W", "error", "-c", code]
    done = subprocess.run(command, cwd=environment, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def equipped_environment(clean_environment: Path) -> Path:
    """The clean environment, where the dependencies are lent by the one that runs the tests.

    A .pth line adds the folder at the end of the path and reads no .pth file in it, so the checkout
    that may be installed there in editable form stays out of sight.
    """
    lent = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (clean_environment / "lent.pth").write_text("\n".join(sorted(lent)))
    return clean_environment


def test_site_packages_gains_exactly_one_import_name(clean_environment: Path):
    gained = {path.name for path in clean_environment.iterdir()}
    assert gained == {"napari_sam2", f"napari_sam2-{PROJECT['version']}.dist-info"}


def test_the_wheel_holds_every_file_of_the_rooms(sources: Path, wheel: Path):
    packed = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert packed == _files_of_the_rooms(sources)


def test_the_wheel_carries_licence_and_notice(wheel: Path):
    names = {name.rpartition("/")[2] for name in ZipFile(wheel).namelist() if "/licenses/" in name}
    assert names == {"LICENSE", "NOTICE"}


def test_import_is_quick_and_loads_only_the_standard_library(clean_environment: Path):
    code = (
        "import sys, time; start = time.perf_counter(); import napari_sam2; "
        "print(time.perf_counter() - start); print(napari_sam2.__file__)"
    )
    # The best of several: a busy machine can slow down one start, not all of them.
    runs = [_run_python(clean_environment, code).split() for _ in range(5)]
    assert all(Path(file).is_relative_to(clean_environment) for _, file in runs)
    assert min(float(seconds) for seconds, _ in runs) < 0.3


@pytest.mark.parametrize("module", ["napari_sam2", "napari_sam2.samples", "napari_sam2.cli.main"])
def test_import_loads_neither_torch_nor_napari(equipped_environment: Path, module: str):
    code = (
        f"import {module}, json, sys; print(json.dumps(sorted({{m.partition('.')[0] for m in sys.modules}})))"
    )
    loaded = set(json.loads(_run_python(equipped_environment, code)))
    assert "napari_sam2" in loaded
    assert not loaded & {"torch", "napari", "qtpy", "PyQt6", "PySide6", "matplotlib", "pandas"}


def test_the_installed_manifest_is_valid_and_its_commands_exist(equipped_environment: Path):
    # npe2 itself warns under new pydantic versions, hence no `-W error` for its import.
    code = (
        "import json, warnings; warnings.simplefilter('ignore'); from npe2 import PluginManifest; "
        "manifest = PluginManifest.from_distribution('napari-sam2'); manifest.validate_imports(); "
        "contributions = manifest.contributions; "
        "print(json.dumps([sample.key for sample in contributions.sample_data]))"
    )
    assert json.loads(_run_python(equipped_environment, code)) == [
        "cells_time",
        "nuclei_z",
        "instruments_rgb",
    ]


@pytest.mark.skipif(os.name == "nt", reason="git for Windows checks links out as text files")
def test_the_manifest_in_the_root_folder_is_the_packaged_one():
    assert (ROOT / "napari.yaml").resolve() == ROOT / "napari_sam2" / "napari.yaml"


EXTRAS = PROJECT["optional-dependencies"]


def test_every_package_that_is_imported_is_declared():
    extras = [EXTRAS[name] for name in EXTRAS if name not in ("test", "dev")]
    assert not _imported_distributions(ROOMS) - _distributions(PROJECT["dependencies"], *extras)


def test_every_package_that_the_tests_import_is_installed_with_them():
    extras = [EXTRAS[name] for name in EXTRAS if name not in ("gui", "dev")]
    assert not _imported_distributions(["tests"]) - _distributions(PROJECT["dependencies"], *extras)


def test_every_declared_dependency_is_needed():
    # napari is the viewer that this is a plugin of; imagecodecs is what tifffile and zarr decompress with.
    declared = _distributions(PROJECT["dependencies"])
    assert declared - _imported_distributions(ROOMS) <= {"napari", "imagecodecs"}


def _distributions(*groups: list[str]) -> set[str]:
    return {re.split(r"[\[<>=!~; ]", line)[0] for group in groups for line in group}


def _imported_distributions(folders: Iterable[str]) -> set[str]:
    """What has to be installed for everything that modules in these folders import from outside."""
    roots = set()
    for folder in folders:
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    roots |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    roots.add(node.module.partition(".")[0])
    homes = packages_distributions()
    outside = roots - set(sys.stdlib_module_names) - {"napari_sam2", "benchmarks"}
    # geff-spec is a part of geff that has a package of its own.
    return {homes[root][0].lower() for root in outside} - {"geff-spec"}
