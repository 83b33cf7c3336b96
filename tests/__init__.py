"""The tests, and what they need besides the three packages."""

import os

#: Importing raptorbt, an engine to compare with, would ask the network for a newer version.
os.environ["RAPTORBT_NO_VERSION_CHECK"] = "1"
