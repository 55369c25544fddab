"""``python -m headpose_sdk``: the command ``headpose``, of this very interpreter."""

import sys

from headpose_sdk.cli.main import main

sys.exit(main())
