"""Columns of the tables about when objects are on screen, what they do, and which masks to look at."""

from napari_sam2.analysis.column import OBJECT_ID, Column, in_both

_FRAME = Column("frame", "1", "Frame index, from 0.", "position", "int64")
_FIRST = Column("first_frame", "1", "First frame of the interval.", "min frame", "int64")
_LAST = Column("last_frame", "1", "Last frame of the interval.", "max frame", "int64")
_START = Column("start", "{time}", "Time of the first frame.", "first frame × step")
_END = Column("end", "{time}", "Time at which the last frame ends.", "(last frame + 1) × step")
_DURATION = Column(
    "duration", "{time}", "Length of the interval; every frame counts one step.", "end − start"
)

ACTIVITY = (
    OBJECT_ID,
    _FRAME,
    Column("time", "{time}", "Time of the frame since frame 0.", "frame × step"),
    Column(
        "interval", "1", "Number of the presence interval the frame belongs to, from 1.", "count", "int64"
    ),
    Column("frame_share", "1", "Share of the frame that the object covers.", "pixels / pixels of the frame"),
    Column(
        "speed",
        "{length}/{time}",
        "Speed over a window around the frame, cut at the ends of the interval; NaN for an interval of one "
        "frame.",
        "|r(b) − r(a)| / (t(b) − t(a)), a and b the first and last frame of the window",
    ),
    Column(
        "active",
        "1",
        "Whether the object moves: an estimate from its centroid alone. Empty for an interval of one frame.",
        "diagonal of the box around the centroids in the window > threshold × median equivalent diameter",
        "boolean",
    ),
)

INTERVALS = (
    OBJECT_ID,
    Column("interval", "1", "Number of the interval, from 1.", "count", "int64"),
    _FIRST,
    _LAST,
    _START,
    _END,
    _DURATION,
    Column(
        "enters",
        "1",
        "Whether the object comes in, rather than being there from the start.",
        "first frame",
        "bool",
    ),
    Column(
        "leaves", "1", "Whether the object goes, rather than being there to the end.", "last frame", "bool"
    ),
    Column(
        "enters_at_border", "1", "Whether it touches the border on its first frame.", "bounding box", "bool"
    ),
    Column(
        "leaves_at_border", "1", "Whether it touches the border on its last frame.", "bounding box", "bool"
    ),
    Column(
        "path_length",
        "{length}",
        "Length of the centroid's path in the image. NaN for one frame.",
        "Σ |r(k+1) − r(k)|",
    ),
    Column(
        "mean_speed",
        "{length}/{time}",
        "Mean speed in the image. NaN for one frame.",
        "path length / time between first and last frame",
    ),
    Column(
        "mean_frame_share", "1", "Mean share of the frame that it covers.", "mean over the frames present"
    ),
    Column("active_time", "{time}", "Time during which it moves.", "frames that are active × step"),
)

PRESENCE = (
    OBJECT_ID,
    Column("intervals", "1", "Number of intervals on screen.", "count", "int64"),
    Column("entries", "1", "How often it comes in.", "intervals after the first frame", "int64"),
    Column("exits", "1", "How often it goes.", "intervals that end before the last frame", "int64"),
    Column("time_on_screen", "{time}", "Time on screen.", "frames present × step"),
    Column(
        "share_of_time", "1", "Share of the stack during which it is on screen.", "frames present / frames"
    ),
    Column("path_length", "{length}", "Length of its paths in the image.", "Σ over intervals"),
    Column(
        "mean_speed",
        "{length}/{time}",
        "Mean speed in the image.",
        "path length / time between the first and last frames of the intervals",
    ),
    Column(
        "mean_frame_share", "1", "Mean share of the frame while on screen.", "mean over the frames present"
    ),
    Column("max_frame_share", "1", "Largest share of the frame.", "max over the frames present"),
    Column("active_time", "{time}", "Time during which it moves.", "frames that are active × step"),
    Column(
        "idle_time",
        "{time}",
        "Time during which it is on screen and rests.",
        "frames that are not active × step",
    ),
)

_PAIR = (
    Column("object_a", "1", "Id of the one object, the lower.", "label image", "int64"),
    Column("object_b", "1", "Id of the other object.", "label image", "int64"),
)

CONTACTS = (
    _FRAME,
    *_PAIR,
    *in_both(
        "contact_length", 1, "Length of the pixel edges that both share; 0 when they do not touch", "Σ edges"
    ),
    Column(
        "contact_share_a", "1", "Share of the outline of a that touches b.", "contact length / outline of a"
    ),
    Column(
        "contact_share_b", "1", "Share of the outline of b that touches a.", "contact length / outline of b"
    ),
    Column(
        "box_overlap",
        "1",
        "Overlap of the bounding boxes as a share of the smaller; label images hold no overlap of masks.",
        "area of the intersection / area of the smaller box",
    ),
)

CONTACT_INTERVALS = (
    *_PAIR,
    Column("interval", "1", "Number of the interval of contact, from 1.", "count", "int64"),
    _FIRST,
    _LAST,
    _START,
    _END,
    _DURATION,
    Column("mean_contact_length", "{length}", "Mean length of contact.", "mean over the frames in contact"),
)

QUALITY = (
    OBJECT_ID,
    _FRAME,
    Column("predicted_iou", "1", "The model's own estimate of the mask's IoU; NaN without.", "region table"),
    Column("object_score", "1", "The model's probability that it is visible; NaN without.", "region table"),
    Column(
        "jump",
        "1",
        "How far the centroid moved since the frame before on which the object is present, per frame, in "
        "diameters. NaN on its first frame.",
        "|r(k) − r(k−1)| / frames between / mean equivalent diameter of both",
    ),
    Column(
        "size_change",
        "1",
        "How many times larger or smaller the object became since then; at least 1. NaN on its first frame.",
        "max(A(k), A(k−1)) / min(A(k), A(k−1))",
    ),
    Column("gap", "1", "Frames on which it was absent just before.", "frame − frame before − 1", "int64"),
    Column("parts", "1", "Number of separate parts.", "region table", "int64"),
    Column(
        "second_part", "1", "Size of the second part against the largest; NaN for one part.", "region table"
    ),
    Column("contact_fraction", "1", "Share of the outline that touches other objects.", "region table"),
    Column(
        "box_overlap",
        "1",
        "Largest share of its box that another object's box covers; near 1 for two ids on one object.",
        "max over the others of the area of the intersection / area of its box",
    ),
    Column("problems", "1", "Number of limits that are crossed.", "count", "int64"),
    Column("reasons", "1", "Which ones, in words.", "limits in the parameters of the table", "str"),
)
