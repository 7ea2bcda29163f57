"""Columns of the region table (objects on frames) and of the volume table (objects in depth)."""

from napari_sam2.analysis.column import OBJECT_ID, Column, in_both

FRAME = Column(
    "frame", "1", "Frame (or slice) index along the propagation axis, from 0.", "position", "int64"
)
TIME = Column("time", "{time}", "Time of the frame since frame 0.", "frame × step", axis="t")

_INTENSITY = (
    Column("intensity_mean_{channel}", "intensity", "Mean intensity.", "Σ I / n"),
    Column("intensity_median_{channel}", "intensity", "Median intensity.", "median of I"),
    Column("intensity_std_{channel}", "intensity", "Spread of the intensities.", "√(Σ (I − mean)² / n)"),
    Column("intensity_min_{channel}", "intensity", "Smallest intensity.", "min I"),
    Column("intensity_max_{channel}", "intensity", "Largest intensity.", "max I"),
    Column("intensity_integrated_{channel}", "intensity", "Sum of the intensities.", "Σ I"),
    Column(
        "background_{channel}",
        "intensity",
        "Local background: the median of a ring of background pixels around the object, in each slice for "
        "a volume. NaN where other objects leave no ring.",
        "median of I over pixels reached from the outline in gap + 1 to gap + width steps through background "
        "before any other object reaches them; steps alternate between 4 and 8 neighbours",
    ),
    Column(
        "intensity_corrected_{channel}", "intensity", "Mean intensity above background.", "mean − background"
    ),
    Column(
        "integrated_corrected_{channel}",
        "intensity",
        "Sum of the intensities above background.",
        "Σ I − n × background",
    ),
)

_SECOND_PART = Column(
    "second_part",
    "1",
    "Size of the second largest part against the largest, 0 to 1; NaN for one part.",
    "size / size",
)

_SCORES = (
    Column(
        "predicted_iou",
        "1",
        "The model's own estimate of the mask's IoU, 0 to 1; NaN for masks that come without one.",
        "SAM 2 mask decoder (Ravi et al. 2024, arXiv:2408.00714)",
    ),
    Column(
        "object_score",
        "1",
        "The model's probability that the object is visible, 0 to 1; NaN for masks that come without one.",
        "SAM 2 occlusion head (Ravi et al. 2024, arXiv:2408.00714)",
    ),
)


def _centroids(axes: str) -> tuple[Column, ...]:
    return tuple(
        column
        for axis in axes
        for column in in_both(
            f"centroid_{axis}", 1, f"Centroid along {axis}", f"mean {axis} of the pixels' centres"
        )
    )


def _weighted_centroids(axes: str) -> tuple[Column, ...]:
    return tuple(
        column
        for axis in axes
        for column in (
            Column(
                f"weighted_centroid_{axis}_px_{{channel}}",
                "pixel",
                f"Centre of brightness along {axis}, in pixels; NaN where the intensities sum to 0.",
                f"Σ I {axis} / Σ I",
            ),
            Column(
                f"weighted_centroid_{axis}_{{channel}}",
                "{length}",
                f"Centre of brightness along {axis}, in physical units; NaN where the intensities sum to 0.",
                f"Σ I {axis} / Σ I",
            ),
        )
    )


def _boxes(axes: str) -> tuple[Column, ...]:
    return (
        *(
            Column(f"bbox_{a}0", "pixel", f"First {a} of the bounding box.", f"min {a}", "int64")
            for a in axes
        ),
        *(
            Column(f"bbox_{a}1", "pixel", f"First {a} after the bounding box.", f"max {a} + 1", "int64")
            for a in axes
        ),
    )


def _neighbours(share: str) -> tuple[Column, ...]:
    return (
        Column("neighbours", "1", f"Number of objects that touch it, {share} to {share}.", "count", "int64"),
        *in_both(
            "nearest_distance",
            1,
            "Distance from the object's nearest pixel centre to that of any other object; NaN when alone",
            "min |p − q| over pixels p of the object and q of all others",
        ),
        Column(
            "nearest_object", "1", "Id of the nearest other object; empty when alone.", "arg min", "Int64"
        ),
        Column(
            "contact_fraction",
            "1",
            "Share of the object's outline that touches other objects; outline on the border of the image "
            "does not count.",
            f"size of {share}s shared with other objects / size of all {share}s to another label",
        ),
    )


