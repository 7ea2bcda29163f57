import gc
import itertools
import pickle
import random
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import numpy as np
import pytest

from napari_sam2.errors import ImageWarning, InputError
from napari_sam2.frames import open_frames, video
from napari_sam2.frames.video_file import OpenedVideo

av = pytest.importorskip("av")

OPEN_GOP = {"x264-params": "open-gop=1:keyint=15"}
REFRESH = {"x264-params": "intra-refresh=1:keyint=15"}
KINDS = {
    "b_frames.mp4": {},
    "b_frames.mov": {},
    "b_frames.mkv": {},
    "stream.ts": {},
    "open_gop.mp4": {"options": OPEN_GOP},
    "open_gop.mkv": {"options": OPEN_GOP},
    "no_key_frames.mkv": {"options": REFRESH},
    "vp9.webm": {"codec": "libvpx-vp9"},
    "vp8.webm": {"codec": "libvpx", "options": {"auto-alt-ref": "1", "lag-in-frames": "25"}},
    "mpeg4.mp4": {"codec": "mpeg4"},
    "mpeg4.avi": {"codec": "mpeg4", "base": Fraction(1, 30)},
    "no_times.avi": {"base": Fraction(1, 30)},
    "mpeg2.mpg": {"codec": "mpeg2video", "base": Fraction(1, 30)},
    "pictures.avi": {"codec": "mjpeg", "pixels": "yuvj420p", "base": Fraction(1, 30)},
}


def decoded_in_sequence(path, pixels="rgb24"):
    """What a decoder gives that reads from the beginning to the end and never looks back."""
    exact = av.video.reformatter.Interpolation
    exact = exact.BILINEAR | exact.ACCURATE_RND | exact.BITEXACT
    with av.open(path) as container:
        frames = container.decode(video=0)
        return [frame.to_ndarray(format=pixels, interpolation=exact, threads=1) for frame in frames]


def write_kind(write_video, uneven, path):
    """One of `KINDS`, with a variable frame rate where the container can have one."""
    kind = KINDS[path.name]
    return write_video(path, **({"times": uneven} if "base" not in kind else {}), **kind)


@pytest.mark.filterwarnings("ignore::napari_sam2.errors.ImageWarning")
@pytest.mark.parametrize("name", KINDS)
def test_every_frame_is_that_of_a_sequential_decoder_in_any_order(
    tmp_path, monkeypatch, write_video, uneven, name
):
    monkeypatch.setattr(video, "CACHE_BYTES", 0)
    path = write_kind(write_video, uneven, tmp_path / name)
    expected = decoded_in_sequence(path)
    with open_frames(path) as frames:
        assert frames.shape == (len(expected), 48, 64) == (60, 48, 64)
        there_and_back = [*range(60), *range(59, -1, -1)]
        for index in there_and_back + random.Random(0).choices(range(60), k=60):
            np.testing.assert_array_equal(frames[index], expected[index], err_msg=f"frame {index}")


@pytest.mark.filterwarnings("ignore::napari_sam2.errors.ImageWarning")
def test_every_frame_of_a_variable_frame_rate_is_that_of_an_independent_decoder(
    tmp_path, write_video, uneven
):
    cv2 = pytest.importorskip("cv2")
    path = write_video(tmp_path / "a.mp4", times=uneven)
    capture = cv2.VideoCapture(str(path))
    expected = [capture.read()[1][..., ::-1].astype(np.int16) for _ in uneven]
    assert not capture.read()[0]
    capture.release()
    with open_frames(path) as frames:
        assert len(frames) == len(expected)
        for index in reversed(range(len(expected))):
            differences = [np.abs(frames[index] - other).mean() for other in expected]
            assert np.argmin(differences) == index
            assert (
                differences[index] < 3
            )  # the two turn luminance and chroma into colours a little differently


def test_a_variable_frame_rate_is_told_and_the_step_is_its_mean(tmp_path, write_video, uneven):
    path = write_video(tmp_path / "a.mp4", times=uneven)
    between = np.diff(uneven)
    with pytest.warns(ImageWarning, match=rf"variable frame rate, {between.min()} to {between.max()} ms"):
        frames = open_frames(path)
    assert frames.step == pytest.approx((uneven[-1] - uneven[0]) / 59 / 1000)
    assert (frames.axis, frames.step_unit, frames.pixel_size, frames.kind) == ("t", "s", None, "video (h264)")


