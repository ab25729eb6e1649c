"""One frozen Settings, read once at the edge from `settings.toml` and `WA_*` variables.

Environment wins over the file; nesting is `__` (`WA_META_CLOUD__APP_SECRET`). Nothing in a
workspace names its own place, so it can be copied or moved.
"""

from __future__ import annotations

import os
import tomllib
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from wa_analytics.errors import SettingsInvalid
from wa_analytics.settings.sections import (
    Alerts,
    AwsSocial,
    Checks,
    Completeness,
    ConsentRules,
    Controls,
    Entity,
    Evidence,
    Imports,
    Infobip,
    Keys,
    MetaCloud,
    RecordClassRule,
    Retention,
    Section,
    Twilio,
    channel_of,
    country_of,
    secret_text,
)

__all__ = [
    "Alerts",
    "AwsSocial",
    "Checks",
    "Completeness",
    "ConsentRules",
    "Controls",
    "Entity",
    "Evidence",
    "Imports",
    "Infobip",
    "Keys",
    "MetaCloud",
    "RecordClassRule",
    "Retention",
    "Settings",
    "Twilio",
    "channel_of",
    "country_of",
    "read_settings",
    "secret_text",
    "unknown_keys",
]

DEFAULT_HOME = "wa-home"


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="WA_", env_nested_delimiter="__", frozen=True, extra="ignore"
    )

    home: Path = Path(DEFAULT_HOME)
    database_url: SecretStr | None = None
    entity: tuple[Entity, ...] = ()
    meta_cloud: MetaCloud = MetaCloud()
    infobip: Infobip = Infobip()
    twilio: Twilio = Twilio()
    aws_social: AwsSocial = AwsSocial()
    imports: Imports = Imports()
    completeness: Completeness = Completeness()
    consent: ConsentRules = ConsentRules()
    retention: Retention = Retention()
    checks: Checks = Checks()
    controls: Controls = Controls()
    alerts: Alerts = Alerts()
    keys: Keys = Keys()
    evidence: Evidence = Evidence()

    @model_validator(mode="after")
    def _nobody_s_twice(self) -> Settings:
        """Or whose a message or consent is would be decided by the order of the companies."""
        for what, owned in (
            ("key", [{one.key} for one in self.entity]),
            ("number (channels)", [set(one.channels) for one in self.entity]),
            ("account (waba_ids)", [set(one.waba_ids) for one in self.entity]),
            (
                "business name",
                [{n.strip().casefold() for n in (one.name, *one.business_names) if n} for one in self.entity],
            ),
        ):
            if len(frozenset().union(*owned)) < sum(map(len, owned)):
                raise ValueError(f"two [[entity]] have the same {what}")
        return self

    @model_validator(mode="after")
    def _topics_are_somebody_s(self) -> Settings:
        known = {name for one in self.entities for name in (one.key, *one.waba_ids, *one.channels)}
        if not known.issuperset(self.aws_social.topics.values()):
            raise ValueError("aws_social.topics names what is no company, account or number of an [[entity]]")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        home = init_settings().get("home", DEFAULT_HOME)
        toml = TomlConfigSettingsSource(settings_cls, toml_file=Path(home) / "settings.toml")
        return init_settings, env_settings, toml

    @property
    def sqlite_file(self) -> Path:
        """The workspace's own database, where no other one is named."""
        return self.home / "wa.db"

    @property
    def database_address(self) -> str:
        """`database_url`, else that of the SQLite file."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.sqlite_file}"

    @cached_property
    def entities(self) -> tuple[Entity, ...]:
        """The group's companies; without any there is one, `default`, that owns everything."""
        return self.entity or (Entity(key="default", name="default"),)

    @cached_property
    def channels(self) -> frozenset[str]:
        """Every company's."""
        return frozenset(channel for entity in self.entities for channel in entity.channels)

    @property
    def has_default_entity(self) -> bool:
        """Whether no company is set, so that one owns everything."""
        return not self.entity

    def entity_by_key(self, key: str) -> Entity | None:
        """The company of that key, or None."""
        return next((entity for entity in self.entities if entity.key == key), None)


def unknown_keys(home: Path) -> list[str]:
    """Keys of `settings.toml` that nothing reads, dotted; a misspelt one is among them."""
    path = home / "settings.toml"
    if not path.is_file():
        return []
    return _unread(tomllib.loads(path.read_text(encoding="utf-8")), Settings, "")


def _unread(given: dict[str, Any], model: type[BaseModel], place: str) -> list[str]:
    found = []
    for key, value in given.items():
        field = model.model_fields.get(key)
        if field is None:
            found.append(place + key)
            continue
        inner = [kind for kind in (field.annotation, *get_args(field.annotation)) if _is_section(kind)]
        for part in value if isinstance(value, list) else [value]:
            if inner and isinstance(part, dict):
                found += _unread(part, inner[0], f"{place}{key}.")
    return list(dict.fromkeys(found))


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Section)


def read_settings(home: Path | str | None = None, **given: Any) -> Settings:
    """Settings of the workspace `home` (default: `WA_HOME`, else `./wa-home`).

    Raises SettingsInvalid with one sentence that names the key, never its value.
    """
    place = Path(home or os.environ.get("WA_HOME") or DEFAULT_HOME)
    try:
        return Settings(home=place, **given)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"]) or "settings"
        told = first["msg"].removeprefix("Value error, ")
        raise SettingsInvalid(
            f"{place / 'settings.toml'} or WA_ environment: {key}: {told}; correct it and try again."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsInvalid(
            f"{place / 'settings.toml'} is not valid TOML ({error}); correct it and try again."
        ) from None
