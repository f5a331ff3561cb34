"""Run the command line: ``python -m convmatrix``."""

import sys

from convmatrix.cli import main

sys.exit(main())
