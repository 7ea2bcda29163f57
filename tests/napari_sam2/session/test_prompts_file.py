"""Prompts from CSV files and label images, and every way in which one is refused."""

import dask.array as da
import numpy as np
import pandas as pd
import pytest
import tifffile
import zarr
from PIL import Image

from napari_sam2.errors import InputError
from napari_sam2.session import add_label_prompts, read_prompts
from napari_sam2.session.state import Given

HEADER = "object_id,frame,kind,y,x,y1,x1,label\n"


@pytest.fixture
def csv(tmp_path, session):
    """Read rows as a prompts file."""

    def csv(*rows: str, header: str = HEADER, encoding: str = "utf-8"):
        path = tmp_path / "prompts.csv"
        path.write_bytes((header + "\n".join(rows)).encode(encoding))
        read_prompts(path, session)
        return session

    return csv


def problems(call) -> list[str]:
    """The problems that a refused file is told to have, without its name."""
    with pytest.raises(InputError) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message and not message.endswith("."), message
    path, told = message.split(": ", 1)
    assert path.startswith("/"), message
    return told.split("; ")


def only_problem(call, *words: str) -> None:
    told = problems(call)
    assert all(word in "; ".join(told) for word in words), told


# -- CSV -------------------------------------------------------------------------------------------


def test_points_and_boxes(csv):
    session = csv(
        "1,0,point,2,3,,,1",
        "2,5,box,8,9,1,2,",
        "1,0,point,4.5,5,,,0",
        "2,5,point,6,7,,,",
        "1,9,point,4,5,,,0",
    )
    assert session.objects[1].prompts == {
        0: Given(points=((2, 3), (4.5, 5)), labels=(1, 0)),
        9: Given(points=((4, 5),), labels=(0,)),
    }
    assert session.objects[2].prompts == {5: Given(points=((6, 7),), labels=(1,), box=(1, 2, 8, 9))}
    session.undo()
    assert not session.objects and not session.can_undo


def test_what_spreadsheets_and_pandas_write(csv, session, tmp_path):
    csv(" 1 , 0 ,point, 2 ,3,,,1.0", "", ",,,,,,,", "1,2,point,2,3", encoding="utf-8-sig")
    assert session.objects[1].prompts[0].points == ((2, 3),)
    rows = [dict(object_id=2, frame=1, kind="box", y=1, x=1, y1=5, x1=5)]
    rows.append(dict(object_id=3, frame=1, kind="point", y=1, x=1, label=1))
    pd.DataFrame(rows).to_csv(tmp_path / "frame.csv", index=False)
    read_prompts(tmp_path / "frame.csv", session)
    assert session.objects[2].prompts[1].box == (1, 1, 5, 5)
    assert session.objects[3].prompts[1].labels == (1,)


def test_columns_in_another_order(csv):
    session = csv("1,,0,point,5,4,,7", header="label,y1,frame,kind,x,y,x1,object_id\n")
    assert session.objects[7].prompts[0] == Given(points=((4, 5),), labels=(1,))


def test_no_such_file(tmp_path, session):
    with pytest.raises(InputError, match=r"no prompts file .*prompts.csv"):
        read_prompts(tmp_path / "prompts.csv", session)


def test_an_empty_file(csv):
    only_problem(lambda: csv(header=""), "empty", "object_id, frame, kind, y, x, y1, x1, label")
    only_problem(lambda: csv(header="\n"), "empty")


def test_a_file_with_a_header_alone(csv):
    only_problem(csv, "no prompts", "row")


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("object_id,frame,kind,y,x,y1,x1\n", ["lacks columns 'label'", "object_id, frame, kind"]),
        ("id,t,kind,y,x,y1,x1,label\n", ["lacks columns 'object_id', 'frame'"]),
        ("object_id,frame,kind,y,x,y1,x1,label,z\n", ["unknown columns 'z'"]),
        ("object_id,frame,kind,y,y,x,y1,x1,label\n", ["repeats columns 'y'"]),
        ("object_id;frame;kind;y;x;y1;x1;label\n", ["lacks columns"]),
    ],
)
def test_other_columns(csv, header, words):
    only_problem(lambda: csv("1,0,point,2,3,,,1", header=header), *words)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("1,0,point,a,3,,,1", ["y 'a' is not a number"]),
        ("1,0,point,nan,3,,,1", ["finite"]),
        ("1,0,point,,3,,,1", ["needs y, x", "y is empty"]),
        ("1,20,point,2,3,,,1", ["frame 20 does not exist", "0 to 19"]),
        ("1,-1,point,2,3,,,1", ["frame -1"]),
        ("1,1.5,point,2,3,,,1", ["frame '1.5' is not a whole number"]),
        ("1,,point,2,3,,,1", ["frame '' is not a whole number"]),
        ("1,0,point,2,16,,,1", ["outside the image", "-0.5 to 15.5"]),
        ("1,0,dot,2,3,,,1", ["kind 'dot'", "point or box"]),
        ("1,0,point,2,3,,,2", ["label 2", "1 for inside"]),
        ("1,0,point,2,3,,,in", ["label 'in' is not a whole number"]),
        ("0,0,point,2,3,,,1", ["object id 0 is not allowed"]),
        ("-3,0,point,2,3,,,1", ["object id -3 is not allowed"]),
        ("1.5,0,point,2,3,,,1", ["object_id '1.5' is not a whole number"]),
        ("cell,0,point,2,3,,,1", ["object_id 'cell'"]),
        ("inf,0,point,2,3,,,1", ["object_id 'inf'"]),
        ("1,0,box,2,3,5,,", ["a box needs y, x, y1, x1", "x1 is empty"]),
        ("1,0,box,2,3,2,9,", ["box", "empty"]),
        ("1,0,box,20,3,25,9,", ["outside the image"]),
        ("1,0,box,1,1,5,5,0", ["box", "label empty"]),
        ("1,0,point,1,1,5,5,1", ["a point has no y1 and x1"]),
        ("1,0,point,1,1,,,1,9", ["more cells than columns"]),
        ("1,0,point,1,1,,,0", ["object 1 has only points outside it on its first frame, 0"]),
    ],
)
def test_rows_that_are_refused(csv, session, row, words):
    only_problem(lambda: csv("2,0,point,2,3,,,1", row), "line 3", *words)
    assert session.history == ()


