"""`python -m napari_sam2.models.training --out FILE --minutes N`: train the bundled model."""

import sys

from napari_sam2.models.training.command import main

if __name__ == "__main__":
    sys.exit(main())