def test_a_constant_frame_rate_is_exact(tmp_path, write_video):
    with open_frames(write_video(tmp_path / "a.mkv", base=Fraction(1, 25))) as frames:
        # Matroska keeps whole milliseconds
        assert frames.step == pytest.approx(0.04, abs=1e-4)
        assert (frames.is_rgb, frames.dtype, frames.contrast.high) == (True, np.uint8, (255, 255, 255))
    assert open_frames(tmp_path / "a.mkv", step=2, step_unit="min").step == 2


def test_stepping_back_decodes_each_group_once_for_many_frames(tmp_path, monkeypatch, write_video):
    path = write_video(tmp_path / "a.mp4", options={"x264-params": "keyint=60:min-keyint=60:scenecut=0"})
    frames = open_frames(path)
    decoded = itertools.count()
    decode = OpenedVideo.decode
    monkeypatch.setattr(OpenedVideo, "decode", lambda self: (f for f in decode(self) if next(decoded) >= 0))
    frames.close()
    for index in range(59, -1, -1):
        frames[index]
    assert next(decoded) == 60


def test_what_is_kept_for_stepping_back_is_bounded(tmp_path, monkeypatch, write_video):
    most = 10 * 48 * 64 * 3
    monkeypatch.setattr(video, "CACHE_BYTES", most)
    with open_frames(write_video(tmp_path / "a.mp4")) as frames:
        kept = frames._stack.array._kept
        for index in (59, 3, 30):
            frames[index]
            assert index in kept
            assert (
                sum(plane.buffer_size for frame in kept.values() for plane in frame.planes)
                <= 10 * 48 * 64 * 3
            )


def test_no_more_is_kept_for_stepping_back_than_lies_between_two_key_frames(tmp_path, write_video):
    options = {"x264-params": "keyint=12:min-keyint=12:scenecut=0"}
    with open_frames(write_video(tmp_path / "a.mp4", options=options)) as frames:
        for index in range(40):
            frames[index]
        kept = frames._stack.array._kept
        assert sorted(kept) == list(range(28, 40))


@pytest.mark.parametrize("degrees", [90, 180, -90])
def test_what_was_filmed_turned_is_read_upright(tmp_path, write_video, degrees):
    path = write_video(tmp_path / "a.mp4", rotation=degrees)
    expected = decoded_in_sequence(path)
    with open_frames(path) as frames:
        assert frames.shape[1:] == ((48, 64) if degrees == 180 else (64, 48))
        np.testing.assert_array_equal(frames[7], np.rot90(expected[7], degrees // 90))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grey_values_are_those_that_were_written(tmp_path, write_video, dtype):
    rng = np.random.default_rng(0)
    images = rng.integers(0, np.iinfo(dtype).max, (20, 16, 32)).astype(dtype)
    pixels = "gray" if dtype == np.uint8 else "gray16le"
    path = write_video(tmp_path / "a.mkv", codec="ffv1", pixels=pixels, images=images)
    with open_frames(path) as frames:
        assert (frames.is_rgb, frames.n_channels, frames.dtype) == (False, 1, dtype)
        for index in (19, 3, 11):
            np.testing.assert_array_equal(frames[index][..., 0], images[index])


def test_many_threads_read_what_one_reads(tmp_path, write_video):
    path = write_video(tmp_path / "a.mp4")
    expected = decoded_in_sequence(path)
    with open_frames(path) as frames, ThreadPoolExecutor(8) as pool:
        order = random.Random(0).choices(range(60), k=200)
        for index, image in zip(order, pool.map(frames.__getitem__, order), strict=True):
            np.testing.assert_array_equal(image, expected[index])


def test_a_frame_belongs_to_whoever_asked_for_it(tmp_path, write_video):
    with open_frames(write_video(tmp_path / "a.mp4")) as frames:
        first = frames[5].copy()
        frames[5][:] = 0
        np.testing.assert_array_equal(frames[5], first)


def test_a_video_travels_to_another_process(tmp_path, monkeypatch, write_video):
    write_video(tmp_path / "a.mp4")
    monkeypatch.chdir(tmp_path)
    with open_frames("a.mp4") as frames:
        sent, expected = pickle.dumps(frames), frames[33]
    monkeypatch.chdir(tmp_path.parent)
    with pickle.loads(sent) as received:
        np.testing.assert_array_equal(received[33], expected)


def test_the_file_is_closed_by_close_and_with_the_object(tmp_path, write_video):
    # an open file that is forgotten would be a warning, and so an error
    frames = open_frames(write_video(tmp_path / "a.mp4"))
    frames.close()
    assert frames[3].shape == (48, 64, 3)
    del frames
    gc.collect()
    (tmp_path / "a.mp4").unlink()


# -- what can be wrong with a file ----------------------------------------------------------------


def test_a_truncated_mp4_whose_index_comes_last(tmp_path, write_video):
    path = write_video(tmp_path / "a.mp4")
    path.write_bytes(path.read_bytes()[:2500])
    with pytest.raises(InputError, match=r"a\.mp4 cannot be read as a video .* may be truncated"):
        open_frames(path)


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "libx264"), ("a.mov", "mpeg4"), ("a.avi", "mjpeg")])
@pytest.mark.parametrize("part", [0.6, 0.95])
def test_a_truncated_video_says_how_much_is_there(tmp_path, write_video, name, codec, part):
    pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    front = {} if name == "a.avi" else {"movflags": "faststart"}
    path = write_video(tmp_path / name, codec=codec, pixels=pixels, container=front)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    with pytest.raises(InputError, match=r"is truncated: \d+ of its 60 frames are there"):
        open_frames(path)


