"""Zarr arrays and groups, here or far away, and OME-Zarr images 0.4 and 0.5 (their full resolution)."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from napari_sam2.errors import InputError
from napari_sam2.frames.arrays import ArrayReader
from napari_sam2.frames.axes import bare_letters
from napari_sam2.frames.base import Stack
from napari_sam2.frames.units import physical_unit

MARKERS = ("zarr.json", ".zarray", ".zgroup")


def is_zarr_folder(path: Path) -> bool:
    """Whether a folder is a zarr array or group."""
    return any((path / marker).is_file() for marker in MARKERS)


def read_zarr_folder(path: Path) -> Stack:
    """Describe a zarr array or group on disk.

    Raises
    ------
    InputError
        It holds no image, several, or broken metadata.
    """
    import zarr

    try:
        node = zarr.open(str(path.absolute()), mode="r")
    except Exception as error:  # a broken file ends in errors of many kinds
        raise InputError(f"{path} cannot be opened as Zarr ({error}); copy or export it again") from error
    stack = read_zarr(node, str(path))
    stack.name = path.resolve().name.removesuffix(".zarr").removesuffix(".ome")
    stack.source = str(path)
    return stack


def read_zarr_address(address: str) -> Stack:
    """Describe a zarr array or group behind an address that fsspec knows, such as https:// or s3://.

    Secrets that a store asks for are found where fsspec looks for them: its configuration files and the
    environment.

    Raises
    ------
    InputError
        It cannot be reached, is not Zarr, holds no image, several, or broken metadata.
    """
    import zarr

    try:
        node = zarr.open(address, mode="r")
    except ImportError as error:
        raise InputError(
            f"{address} needs a package that is not installed ({error}); "
            "what http and s3 need comes with: pip install 'napari-sam2[remote]'"
        ) from error
    except Exception as error:  # each kind of store has its own kinds of error
        raise InputError(
            f"{address} cannot be opened as Zarr ({error or type(error).__name__}); check the address and "
            "the connection, and download images of other kinds first"
        ) from error
    stack = read_zarr(node, address)
    stack.name = address.rstrip("/").rpartition("/")[2].removesuffix(".zarr").removesuffix(".ome")
    stack.source = address
    return stack


def read_zarr(node: Any, where: str = "the zarr array") -> Stack:
    """Describe a zarr array or group that is open, or the store of one."""
    import zarr
    from zarr.abc.store import Store

    if isinstance(node, Store):
        node = zarr.open(node, mode="r")
    attributes = dict(node.attrs)
    attributes = attributes.get("ome", attributes)  # where format 0.5 keeps them
    if hasattr(node, "shape"):
        return _plain(node, where)
    if "multiscales" in attributes:
        return _multiscale(node, attributes, where)
    return _only_member(node, where)


def _plain(array: Any, where: str) -> Stack:
    reader = ArrayReader(array)
    names = getattr(array.metadata, "dimension_names", None) or array.attrs.get("_ARRAY_DIMENSIONS")
    letters = bare_letters(reader.shape, reader.dtype)
    if names and len(names) == len(reader.shape):
        named = _letters(names)
        letters = named if {"Y", "X"} <= set(named) else letters
    return Stack(reader, letters, name="image", where=where, kind="Zarr array")


def _multiscale(group: Any, attributes: dict[str, Any], where: str) -> Stack:
    try:
        multiscale = attributes["multiscales"][0]
        level = multiscale["datasets"][0]
        array = group[level["path"]]
        axes = [axis if isinstance(axis, dict) else {"name": axis} for axis in multiscale["axes"]]
        letters = _letters([_axis_name(axis) for axis in axes])
        scales = _scales(level, len(axes)), _scales(multiscale, len(axes))
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise InputError(
            f"{where} has broken OME-Zarr metadata ({type(error).__name__}: {error}); "
            "give the path of its array and its axes, or export it again"
        ) from error
    reader = ArrayReader(array)
    if len(letters) != len(reader.shape):
        raise InputError(
            f"{where} names {len(letters)} axes but its array has {len(reader.shape)} dimensions; "
            "give the path of its array and its axes, or export it again"
        )
    spacing = {}
    for letter, axis, size, factor in zip(letters.lower(), axes, *scales, strict=True):
        unit = physical_unit(axis.get("unit"))
        if letter in "tzyx" and unit is not None and size is not None and size * (factor or 1) > 0:
            spacing[letter] = (size * (factor or 1), unit)
    channels = attributes.get("omero", {}).get("channels", [])
    names = [str(channel.get("label", "")) for channel in channels if isinstance(channel, dict)]
    return Stack(
        reader,
        letters,
        name="image",
        where=where,
        spacing=spacing,
        channel_names=names,
        kind=f"OME-Zarr {attributes.get('version', multiscale.get('version', ''))}".strip(),
    )


def _only_member(group: Any, where: str) -> Stack:
    """The one image of a group that says nothing of itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zarr warns of files in the folder that are not its own
        members = dict(group.members())
    # bioformats2raw numbers its images and puts their description beside them
    members = {name: member for name, member in members.items() if name != "OME"}
    if len(members) == 1:
        ((name, member),) = members.items()
        return read_zarr(member, f"{where}/{name}")
    if not members:
        raise InputError(f"{where} is a Zarr group without an array; give the path of an image")
    listed = ", ".join(sorted(members))
    raise InputError(
        f"{where} holds several images ({listed}); give the path of one, such as {where}/{min(members)}"
    )


def _axis_name(axis: dict[str, Any]) -> str:
    """The kind of an axis counts before what it is called."""
    return {"time": "t", "channel": "c"}.get(axis.get("type", ""), str(axis["name"]))


def _letters(names: Sequence[str | None]) -> str:
    """First letters of axis names; those without a name, or with that of another, are unknown."""
    letters = ""
    for name in names:
        letter = (name or "Q")[0].upper()
        letters += letter if letter.isalpha() and letter not in letters else "Q"
    return letters


def _scales(described: dict[str, Any], n_axes: int) -> list[float | None]:
    """The scale along each axis among the coordinate transformations, None where there is none."""
    for transformation in described.get("coordinateTransformations", []):
        if transformation["type"] == "scale":
            scale = [float(value) for value in transformation["scale"]]
            if len(scale) != n_axes:
                raise ValueError(f"{len(scale)} scales for {n_axes} axes")
            return list(scale)
    return [None] * n_axes
