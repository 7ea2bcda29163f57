"""The registry: what is known about each model before a byte of it is read."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

_WEIGHTS = Path(__file__).parent / "weights"
_META = "https://dl.fbaipublicfiles.com/segment_anything_2"
_HUB = "https://huggingface.co/facebook"


@dataclass(frozen=True)
class ModelCard:
    """One model that can be named.

    Attributes
    ----------
    name : str
        What a person types.
    good_for : str
        One line that helps to choose.
    config : str
        Name of the network's sizes in `napari_sam2.models.config.PUBLISHED`, or "nano".
    layout : str
        How the file names its tensors: "meta" (Meta's `.pt`) or "napari-sam2" (our safetensors).
    licence : str
        SPDX identifier of the weights' licence.
    file_name : str
        Name of the weights file, in the package, in the cache folder and on a mirror.
    urls : tuple of str
        Public homes of the same bytes, tried in this order; empty for a bundled model.
    bytes : int or None
        Size of the file; None for a bundled model, whose file is at hand.
    sha256 : str or None
        Checksum of the published file; None for a bundled model.
    """

    name: str
    good_for: str
    config: str
    layout: str
    licence: str
    file_name: str
    urls: tuple[str, ...] = ()
    bytes: int | None = None
    sha256: str | None = None

    @property
    def bundled_path(self) -> Path | None:
        """Where a bundled model's file should lie; None for a model that is downloaded."""
        return None if self.urls else _WEIGHTS / self.file_name


def _published(release: str, size: str, bytes_: int, sha256: str, good_for: str) -> ModelCard:
    # The hub serves the very files of Meta's own server, so one checksum holds for both homes.
    date = {"sam2": "072824", "sam2.1": "092824"}[release]
    file_name = f"{release}_hiera_{size}.pt"
    return ModelCard(
        name=f"{release}_{size}",
        good_for=good_for,
        config=f"{release}_{size}",
        layout="meta",
        licence="Apache-2.0",
        file_name=file_name,
        urls=(
            f"{_META}/{date}/{file_name}",
            f"{_HUB}/{release}-hiera-{size.replace('_', '-')}/resolve/main/{file_name}",
        ),
        bytes=bytes_,
        sha256=sha256,
    )


# Sizes and checksums are those of the public files. J&F figures: the authors' table, SA-V test.
_CARDS = (
    ModelCard(
        name="nano",
        good_for="Bundled: works offline, made for a laptop's processor; small objects in windows.",
        config="nano",
        layout="napari-sam2",
        licence="BSD-3-Clause",
        file_name="nano.safetensors",
    ),
    _published(
        "sam2.1",
        "tiny",
        156_008_466,
        "7402e0d864fa82708a20fbd15bc84245c2f26dff0eb43a4b5b93452deb34be69",
        "The fastest published model, and the one to try first on a laptop; J&F 76.5.",
    ),
    _published(
        "sam2.1",
        "small",
        184_416_285,
        "6d1aa6f30de5c92224f8172114de081d104bbd23dd9dc5c58996f0cad5dc4d38",
        "Nearly as fast as tiny, a little better on long movies; J&F 76.6.",
    ),
    _published(
        "sam2.1",
        "base_plus",
        323_606_802,
        "a2345aede8715ab1d5d31b4a509fb160c5a4af1970f199d9054ccfb746c004c5",
        "The middle way, for a workstation with a GPU; J&F 78.2.",
    ),
    _published(
        "sam2.1",
        "large",
        898_083_611,
        "2647878d5dfa5098f2f8649825738a9345572bae2d4350a2468587ece47dd318",
        "The most accurate and the slowest, for a GPU; J&F 79.5.",
    ),
    _published(
        "sam2",
        "tiny",
        155_906_050,
        "65b50056e05bcb13694174f51bb6da89c894b57b75ccdf0ba6352c597c5d1125",
        "First release, to repeat an earlier analysis; J&F 75.0.",
    ),
    _published(
        "sam2",
        "small",
        184_309_650,
        "95949964d4e548409021d47b22712d5f1abf2564cc0c3c765ba599a24ac7dce3",
        "First release, to repeat an earlier analysis; J&F 74.9.",
    ),
    _published(
        "sam2",
        "base_plus",
        323_493_298,
        "d0bb7f236400a49669ffdd1be617959a8b1d1065081789d7bbff88eded3a8071",
        "First release, to repeat an earlier analysis; J&F 74.7.",
    ),
    _published(
        "sam2",
        "large",
        897_952_466,
        "7442e4e9b732a508f80e141e7c2913437a3610ee0c77381a66658c3a445df87b",
        "First release, to repeat an earlier analysis; J&F 76.0.",
    ),
)

CARDS: Mapping[str, ModelCard] = MappingProxyType({card.name: card for card in _CARDS})
"""Every model that has a name, the bundled one first. A fine-tune is loaded by its path instead."""