REGIONS = (
    OBJECT_ID,
    FRAME,
    TIME,
    Column("depth", "{time}", "Depth of the slice below slice 0.", "frame × step", axis="z"),
    *in_both("area", 2, "Area", "number of pixels × pixel area"),
    Column("frame_share", "1", "Share of the frame that the object covers.", "pixels / pixels of the frame"),
    *in_both(
        "convex_area",
        2,
        "Area of the convex hull",
        "pixels centred in the convex hull of the pixels' edge middles (scikit-image `area_convex`)",
    ),
    *in_both(
        "perimeter",
        1,
        "Length of the outline, holes included",
        "Benkrid & Crookes 2000 (scikit-image `perimeter`, 4-neighbourhood), for square pixels: where "
        "they are not, NaN in physical units",
    ),
    *in_both("equivalent_diameter", 1, "Diameter of a disk of the same area", "√(4 area / π)"),
    *in_both(
        "major_axis",
        1,
        "Long axis of the ellipse with the same second moments",
        "4 √λ₁, λ₁ ≥ λ₂ the eigenvalues of the inertia tensor (scikit-image `axis_major_length`)",
    ),
    *in_both(
        "minor_axis",
        1,
        "Short axis of the ellipse with the same second moments",
        "4 √λ₂ (scikit-image `axis_minor_length`)",
    ),
    *in_both(
        "feret_max",
        1,
        "Largest distance between two parallel lines that touch the object",
        "greatest distance of two corners of the convex hull (scikit-image `feret_diameter_max`)",
    ),
    *in_both(
        "feret_min",
        1,
        "Smallest distance between two parallel lines that touch the object",
        "least width of the convex hull, reached along one of its edges (Houle & Toussaint 1988)",
    ),
    Column(
        "orientation",
        "rad",
        "Angle of the long axis from the y axis towards the x axis, −π/2 to π/2; NaN for an object without "
        "a longest direction.",
        "½ atan2(2 μ₁₁, μ₂₀ − μ₀₂) with μ in physical units (scikit-image `orientation`)",
    ),
    Column(
        "eccentricity",
        "1",
        "Elongation of the ellipse with the same second moments: 0 for a circle, towards 1 for a line.",
        "√(1 − λ₂/λ₁) in physical units; 0 for one pixel (scikit-image `eccentricity`)",
    ),
    Column("solidity", "1", "Share of its convex hull that the object fills.", "area / convex area"),
    Column(
        "circularity",
        "1",
        "1 for a disk, less for ragged or long objects; above 1 happens for objects of a few pixels. NaN "
        "where the perimeter is 0 or NaN.",
        "4π area / perimeter² (Cox 1927)",
    ),
    Column(
        "euler_number",
        "1",
        "Number of parts minus number of holes.",
        "8-connected parts (scikit-image `euler_number`)",
        "int64",
    ),
    Column("parts", "1", "Number of separate parts.", "8-connected components", "int64"),
    _SECOND_PART,
    *_centroids("yx"),
    *_boxes("yx"),
    Column(
        "touches_border", "1", "Whether the object reaches the border of the frame.", "bounding box", "bool"
    ),
    *_INTENSITY,
    *_weighted_centroids("yx"),
    *_neighbours("edge"),
    *_SCORES,
)

VOLUMES = (
    OBJECT_ID,
    Column("frame", "1", "Index of the volume in time, from 0.", "position", "int64"),
    TIME,
    *in_both("volume", 3, "Volume", "number of voxels × voxel volume"),
    *in_both(
        "convex_volume",
        3,
        "Volume of the convex hull",
        "voxels centred in the convex hull of the voxels' face middles (scikit-image `area_convex`)",
    ),
    *in_both(
        "surface",
        2,
        "Area of the surface",
        "triangles of the marching cubes at 0.5 (Lewiner et al. 2003; scikit-image `mesh_surface_area`)",
    ),
    *in_both("equivalent_diameter", 1, "Diameter of a ball of the same volume", "(6 volume / π)^(1/3)"),
    *in_both(
        "major_axis",
        1,
        "Longest axis of the ellipsoid with the same second moments",
        "√(10 (λ₁ + λ₂ − λ₃)), λ₁ ≥ λ₂ ≥ λ₃ the eigenvalues of the inertia tensor (scikit-image "
        "`axis_major_length`)",
    ),
    *in_both("middle_axis", 1, "Middle axis of that ellipsoid", "√(10 (λ₁ − λ₂ + λ₃))"),
    *in_both(
        "minor_axis",
        1,
        "Shortest axis of that ellipsoid",
        "√(10 (−λ₁ + λ₂ + λ₃)) (scikit-image `axis_minor_length`)",
    ),
    *in_both(
        "feret_max",
        1,
        "Greatest distance between two points of the object",
        "greatest distance of two corners of the convex hull (scikit-image `feret_diameter_max`)",
    ),
    Column("solidity", "1", "Share of its convex hull that the object fills.", "volume / convex volume"),
    Column(
        "sphericity",
        "1",
        "1 for a ball, less for ragged or long objects.",
        "π^(1/3) (6 volume)^(2/3) / surface (Wadell 1935)",
    ),
    Column(
        "euler_number",
        "1",
        "Parts plus cavities minus tunnels.",
        "26-connected (Ohser et al. 2002; scikit-image `euler_number`)",
        "int64",
    ),
    Column("parts", "1", "Number of separate parts.", "26-connected components", "int64"),
    _SECOND_PART,
    *_centroids("zyx"),
    *_boxes("zyx"),
    Column("touches_border", "1", "Whether the object reaches a face of the stack.", "bounding box", "bool"),
    *_INTENSITY,
    *_weighted_centroids("zyx"),
    *_neighbours("face"),
)
