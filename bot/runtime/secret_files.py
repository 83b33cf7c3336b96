"""Secrets from files, as container platforms hand them over: NAME_FILE names the file that contains NAME."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource

_ENDING = "_FILE"


class Unreadable:
    """Stands for a secret that cannot be had; the settings refuse it with its reason."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


class SecretFiles(PydanticBaseSettingsSource):
    """Source of settings: the content of the files that `NAME_FILE` names, in the environment or in `.env`."""

    def __init__(self, settings_cls: type[BaseSettings], *sources: PydanticBaseSettingsSource) -> None:
        super().__init__(settings_cls)
        given: dict[str, str] = {}
        for source in reversed(sources):  # the first of them wins
            assert isinstance(source, EnvSettingsSource)
            given |= {name.upper(): value for name, value in source.env_vars.items() if value}
        self._given: Mapping[str, str] = given

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return the secret of a field, and the name of its setting; None where no file is named."""
        name = setting_name(field)
        file = self._given.get(name + _ENDING) if is_secret(field) else None
        if not file:
            return None, name, False
        if self._given.get(name):
            return Unreadable(f"{name} and {name}{_ENDING} are both set: remove one of them"), name, False
        return _content(Path(file), name), name, False

    def __call__(self) -> dict[str, Any]:
        """Return what the files contain, by the names of the settings."""
        found = (self.get_field_value(field, name)[:2] for name, field in self.settings_cls.model_fields.items())
        return {name: value for value, name in found if value is not None}


def setting_name(field: FieldInfo) -> str:
    """Return the name of a field's setting."""
    assert isinstance(field.validation_alias, AliasChoices)
    return str(field.validation_alias.choices[0])


def is_secret(field: FieldInfo) -> bool:
    """Return whether a field holds a secret."""
    return field.annotation == SecretStr | None


def _content(file: Path, name: str) -> str | Unreadable:
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError as failure:
        return Unreadable(f"the file that {name}{_ENDING} names cannot be read: {failure.strerror}")
    except UnicodeDecodeError:
        return Unreadable(f"the file that {name}{_ENDING} names is not text in UTF-8")
