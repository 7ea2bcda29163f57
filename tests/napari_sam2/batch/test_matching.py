"""Patterns and folders: what they name, in which order, and links that lead in circles."""

from pathlib import Path

import pytest

from napari_sam2.batch.matching import images_in, matches
from napari_sam2.errors import ImageWarning


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in (
        "b10.tif",
        "b9.tif",
        ".hidden.tif",
        "x.txt",
        "in/b1.tif",
        "in/deep/b2.TIF",
        "z.zarr/0/c.tif",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def names(root: Path, paths: list[Path]) -> list[str]:
    return [path.relative_to(root).as_posix() for path in paths]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.tif", ["b9.tif", "b10.tif"]),
        ("b?.tif", ["b9.tif"]),
        ("b[0-8].tif", []),
        ("**/*.tif", ["b9.tif", "b10.tif", "in/b1.tif"]),
        ("*/*.tif", ["in/b1.tif"]),
        ("*", ["b9.tif", "b10.tif", "in", "x.txt", "z.zarr"]),
        (".*.tif", [".hidden.tif"]),
        ("none/*.tif", []),
        ("i*/**/*.*", ["in/b1.tif", "in/deep/b2.TIF"]),
    ],
)
def test_patterns(tree: Path, pattern: str, found: list[str]):
    assert names(tree, matches(tree / pattern)) == found


def test_stacks_in_a_folder(tree: Path):
    assert names(tree, images_in(tree)) == ["b9.tif", "b10.tif", "in/b1.tif", "in/deep/b2.TIF", "z.zarr"]


def test_a_link_that_leads_back_is_told_and_loses_nothing(tree: Path):
    (tree / "in" / "back").symlink_to(tree)
    with pytest.warns(ImageWarning, match=r"back is a link back to .* and is left out"):
        assert len(images_in(tree)) == 5
    with pytest.warns(ImageWarning, match="is a link back"):
        assert names(tree, matches(tree / "**/*.tif")) == ["b9.tif", "b10.tif", "in/b1.tif"]


def test_a_link_to_another_folder_is_followed(tree: Path, tmp_path_factory: pytest.TempPathFactory):
    other = tmp_path_factory.mktemp("other")
    (other / "far.tif").touch()
    (tree / "there").symlink_to(other)
    assert "there/far.tif" in names(tree, matches(tree / "**/*.tif"))
    assert "there/far.tif" in names(tree, images_in(tree))
