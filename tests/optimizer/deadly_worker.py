"""A worker that gets ready and dies of every study."""

import os
import sys

from optimizer.studies.worker_messages import Ready, encode


def main() -> None:
    """Say that it is ready; end at the first question."""
    sys.stdin.readline()
    sys.stdout.write(encode(Ready()) + "\n")
    sys.stdout.flush()
    sys.stdin.readline()
    os._exit(9)


if __name__ == "__main__":
    main()