def test_two_boxes_for_one_object_and_frame(csv):
    only_problem(
        lambda: csv("1,0,box,1,1,5,5,", "2,0,box,1,1,5,5,", "1,0,box,1,1,6,6,"),
        "line 4",
        "object 1",
        "frame 0",
    )


def test_all_problems_are_told_at_once(csv):
    told = problems(
        lambda: csv("0,99,point,a,3,,,7", "1,0,point,2,3,,,1", "2,0,point,2,3,,,0", "3,0,spot,2,3,,,1")
    )
    assert [problem.split(":")[0] for problem in told if problem.startswith("line")] == [
        *["line 2"] * 4,
        "line 5",
        "line 4",
    ]


def test_no_more_than_ten_problems_are_told(csv):
    told = problems(lambda: csv(*["1,0,dot,2,3,,,1"] * 13))
    assert told[-1] == "and 3 more" and sum(problem.startswith("line") for problem in told) == 10
    told = problems(lambda: csv(*["1,0,dot,2,3,,,1"] * 10))
    assert "more" not in told[-1]


def test_outside_points_may_add_to_what_the_session_has(csv, session):
    session.add_points(1, 0, [(1, 1)], [1])
    csv("1,0,point,4,4,,,0", "1,3,point,4,4,,,0")
    assert session.objects[1].prompts[0].labels == (1, 0)


def test_outside_points_before_what_the_session_has(csv, session):
    session.add_points(1, 5, [(1, 1)], [1])
    only_problem(lambda: csv("1,0,point,4,4,,,0"), "line 2", "object 1", "only points outside")


def test_what_the_session_refuses_leaves_it_as_it_was(csv, session, square):
    session.add_mask(1, 0, square())
    only_problem(lambda: csv("2,0,point,4,4,,,1", "1,0,point,4,4,,,1"), "object 1, frame 0", "mask")
    assert list(session.objects) == [1] and len(session.history) == 1


def test_other_encodings_and_formats(csv, tmp_path, session):
    only_problem(lambda: csv("1,0,point,2,3,,,µ", encoding="latin-1"), "UTF-8")
    only_problem(lambda: csv("1,0,point,2,3,,," + "1" * 200_000), "CSV")
    (tmp_path / "folder.csv").mkdir()
    only_problem(lambda: read_prompts(tmp_path / "folder.csv", session), "cannot be read")


# -- label images ----------------------------------------------------------------------------------


@pytest.fixture
def stack(square):
    """Object 3 from frame 2, moving; object 9 from frame 4; on frames of 12 x 16."""
    labels = np.zeros((20, 12, 16), dtype=np.uint16)
    for frame in range(2, 6):
        labels[frame][square(3, frame, 1)] = 3
    labels[4:][:, square(2, 0, 10)] = 9
    return labels


def expect_stack(session, square) -> None:
    assert {object_id: list(o.prompts) for object_id, o in session.objects.items()} == {3: [2], 9: [4]}
    assert np.array_equal(session.objects[3].prompts[2].mask.unpack(), square(3, 2, 1))
    assert np.array_equal(session.objects[9].prompts[4].mask.unpack(), square(2, 0, 10))
    session.undo()
    assert not session.objects and not session.can_undo


