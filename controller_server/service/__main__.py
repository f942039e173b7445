"""`python -m controller_server.service`: the server, with the standard library's argument parser alone."""

from __future__ import annotations

import sys

from controller_server.service.server.start import main

sys.exit(main())