def test_a_video_that_ends_before_it_says(tmp_path, write_video):
    path = write_video(tmp_path / "a.mkv", times=np.arange(60) * 200)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.warns(ImageWarning, match=r"ends after .* although it says that it lasts 1[12]"):
        frames = open_frames(path)
    expected = decoded_in_sequence(path)
    assert len(frames) == len(expected) < 60
    np.testing.assert_array_equal(frames[-1], expected[-1])


def test_a_damaged_frame_is_named_and_the_others_are_read(tmp_path, write_video):
    path = write_video(tmp_path / "a.avi", codec="mjpeg", pixels="yuvj420p")
    with av.open(path) as container:
        packet = [packet for packet in container.demux(video=0) if packet.size][50]
        start, size = packet.pos, packet.size
    content = bytearray(path.read_bytes())
    content[start : start + size] = bytes(size)
    path.write_bytes(content)
    with open_frames(path) as frames:
        assert frames[49].shape == frames[51].shape == (48, 64, 3)
        with pytest.raises(InputError, match=r"frame 50 of .*a\.avi cannot be decoded"):
            frames[50]


def test_sound_without_pictures(tmp_path):
    with av.open(tmp_path / "a.mp4", "w") as file:
        stream = file.add_stream("aac", rate=44100, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 44100), np.float32), format="fltp", layout="mono")
        sound.sample_rate = 44100
        file.mux(stream.encode(sound))
        file.mux(stream.encode(None))
    with pytest.raises(InputError, match=r"a\.mp4 has no video stream, only sound"):
        open_frames(tmp_path / "a.mp4")


@pytest.mark.parametrize("content", [b"", b"some text"])
def test_no_video_at_all(tmp_path, content):
    (tmp_path / "a.mkv").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.mkv cannot be read as a video"):
        open_frames(tmp_path / "a.mkv")


def test_frames_of_another_size(tmp_path, write_video):
    first = write_video(tmp_path / "a.ts", times=np.arange(60) * 40)
    small = [np.full((32, 32, 3), 9, np.uint8)] * 10
    second = write_video(tmp_path / "b.ts", times=np.arange(60, 70) * 40, images=small)
    first.write_bytes(first.read_bytes() + second.read_bytes())
    with pytest.raises(InputError, match=r"is 32 x 32 pixels but the first is 48 x 64"):
        open_frames(first)


def test_pyav_is_an_extra(tmp_path, monkeypatch, write_video):
    path = write_video(tmp_path / "a.mp4")
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(
        InputError, match=r"needs the package PyAV; install it with: .*'napari-sam2\[video\]'"
    ):
        open_frames(path)


# -- real videos ----------------------------------------------------------------------------------


def test_a_real_video_shows_the_frames_that_were_exported_from_it(shared_data):
    folder = shared_data / "time_rgb_chair"
    with open_frames(folder / "chair.mp4") as frames, open_frames(folder / "frames") as exported:
        assert (frames.shape, frames.step) == (exported.shape, pytest.approx(1 / 30))
        for index in (59, 0, 30):
            ours = frames[index].astype(np.int16)
            differences = [np.abs(ours - exported[near]).mean() for near in range(len(exported))]
            assert np.argmin(differences) == index
            assert min(differences) < 2


def test_real_videos_are_exact_after_a_jump(shared_data, monkeypatch):
    monkeypatch.setattr(video, "CACHE_BYTES", 0)
    for name, n in (("bedroom.mp4", 200), ("05_default_juggle.mp4", 247)):
        path = shared_data / "video" / name
        with av.open(path) as container:
            expected = next(itertools.islice(container.decode(video=0), 40, None)).to_ndarray()
        with open_frames(path) as frames:
            assert len(frames) == n
            frames[45]
            frames[40]
            with frames._stack.array._lock:
                np.testing.assert_array_equal(frames._stack.array._frame(40).to_ndarray(), expected)