@pytest.mark.parametrize("kind", ["numpy", "dask", "zarr"])
def test_each_label_is_a_mask_on_its_first_frame(session, square, stack, kind):
    if kind == "dask":
        stack = da.from_array(stack, chunks=(1, 12, 16))
    elif kind == "zarr":
        stack = zarr.array(stack, chunks=(1, 12, 16))
    add_label_prompts(session, stack)
    expect_stack(session, square)


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("name", ["labels.tif", "labels.TIFF", "labels.ome.tif"])
def test_tiff_stacks(session, tmp_path, square, stack, name, compression):
    tifffile.imwrite(tmp_path / name, stack[:, None], metadata={"axes": "TCYX"}, compression=compression)
    read_prompts(tmp_path / name, session)
    expect_stack(session, square)


def test_numpy_files(session, tmp_path, square, stack):
    np.save(tmp_path / "labels.npy", stack)
    read_prompts(tmp_path / "labels.npy", session)
    expect_stack(session, square)


@pytest.mark.parametrize("name", [None, "labels", "0"])
def test_zarr_arrays_and_groups(session, tmp_path, square, stack, name):
    if name is None:
        zarr.save_array(tmp_path / "labels.zarr", stack)
    else:
        zarr.open_group(tmp_path / "labels.zarr", mode="w").create_array(name, data=stack)
    read_prompts(tmp_path / "labels.zarr", session)
    expect_stack(session, square)


def test_a_single_image_is_frame_0(session, tmp_path, square):
    labels = np.where(square(), 5, 0)
    for write in (
        lambda: tifffile.imwrite(tmp_path / "a.tif", labels.astype(np.int32)),
        lambda: np.save(tmp_path / "a.npy", labels),
        lambda: Image.fromarray(labels.astype(np.uint16)).save(tmp_path / "a.png"),
    ):
        for path in tmp_path.iterdir():
            path.unlink()
        write()
        (path,) = tmp_path.iterdir()
        read_prompts(path, session)
        assert np.array_equal(session.objects[5].prompts[0].mask.unpack(), square())
        session.undo()


def test_a_png_with_a_palette_holds_labels_not_colours(session, tmp_path, square):
    image = Image.fromarray(np.where(square(), 2, 0).astype(np.uint8), mode=None).convert("P")
    image.putpalette([200, 10, 10] * 256)
    image.save(tmp_path / "a.png")
    read_prompts(tmp_path / "a.png", session)
    assert list(session.objects) == [2]


def test_a_bool_image_is_one_object(session, square):
    add_label_prompts(session, square())
    assert list(session.objects) == [1]


def test_the_labels_of_one_frame_of_a_one_frame_image(small_frames, square):
    from napari_sam2.session import Session

    still = Session(small_frames(shape=(1, 12, 16)))
    add_label_prompts(still, square()[None])
    assert list(still.objects) == [1]


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (np.ones((12, 15), int), ["12 x 15", "20 x 12 x 16", "12 x 16 for frame 0"]),
        (np.ones((19, 12, 16), int), ["19 x 12 x 16"]),
        (np.ones((12, 16, 3), np.uint8), ["12 x 16 x 3"]),
        (np.ones((12, 16), np.float32), ["float32", "whole numbers"]),
        (np.zeros((12, 16), int), ["all labels are 0"]),
        (np.full((12, 16), -1), ["object id -1"]),
        (np.full((12, 16), 2**31), ["object id 2147483648"]),
    ],
)
def test_labels_that_are_refused(session, tmp_path, labels, words):
    np.save(tmp_path / "labels.npy", labels)
    only_problem(lambda: read_prompts(tmp_path / "labels.npy", session), *words)
    assert not session.objects and not session.can_undo


def test_damaged_files(session, tmp_path, stack):
    tifffile.imwrite(tmp_path / "whole.tif", stack)
    whole = (tmp_path / "whole.tif").read_bytes()
    (tmp_path / "half.tif").write_bytes(whole[: len(whole) // 2])
    Image.fromarray(stack[2]).save(tmp_path / "whole.png")
    (tmp_path / "half.png").write_bytes((tmp_path / "whole.png").read_bytes()[:60])
    np.save(tmp_path / "whole.npy", stack)
    (tmp_path / "half.npy").write_bytes((tmp_path / "whole.npy").read_bytes()[:500])
    np.save(tmp_path / "code.npy", np.array([{}]), allow_pickle=True)
    for name in ("half.tif", "half.png", "half.npy", "code.npy"):
        only_problem(lambda name=name: read_prompts(tmp_path / name, session), "cannot be read")
    for name in ("text.tif", "text.png", "text.npy", "text.zarr"):
        (tmp_path / name).write_text("nothing of the kind")
        only_problem(lambda name=name: read_prompts(tmp_path / name, session), "cannot be read")
    zarr.open_group(tmp_path / "strange.zarr", mode="w").create_array("x", data=stack)
    only_problem(lambda: read_prompts(tmp_path / "strange.zarr", session), "cannot be read")
    assert not session.objects


def test_a_file_of_another_kind(session, tmp_path):
    (tmp_path / "prompts.txt").write_text("hello")
    only_problem(lambda: read_prompts(tmp_path / "prompts.txt", session), ".csv", ".tif")
