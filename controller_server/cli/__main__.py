"""`python -m controller_server.cli`: the command without its console script."""

import sys

from . import main

sys.exit(main())
