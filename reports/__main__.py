"""The drawing process: reads a folder's order, writes charts and report into it; one line of JSON each way.

End of input means that the parent is gone, and so is this process.
"""

import logging
import os
import sys
from pathlib import Path

from reports.charts.draw import draw
from reports.charts.draw_request import Draw, Written, read_draw_request

log = logging.getLogger(__name__)


def answer(folder: Path) -> Written:
    """Draw what is ordered in a folder."""
    request, trials = read_draw_request(folder)
    return draw(request.facts, trials, request.language, folder)


def main() -> None:
    """Answer the parent's lines until they end."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for line in sys.stdin:
        written = answer(Draw.model_validate_json(line).folder)
        try:
            sys.stdout.write(written.model_dump_json() + "\n")
            sys.stdout.flush()
        except BrokenPipeError:  # killed while this drew
            os._exit(0)  # an orderly end would write once more


if __name__ == "__main__":
    main()
