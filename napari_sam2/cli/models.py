"""`napari-sam2 models`: which models there are, what each is good for, and how to get it."""

from functools import partial
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from napari_sam2.cli.options import Progress
from napari_sam2.cli.progress import bars

if TYPE_CHECKING:
    from napari_sam2.models.cards import ModelCard

models = App(
    name="models",
    help="""List, describe and download models.

For example:

    napari-sam2 models list
    napari-sam2 models info sam2.1_tiny
    napari-sam2 models download sam2.1_tiny

The bundled model, nano, is there from the start. Any other SAM 2 weights,
such as MedSAM2 or your own fine-tune, are used by their path:

    napari-sam2 track movie.tif --prompts clicks.csv --out results --model my.pt""",
)
Name = Annotated[str, Parameter(help="A name from `napari-sam2 models list`.")]
Mirror = Annotated[
    str | None, Parameter(help="Address of a folder that has the file, instead of its public homes.")
]


@models.command(name="list")
def list_models() -> None:
    """List every model that has a name: size, licence, whether it is here, what it is good for."""
    from napari_sam2.models.cards import CARDS

    rows = [("NAME", "SIZE", "LICENCE", "HERE", "GOOD FOR")]
    rows += [(c.name, _size(c), c.licence, _here(c), c.good_for) for c in CARDS.values()]
    widths = [max(len(row[k]) for row in rows) for k in range(4)]
    for *cells, good_for in rows:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)),
            good_for,
            sep="  ",
        )


@models.command
def info(name: Name, /) -> None:
    """Describe one model: licence, size, checksum, where it comes from and where it lies."""
    from napari_sam2.models.download import weights_path

    card = _card(name)
    lines = [("licence", card.licence), ("size", _size(card)), ("here", _here(card))]
    lines += [("path", str(weights_path(card)))]
    lines += [("sha-256", card.sha256)] if card.sha256 else []
    lines += [("from", url) for url in card.urls]
    print(f"{card.name}: {card.good_for}")
    for key, value in lines:
        print(f"  {key:<8}{value}")


@models.command
def download(name: Name, /, *, mirror: Mirror = None, progress: Progress = None) -> None:
    """Bring a published model to this machine, once; an interrupted download goes on.

    The file is checked against the published SHA-256 and kept in the cache
    folder; NAPARI_SAM2_CACHE names another one. Without a connection, put the
    file by hand where `napari-sam2 models info NAME` says.
    """
    from napari_sam2.models.download import download_weights, weights_path

    card = _card(name)
    if card.urls:
        with bars("B", progress) as show:
            download_weights(card, mirror=mirror, progress=partial(show, card.name))
    print(weights_path(card))


def _card(name: str) -> "ModelCard":
    from napari_sam2.models.cards import CARDS
    from napari_sam2.models.errors import ModelError

    if name not in CARDS:
        raise ModelError(f"there is no model named '{name}': choose one of {', '.join(CARDS)}.")
    return CARDS[name]


def _here(card: "ModelCard") -> str:
    from napari_sam2.models.download import weights_path

    if not weights_path(card).is_file():
        return "no" if card.urls else "missing"
    return "yes" if card.urls else "bundled"


def _size(card: "ModelCard") -> str:
    from napari_sam2.models.download import weights_path

    path = weights_path(card)
    if card.bytes is None and not path.is_file():
        return "?"
    return f"{(card.bytes or path.stat().st_size) / 1e6:.0f} MB"
