"""``python -m headpose_sdk``: the command ``headpose``, of this very interpreter."""

import sys

from headpose_sdk.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
