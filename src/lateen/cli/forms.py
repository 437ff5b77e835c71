"""Words that options take: forms of output, and kinds of what is meant."""

from __future__ import annotations

from enum import StrEnum


class Output(StrEnum):
    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


class Workflows(StrEnum):
    APP = "app"
    WORKFLOW = "workflow"


class Differences(StrEnum):
    DIFF = "diff"
    JSON = "json"
    YAML = "yaml"


class Manifests(StrEnum):
    YAML = "yaml"
    JSON = "json"


class Adoption(StrEnum):
    NATIVE = "native"
    HELM = "helm"


class Mode(StrEnum):
    READ_ONLY = "read-only"
    TAKE_OVER = "take-over"
