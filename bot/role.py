"""The roles a person can have, from nobody to admin."""

from enum import IntEnum


class Role(IntEnum):
    """What a person may do; each role may do all that a smaller one may."""

    NOBODY = 0
    VIEWER = 1
    RUNNER = 2
    APPROVER = 3
    ADMIN = 4
