"""Roles of people, from nobody to admin."""

from enum import IntEnum


class Role(IntEnum):
    """Role of a person; each role may do all that a lower one may."""

    NOBODY = 0
    VIEWER = 1
    RUNNER = 2
    APPROVER = 3
    ADMIN = 4
