"""TrackMate XML: read by geff's converter, by us, and broken."""

import warnings
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from geff.convert import from_trackmate_xml_to_geff
from skimage.draw import polygon2mask

from napari_sam2.analysis import MeasureError, measure_regions, measure_tracks
from napari_sam2.analysis.exports import read_geff, read_trackmate, write_trackmate


@pytest.fixture
def regions(movie) -> pd.DataFrame:
    return measure_regions(movie, movie, pixel_size=0.5, unit="µm", step=2, step_unit="s")


def test_geff_reads_spots_tracks_and_units(regions, parents, movie, tmp_path):
    path = write_trackmate(regions, tmp_path / "a.xml", parents=parents, labels=movie, image="movie.tif")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it would like more units and a display setting
        from_trackmate_xml_to_geff(path, tmp_path / "a.geff")
        table, lineage = read_geff(tmp_path / "a.geff")
    found = table.sort_values(["frame", "OBJECT_ID"])
    rows = regions.sort_values(["frame", "object_id"])
    np.testing.assert_array_equal(found["OBJECT_ID"], rows["object_id"])
    np.testing.assert_allclose(found[["centroid_y", "centroid_x"]], rows[["centroid_y", "centroid_x"]])
    np.testing.assert_allclose(found["AREA"], rows["area"])
    np.testing.assert_allclose(found["TOTAL_INTENSITY_CH1"], rows["intensity_integrated_ch0"])
    assert table.attrs["napari_sam2"]["step"] == 2
    # Without the ids of the masks the mother ends and has two daughters.
    assert len(set(lineage.values())) == 1 and len(lineage) == 2


def test_tracks_come_back(regions, parents, tmp_path):
    table, lineage = read_trackmate(write_trackmate(regions, tmp_path / "a.xml", parents=parents))
    assert lineage == parents
    pd.testing.assert_frame_equal(
        table[["object_id", "frame", "centroid_y", "centroid_x", "centroid_y_px"]],
        regions[["object_id", "frame", "centroid_y", "centroid_x", "centroid_y_px"]],
    )
    about = {key: table.attrs["napari_sam2"][key] for key in ("pixel_size", "unit", "step", "step_unit")}
    assert about == {"pixel_size": [0.5, 0.5], "unit": "µm", "step": 2.0, "step_unit": "s"}
    speeds = measure_tracks(regions)["mean_speed"]
    np.testing.assert_allclose(measure_tracks(table)["mean_speed"], speeds)


def test_outlines_cover_the_masks(regions, movie, tmp_path):
    root = ElementTree.parse(write_trackmate(regions, tmp_path / "a.xml", labels=movie)).getroot()
    seen = 0
    for spot in root.iter("Spot"):
        corners = np.array(spot.text.split(), float).reshape(-1, 2)[:, ::-1]
        assert len(corners) == int(spot.get("ROI_N_POINTS"))
        middle = [float(spot.get("POSITION_Y")), float(spot.get("POSITION_X"))]
        drawn = polygon2mask((24, 32), (corners + middle) / 0.5)
        mask = movie[int(spot.get("FRAME"))] == int(spot.get("OBJECT_ID"))
        assert (drawn & mask).sum() >= 0.7 * mask.sum() and not (drawn & ~mask).any()
        seen += 1
    assert seen == len(regions)


def test_every_attribute_of_a_spot_is_a_number_as_trackmate_demands(regions, tmp_path):
    regions.loc[0, "intensity_mean_ch0"] = np.nan
    root = ElementTree.parse(write_trackmate(regions, tmp_path / "a.xml")).getroot()
    for spot in root.iter("Spot"):
        assert all(np.isfinite(float(text)) for key, text in spot.attrib.items() if key != "name")
    declared = {feature.get("feature") for feature in root.iter("Feature")}
    assert {key for spot in root.iter("Spot") for key in spot.keys()} - declared == {"ID", "name"}


XML = """<TrackMate version="7"><Model spatialunits="micron" timeunits="sec"><AllSpots>
<SpotsInFrame frame="0"><Spot ID="3" POSITION_X="1" POSITION_Y="2" POSITION_Z="0" VISIBILITY="1"/>
<Spot ID="9" POSITION_X="1" POSITION_Y="2" POSITION_Z="0" VISIBILITY="0"/></SpotsInFrame>
<SpotsInFrame frame="1"><Spot ID="4" POSITION_X="2" POSITION_Y="2"/>
<Spot ID="5" POSITION_X="7" POSITION_Y="2"/>
</SpotsInFrame></AllSpots><AllTracks><Track TRACK_ID="0"><Edge SPOT_SOURCE_ID="4" SPOT_TARGET_ID="3"/></Track>
<Track TRACK_ID="1"><Edge SPOT_SOURCE_ID="3" SPOT_TARGET_ID="5"/></Track></AllTracks>
<FilteredTracks><TrackID TRACK_ID="0"/></FilteredTracks></Model></TrackMate>"""


def test_hidden_spots_and_tracks_stay_out_and_edges_turn_forward(tmp_path):
    (tmp_path / "a.xml").write_text(XML)
    table, parents = read_trackmate(tmp_path / "a.xml")
    assert table[["object_id", "frame"]].to_numpy().tolist() == [[1, 0], [1, 1]] and parents == {}
    assert table["centroid_x"].tolist() == [1, 2] and "centroid_z" not in table
    assert table.attrs["napari_sam2"]["unit"] == "µm" and table.attrs["napari_sam2"]["step_unit"] == "s"


def test_spots_that_no_track_has_are_objects_of_one_frame(tmp_path):
    (tmp_path / "a.xml").write_text(XML.replace('SPOT_SOURCE_ID="3" SPOT_TARGET_ID="5"', ""))
    table, _ = read_trackmate(tmp_path / "a.xml")
    assert table[["object_id", "frame"]].to_numpy().tolist() == [[1, 0], [1, 1], [2, 1]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no xml", "is not XML"),
        ("<a/>", "is not a TrackMate XML"),
        (XML.replace('SPOT_TARGET_ID="3"', 'SPOT_TARGET_ID="9"'), "from spot 4 to 9"),
        (XML.replace('POSITION_X="2"', 'POSITION_X="left"'), "spot 4 has the POSITION_X 'left'"),
        (XML.replace('ID="5" POSITION_X="7"', 'ID="5"'), "spot 5 has no POSITION_X"),
        (XML.replace('ID="5" POSITION_X="7"', 'ID="4" POSITION_X="7"'), "spot 4 is there twice"),
    ],
)
def test_broken_files(tmp_path, text, words):
    (tmp_path / "a.xml").write_text(text)
    with pytest.raises(MeasureError, match=words):
        read_trackmate(tmp_path / "a.xml")


def test_masks_that_do_not_belong_to_the_table(regions, movie, tmp_path):
    with pytest.raises(MeasureError, match="There are 3 label images"):
        write_trackmate(regions, tmp_path / "a.xml", labels=movie[:3])
    assert not list(tmp_path.iterdir())
