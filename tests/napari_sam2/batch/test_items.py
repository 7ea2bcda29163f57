"""Items: which images, their prompts and their names; and batches that cannot be."""

from collections.abc import Callable
from pathlib import Path

import pytest

from napari_sam2.batch.config import Settings
from napari_sam2.batch.items import find_items
from napari_sam2.errors import InputError

Configured = Callable[..., Settings]


def names(settings: Settings) -> list[str]:
    return [item.name for item in find_items(settings)]


def test_images_with_their_prompts(stacks: Path, configured: Configured):
    first, *_ = items = find_items(configured())
    assert [item.name for item in items] == ["a", "b", "c"]
    assert first.image == str(stacks / "movies" / "a.tif")
    assert first.prompts == str(stacks / "movies" / "a_clicks.csv")


@pytest.mark.parametrize(
    ("images", "found"),
    [
        (["movies"], ["a", "b", "c"]),
        (["movies/c.tif", "movies/*.tif"], ["c", "a", "b"]),
        (["."], ["a", "b", "c"]),
        (["**/[ab].tif"], ["a", "b"]),
    ],
)
def test_folders_files_and_patterns(configured: Configured, images: list[str], found: list[str]):
    assert names(configured(images=images)) == found


def test_painted_prompts_beside_the_images_are_no_images(stacks: Path, configured: Configured):
    for name in "abc":
        (stacks / "movies" / f"{name}_painted.tif").touch()
    assert names(configured(prompts="{stem}_painted.tif")) == ["a", "b", "c"]


def test_results_are_no_images(stacks: Path, configured: Configured):
    (stacks / "results" / "a").mkdir(parents=True)
    (stacks / "results" / "a" / "labels.tif").touch()
    assert names(configured(images=["**/*.tif"])) == ["a", "b", "c"]


def test_suffixes_of_two_parts_are_no_part_of_the_name(stacks: Path, configured: Configured):
    for name in ("d.ome.tif", "e.nii.gz", "f.2.tif"):
        (stacks / "movies" / name).touch()
    assert names(configured(images=["movies/[d-f].*"], prompts="auto")) == ["d", "e", "f.2"]


def test_a_folder_of_frames_is_one_image(stacks: Path, configured: Configured):
    (stacks / "study").mkdir()
    (stacks / "study" / "frame_1.png").touch()
    assert names(configured(images=["study"], prompts="auto")) == ["study"]


def test_a_link_to_itself_is_an_item_that_will_fail(stacks: Path, configured: Configured):
    (stacks / "movies" / "d.tif").symlink_to(stacks / "movies" / "d.tif")
    assert names(configured()) == ["a", "b", "c", "d"]


def test_one_file_of_prompts_for_all(stacks: Path, configured: Configured):
    prompts = {item.prompts for item in find_items(configured(prompts="movies/a_clicks.csv"))}
    assert prompts == {str(stacks / "movies" / "a_clicks.csv")}


def test_prompts_in_another_folder(stacks: Path, configured: Configured):
    (stacks / "clicks" / "movies").mkdir(parents=True)
    (stacks / "clicks" / "movies" / "a.csv").touch()
    first = find_items(configured(prompts="../clicks/{folder}/{stem}.csv"))[0]
    assert Path(str(first.prompts)).samefile(stacks / "clicks" / "movies" / "a.csv")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"images": ["movies/*.tiff"]}, "images: movies/*.tiff matches nothing in"),
        ({"images": ["gone"]}, "images: gone matches nothing in"),
        ({"images": ["movies/*_clicks.csv"], "prompts": "movies/a_clicks.csv", "name": "x"}, "the results x"),
        ({"name": "all"}, "would both have the results all"),
        ({"name": "records"}, "would have the name 'records'"),
        ({"name": "{folder}/{stem}"}, "would have the name 'movies/a'"),
        ({"name": "{stm}"}, "name: the pattern '{stm}' is not understood; its placeholders are {stem}"),
        ({"prompts": "{stem"}, "prompts: the pattern '{stem' is not understood"),
        ({"prompts": "{stem}.csv"}, "a.csv, nor one for any other of the 3 images"),
        ({"prompts": "none.csv"}, "prompts: there is no "),
        (
            {"images": ["movies/a_clicks.csv"], "prompts": "movies/a_clicks.csv"},
            "all that matches are files of",
        ),
    ],
)
def test_mistakes(configured: Configured, changes: dict[str, object], words: str):
    with pytest.raises(InputError) as caught:
        find_items(configured(**changes))
    assert words in str(caught.value)


def test_names_that_some_systems_cannot_tell_apart(stacks: Path, configured: Configured):
    (stacks / "movies" / "A.tif").touch()
    with pytest.raises(InputError, match=r"A\.tif and .*a\.tif would both|a\.tif and .*A\.tif would both"):
        find_items(configured())


def test_one_session_for_many_images_only_when_it_is_said(stacks: Path, configured: Configured):
    (stacks / "session.json").touch()
    with pytest.raises(InputError, match="add other_image: true"):
        find_items(configured(prompts="session.json"))
    assert len(find_items(configured(prompts="session.json", other_image=True))) == 3
