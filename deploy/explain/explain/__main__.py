"""`python -m explain`."""

import os
import sys
import traceback

from explain.cli import main

SOFTWARE = 70
"""A defect of this program. Python's own code for it is 1, which would mean "blocked"."""


def run() -> int:
    """Returns the exit code, whatever happens."""
    try:
        code = main(sys.argv[1:])
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # The reader has closed the output; the rest must not fail when Python closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return SOFTWARE
    except KeyboardInterrupt:
        return 130
    except Exception:
        traceback.print_exc()
        return SOFTWARE


if __name__ == "__main__":
    sys.exit(run())
