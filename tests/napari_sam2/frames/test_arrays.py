import dask.array
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_sam2.errors import InputError
from napari_sam2.frames import open_frames


def test_a_dask_array_is_read_one_frame_at_a_time():
    loaded = []

    def load(block_info=None):
        loaded.append(block_info[None]["chunk-location"][0])
        return np.full((1, 8, 9), loaded[-1], np.uint8)

    lazy = dask.array.map_blocks(load, chunks=((1,) * 100, (8,), (9,)), dtype=np.uint8)
    frames = open_frames(lazy)
    loaded.clear()
    assert (frames[37] == 37).all()
    assert loaded == [37]


def test_a_frame_of_an_array_in_memory_is_not_copied():
    tyx = np.zeros((5, 8, 9), np.uint16)
    assert np.shares_memory(open_frames(tyx)[2], tyx)


def test_foreign_byte_order_is_turned():
    tyx = np.arange(360, dtype=">u2").reshape(5, 8, 9)
    frames = open_frames(tyx)
    assert frames.dtype.isnative and frames[1].dtype == np.uint16
    np.testing.assert_array_equal(frames[1][..., 0], tyx[1])


def test_an_array_of_another_kind_of_type_is_refused():
    class Tensor:
        shape = (5, 8, 9)
        dtype = "bfloat16"

        def __getitem__(self, key):
            raise NotImplementedError

    with pytest.raises(InputError, match="numpy does not know"):
        open_frames(Tensor())


@given(
    shape=st.tuples(st.integers(1, 5), st.integers(1, 4), st.integers(2, 6), st.integers(5, 6)),
    dtype=st.sampled_from(["uint8", "uint16", "int16", "float32", "float64"]),
)
def test_frames_of_stacks_with_channels_are_the_arrays_own(shape, dtype):
    tcyx = np.random.default_rng(0).integers(0, 99, shape).astype(dtype)
    frames = open_frames(tcyx)
    assert len(frames) == shape[0]
    for index in range(len(frames)):
        np.testing.assert_array_equal(frames[index], tcyx[index].transpose(1, 2, 0))
