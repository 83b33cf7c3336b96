"""A child process that answers each line with it, its process id, its variables and its open files."""

import json
import os
import sys


def main() -> None:
    """Answer until the end of input."""
    for line in sys.stdin:
        files = sorted(map(int, os.listdir("/proc/self/fd")))
        told = {"line": line.strip(), "pid": os.getpid(), "names": sorted(os.environ), "files": files}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
