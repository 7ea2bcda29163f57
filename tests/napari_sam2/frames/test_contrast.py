import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from napari_sam2.errors import InputError
from napari_sam2.frames import Contrast, open_frames
from napari_sam2.frames.contrast import SAMPLED_PIXELS, as_contrast, estimate_contrast, thin_out


def window(values, is_rgb=False):
    contrast = estimate_contrast(values.reshape(-1, 1), is_rgb)
    return contrast.low[0], contrast.high[0]


def noise(shape, mean, seed=0):
    return np.random.default_rng(seed).poisson(mean, shape).astype(np.uint16)


def test_twelve_bits_in_sixteen_use_the_whole_range():
    frames = noise((4, 200, 200), 100)
    frames[:, 50:100, 50:100] = 3000
    rgb = open_frames(frames).rgb(0)
    assert rgb[0, 75, 75] > 0.95
    assert rgb[0, :40].mean() < 0.05


def test_hot_pixels_do_not_set_the_window():
    values = noise((10, 500, 500), 100)
    values[:, 100:200, 100:200] = 800
    values[:, 0, :3] = 65535
    assert window(values)[1] < 1000


def test_rare_cells_on_noise_are_brighter_than_the_noise():
    values = noise((4, 1000, 1000), 100)
    values[:, 500:515, 500:515] = 2000  # 0.02 % of the pixels
    _, high = window(values)
    assert high == pytest.approx(2000, rel=0.1)


def test_mostly_black_frames_show_what_is_in_them():
    values = np.zeros((16, 100, 100), np.uint16)
    values[3, 10:13, 10:13] = 500
    assert window(values) == (0, 500)


@pytest.mark.parametrize("value", [0, 7, 65535])
def test_a_constant_image_is_black(value):
    frames = np.full((3, 8, 8), value, np.uint16)
    assert not open_frames(frames).rgb(1).any()


def test_a_constant_float_image_is_black_whatever_its_size():
    assert not open_frames(np.full((3, 8, 8), -1e30)).rgb(0).any()


def test_a_mask_is_black_and_white():
    frames = np.zeros((3, 100, 100), bool)
    frames[:, :5, :5] = True
    assert set(np.unique(open_frames(frames).rgb(0))) == {0, 1}


def test_eight_bit_colours_are_shown_as_they_are():
    values = np.full((10, 3), 90, np.uint8)
    assert estimate_contrast(values, is_rgb=True) == Contrast((0, 0, 0), (255, 255, 255))


def test_deep_colours_share_one_window():
    colours = np.random.default_rng(0).integers(0, (100, 1000, 4000), (1000, 3)).astype(np.uint16)
    contrast = estimate_contrast(colours, is_rgb=True)
    assert len(set(contrast.low)) == len(set(contrast.high)) == 1


def test_channels_have_windows_of_their_own():
    channels = np.stack([noise(1000, 50), noise(1000, 5000)], axis=1)
    contrast = estimate_contrast(channels, is_rgb=False)
    assert contrast.high[0] < 200 < 4000 < contrast.low[1]


def test_the_window_is_the_same_for_every_frame():
    frames = np.stack([noise((50, 50), mean) for mean in (100, 200, 400)])
    opened = open_frames(frames)
    means = [opened.rgb(frame).mean() for frame in range(3)]
    assert means[0] < 0.5 * means[1] < 0.5 * means[2]


def test_large_frames_are_thinned_out_over_their_whole_area():
    yx = np.indices((3000, 2000)).sum(axis=0)[..., None]
    thin = thin_out(yx)
    assert len(thin) <= SAMPLED_PIXELS
    assert thin.mean() == pytest.approx(yx.mean(), rel=0.01)


def test_one_pair_serves_all_channels():
    assert as_contrast((10, 20), 3) == Contrast((10, 10, 10), (20, 20, 20))
    assert as_contrast([(1, 2), (3, 4)], 2) == Contrast((1, 3), (2, 4))


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ((5, 5), "from 5 to 5 is empty"),
        ((0, np.inf), "is empty"),
        ((1, 2, 3), "not understood"),
        ("bright", "not understood"),
        ([(1, 2), (3, 4), (5, 6)], "3 windows but the image has 2 channels"),
    ],
)
def test_a_contrast_that_makes_no_sense_is_refused(value, sentence):
    with pytest.raises(InputError, match=sentence):
        as_contrast(value, 2)


def test_lows_and_highs_must_pair_up():
    with pytest.raises(InputError, match="2 low and 1 high"):
        Contrast((1, 2), (3,))


@given(
    frames=st_numpy.arrays(
        st.sampled_from([np.uint8, np.uint16, np.int32, np.uint64, np.float32]),
        st.tuples(st.integers(1, 4), st.integers(1, 6), st.integers(5, 6)),
        elements={"min_value": 0, "max_value": 200},
    )
)
def test_what_the_model_sees_is_in_range_and_keeps_the_order_of_values(frames):
    opened = open_frames(frames)
    seen = np.stack([opened.rgb(frame) for frame in range(len(opened))])
    assert seen.dtype == np.float32
    assert seen.shape == (len(frames), 3, *frames.shape[1:])
    assert 0 <= seen.min() and seen.max() <= 1
    ordered = seen[:, 0].ravel()[np.argsort(frames.ravel(), kind="stable")]
    assert (np.diff(ordered) >= 0).all()


@given(low=st.floats(-1e6, 1e6), width=st.floats(1e-3, 1e6), values=st_numpy.arrays(np.float32, (4, 5)))
def test_scaling_clips_to_the_window(low, width, values):
    values = np.nan_to_num(values, posinf=1e30, neginf=-1e30).astype(np.float64)
    contrast = Contrast((low,), (low + width,))
    scaled = contrast.scale(values, 0)
    assert 0 <= scaled.min() and scaled.max() <= 1
    assert (scaled[values <= low] == 0).all()
    assert (scaled[values >= contrast.high[0]] == 1).all()
