"""Version of what the database contains: the number of the last migration that was carried out."""

from typing import ClassVar

from beanie import Document
from pymongo import ASCENDING, IndexModel


class SchemaVersion(Document):
    """The one document of its collection; a database without it was never migrated, or is new."""

    of: str = "database"
    version: int

    class Settings:
        """Collection and indexes."""

        name = "schema_versions"
        indexes: ClassVar = [IndexModel([("of", ASCENDING)], unique=True)]
