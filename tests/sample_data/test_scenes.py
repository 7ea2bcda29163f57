"""Windows and clips are what they claim to be: shaped, labelled, repeatable, with ids that last."""

from itertools import pairwise

import pytest
import torch

from napari_sam2.sample_data.scenes import FAMILIES, Clip, generate


def _same(first: Clip, second: Clip) -> bool:
    return torch.equal(first.images_btchw, second.images_btchw) and torch.equal(
        first.labels_bthw, second.labels_bthw
    )


def test_the_same_seed_gives_the_same_windows_and_another_seed_others():
    first = generate(4, frames=2, size=64, seed=3)
    assert _same(first, generate(4, frames=2, size=64, seed=3))
    assert not _same(first, generate(4, frames=2, size=64, seed=4))


def test_the_global_random_state_is_left_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    generate(2, size=64, seed=1)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_gives_stills_and_clips_in_range(family: str):
    for frames, size in ((1, 96), (3, 64)):
        clip = generate(3, frames=frames, size=size, seed=5, families=[family])
        assert clip.family == (family,) * 3
        assert clip.images_btchw.shape == (3, frames, 3, size, size)
        assert clip.images_btchw.dtype == torch.float32
        assert clip.labels_bthw.shape == (3, frames, size, size)
        assert clip.labels_bthw.dtype == torch.int32
        assert bool(clip.images_btchw.isfinite().all())
        assert float(clip.images_btchw.min()) >= 0.0 and float(clip.images_btchw.max()) <= 1.0
        assert int(clip.labels_bthw.min()) >= 0
        assert bool((clip.labels_bthw > 0).flatten(1).any(1).all())


def _contrasts(clip: Clip) -> torch.Tensor:
    """For each still: how outlines, or objects, differ in brightness from what is not."""
    grey, labels = clip.images_btchw.mean(2)[:, 0], clip.labels_bthw[:, 0]
    edge = torch.zeros_like(labels, dtype=torch.bool)
    edge[:, :, 1:] |= labels[:, :, 1:] != labels[:, :, :-1]
    edge[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    contrasts = []
    for image, window, outline in zip(grey, labels > 0, edge, strict=True):
        sides = [(outline, ~outline), (window, ~window)]
        contrasts.append(max(float((image[a].mean() - image[b].mean()).nan_to_num().abs()) for a, b in sides))
    return torch.tensor(contrasts)


@pytest.mark.parametrize("family", FAMILIES)
def test_outlines_can_be_seen_in_the_image(family: str):
    contrasts = _contrasts(generate(24, size=96, seed=6, families=[family]))
    assert float(contrasts.median()) > 0.05
    assert float(contrasts.min()) > 0.0


def test_the_families_asked_for_come_and_no_others():
    wanted = ("phase", "surgical", "electron")
    assert set(generate(24, size=32, seed=1, families=wanted).family) == set(wanted)


def test_all_families_come_by_default():
    assert set(generate(120, size=32, seed=1).family) == set(FAMILIES)


def test_an_unknown_family_is_told_with_the_known_ones():
    with pytest.raises(ValueError, match=r"no family 'nuclei'; the families are .*phase"):
        generate(1, seed=0, families=["nuclei"])


def test_grey_families_have_three_equal_channels_and_surgery_has_colour():
    grey = generate(3, size=64, seed=2, families=["phase"]).images_btchw
    assert torch.equal(grey[:, :, 0], grey[:, :, 1]) and torch.equal(grey[:, :, 0], grey[:, :, 2])
    colour = generate(3, size=64, seed=2, families=["surgical"]).images_btchw
    assert float((colour[:, :, 0] - colour[:, :, 2]).abs().mean()) > 0.01


def test_ids_last_along_a_clip():
    labels = generate(8, frames=6, size=64, seed=7, families=["fluorescence"]).labels_bthw
    overlaps = []
    for clip in labels:
        for before, after in pairwise(clip):
            for i in before[before > 0].unique():
                mask = before == i
                if int(mask.sum()) > 40:
                    overlaps.append(float(((after == i) & mask).sum() / mask.sum()))
    assert sum(o > 0.5 for o in overlaps) / len(overlaps) > 0.8


def test_objects_leave_or_vanish_and_come_back_with_their_id():
    labels = generate(24, frames=10, size=64, seed=8, families=["fluorescence"]).labels_bthw
    returned = 0
    for clip in labels:
        for i in clip[clip > 0].unique():
            there = (clip == i).flatten(1).any(1).int()
            starts = int((there[1:] > there[:-1]).sum()) + int(there[0])
            returned += starts > 1
    assert returned >= 3


def test_more_objects_are_absent_when_asked_for():
    def absent(least: float) -> float:
        labels = generate(32, frames=6, size=48, seed=9, families=("fluorescence",), absent=least).labels_bthw
        shares = []
        for label in range(1, int(labels.max()) + 1):
            there_bt = (labels == label).flatten(2).any(2)
            shares.append(~there_bt[there_bt[:, 0]])
        return float(torch.cat(shares).float().mean())

    assert absent(0.5) > 1.5 * absent(0.0)


def test_noise_is_new_in_every_frame_but_the_scene_stays():
    images = generate(16, frames=2, size=64, seed=9, families=["electron"]).images_btchw[:, :, 0]
    first, second = images[:, 0].flatten(1), images[:, 1].flatten(1)
    assert not torch.equal(first, second)
    alike = torch.stack([torch.corrcoef(torch.stack(pair))[0, 1] for pair in zip(first, second, strict=True)])
    assert float(alike.median()) > 0.3


def test_spans_cover_small_and_large_objects():
    labels = generate(40, size=64, seed=10, families=["fluorescence", "brightfield"]).labels_bthw[:, 0]
    spans = []
    for window in labels:
        widest = 0
        for i in window[window > 0].unique():
            ys, xs = (window == i).nonzero(as_tuple=True)
            widest = max(widest, int(ys.max() - ys.min()) + 1, int(xs.max() - xs.min()) + 1)
        spans.append(widest / 64)
    assert min(spans) < 0.25 and max(spans) > 0.55
