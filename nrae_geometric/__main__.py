"""``python -m nrae_geometric`` is the command ``nrae``."""

import sys

from nrae_geometric.cli import main

if __name__ == "__main__":
    sys.exit(main())
