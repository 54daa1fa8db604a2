"""`python -m adain_nodes` is `adain-nodes`; torchrun starts it that way."""

import sys

from .cli import main

sys.exit(main())
