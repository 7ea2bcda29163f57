"""`napari-sam2 demo`: the whole way on a small movie that comes with the package."""


def demo() -> None:
    """Follow objects through a small movie."""
