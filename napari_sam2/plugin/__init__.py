"""The widgets in napari: the only place where napari and Qt are imported."""
