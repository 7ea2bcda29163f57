import pytest

from napari_sam2.frames.tiff_metadata import parse_ome

OME = """<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">
<Image ID="Image:0"><Pixels SizeT="3" {attributes}>
<Channel ID="c0" Name="DAPI"/><Channel ID="c1" Name="GFP"/>{planes}</Pixels></Image></OME>"""


def parse(attributes="", planes=""):
    return parse_ome(OME.format(attributes=attributes, planes=planes))


def test_sizes_have_the_standards_own_units_where_none_is_written():
    spacing = parse('PhysicalSizeX="0.1" PhysicalSizeY="0.2" PhysicalSizeZ="0.5" TimeIncrement="30"').spacing
    assert spacing == {"x": (0.1, "µm"), "y": (0.2, "µm"), "z": (0.5, "µm"), "t": (30, "s")}


def test_units_are_read():
    spacing = parse(
        'PhysicalSizeX="65" PhysicalSizeXUnit="nm" TimeIncrement="2" TimeIncrementUnit="min"'
    ).spacing
    assert spacing == {"x": (65, "nm"), "t": (2, "min")}


@pytest.mark.parametrize(
    "attributes",
    [
        "",
        'PhysicalSizeX="0"',
        'PhysicalSizeX="-1"',
        'PhysicalSizeX="wide"',
        'PhysicalSizeX="inf"',
        'PhysicalSizeX="1" PhysicalSizeXUnit="pixel"',
        'TimeIncrement="0"',
    ],
)
def test_what_is_not_known_is_not_invented(attributes):
    assert parse(attributes).spacing == {}


def test_the_interval_is_measured_where_every_plane_says_when_it_was_taken():
    planes = "".join(
        f'<Plane TheC="{c}" TheZ="0" TheT="{t}" DeltaT="{seconds + c}" DeltaTUnit="s"/>'
        for t, seconds in ((1, 11.0), (0, 0.0), (2, 20.0))
        for c in (0, 1)
    )
    assert parse(planes=planes).spacing == {"t": (10, "s")}
    assert parse(planes=planes[: planes.index("/>") + 2]).spacing == {}


def test_channel_names():
    assert parse().channel_names == ("DAPI", "GFP")


@pytest.mark.parametrize("xml", ["<OME", "<OME/>", "<OME><Image/></OME>", ""])
def test_broken_metadata_say_nothing(xml):
    assert parse_ome(xml).spacing == {}
