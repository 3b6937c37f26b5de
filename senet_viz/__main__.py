"""The same capabilities without a browser: ``python -m senet_viz COMMAND``; ``--help`` lists the commands."""

import sys

from senet_viz.cli import main

if __name__ == "__main__":
    sys.exit(main())
