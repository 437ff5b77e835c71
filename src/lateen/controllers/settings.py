"""What an operator may set of the controllers, and of a standalone node. Read once at the start,
then handed in.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lateen.base import documents, suggest
from lateen.base.documents import Document
from lateen.base.problem import Position, Problem, raise_any

FILE = "settings.yaml"  # in the data directory of a standalone control plane
_PREFIX = "LATEEN_"

Logs = Literal["text", "json"]
Events = Literal["failures", "outcome", "all"]
Local = Literal["standalone", "always", "never"]
Kept = Annotated[int, Field(ge=0)]


class Settings(BaseModel):
    """Every setting with its default; docs/reference/settings.md lists them, a test compares."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    strict_parameters: bool = Field(
        default=False,
        description="A parameter that a type does not have is an error, not a warning.",
    )
    strict_traits: bool = Field(
        default=False,
        description="A trait that does not apply to its component, or conflicts with another "
        "trait there, is an error, not a warning.",
    )
    application_revisions: Kept = Field(
        default=10,
        description="How many revisions of an application are kept beside the latest.",
    )
    definition_revisions: Kept = Field(
        default=20,
        description="How many revisions of a definition are kept beside the latest; those that "
        "applications pin do not count as spare.",
    )
    workflow_timeout_hours: float = Field(
        default=0,
        ge=0,
        description="How long a workflow may take before it fails, pauses included; 0 for any "
        "time. What it runs then times out, what has not begun is skipped unless by its `if`.",
    )
    step_retries: Kept = Field(
        default=10,
        description="How often a step that fails is tried again before it is given up.",
    )
    workflow_runs: Kept = Field(
        default=0,
        description="How many finished WorkflowRuns of one Workflow, or of one "
        "`pipeline.oam.dev/name`, are kept; 0 for all.",
    )
    workflow_run_days: float = Field(
        default=0,
        ge=0,
        description="How many days finished WorkflowRuns are kept; 0 for ever. The last one of a "
        "Workflow or pipeline stays.",
    )
    listen_address: str = Field(
        default="127.0.0.1",
        description="The address where the controllers serve `/metrics`, `/healthz` and `/readyz`.",
    )
    listen_port: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="The port for that; 0 for any that is free (`lateen server status` shows it).",
    )
    log_format: Logs = Field(
        default="text",
        description="How the controllers write their log: `text` for people, or one `json` object "
        "a line, with application, namespace, revision and step in fields.",
    )
    tracing_endpoint: str = Field(
        default="",
        description="Where traces of the controllers' work are sent, as in "
        "`http://127.0.0.1:4318/v1/traces` (OTLP over HTTP; needs `lateen[tracing]`); nowhere when "
        "empty.",
    )
    events: Events = Field(
        default="outcome",
        description="Which Kubernetes events an application gets: `failures` only, also the "
        "`outcome` of each workflow, or one for each stage (`all`).",
    )
    recycle_days: Annotated[float, Field(ge=0)] = Field(
        default=7,
        description="For how many days objects that were deleted are kept for `lateen undelete`; "
        "0 keeps none.",
    )
    recycle_secrets: bool = Field(
        default=False, description="Whether deleted Secrets are kept as well."
    )
    cluster_timeout: Annotated[float, Field(gt=0)] = Field(
        default=10,
        description="Seconds that one request to a joined cluster may take.",
    )
    cluster_interval: Annotated[float, Field(gt=0)] = Field(
        default=30,
        description="Seconds between two looks at whether a joined cluster answers; one that does "
        "not is looked at more often, and so is one that a request to failed.",
    )
    deletion_limit: Kept = Field(
        default=20,
        description="How many objects that an application no longer declares may be deleted at "
        "once. More stay until that is allowed: `lateen up --allow-delete N`. The annotation "
        "`lateen.dev/deletion-limit` of an application comes before it.",
    )
    spare_data: bool = Field(
        default=True,
        description="Leave what holds data (PersistentVolumeClaims, PersistentVolumes, "
        "Namespaces, CustomResourceDefinitions) when an application no longer declares it, or is "
        'deleted, unless it is annotated `lateen.dev/delete-data: "true"`.',
    )
    local_sources: Local = Field(
        default="standalone",
        description="Whether charts and directories of manifests may be paths of the control "
        "plane's machine: `always`, `never`, or on a `standalone` control plane only, whose users "
        "are on that machine anyway.",
    )

    terraform_program: str = Field(
        default="",
        description="The Terraform or OpenTofu to run, by name or path. Left out: `terraform` or "
        "`tofu` from PATH, else the library that `pip install lateen[terraform]` brings.",
    )
    terraform_rc: str = Field(
        default="",
        description="A file with settings of Terraform's command line, such as mirrors of "
        "providers; none if left out.",
    )
    terraform_runs: Annotated[int, Field(ge=1)] = Field(
        default=4, description="How many Terraform runs may be under way at once."
    )
    terraform_minutes: Annotated[float, Field(gt=0)] = Field(
        default=60, description="For how many minutes a Terraform command may run."
    )
    terraform_drift_minutes: Annotated[float, Field(ge=0)] = Field(
        default=30,
        description="How many minutes pass between two looks whether cloud resources are still "
        "as declared; 0 looks never.",
    )

    image_keep_hours: Annotated[float, Field(ge=0)] = Field(
        default=24,
        description="For how many hours the standalone node keeps an image that it pulled and that "
        "no container is made from.",
    )
    image_disk_percent: Annotated[float, Field(ge=0)] = Field(
        default=85,
        description="From how many percent of the container engine's disk on such images go "
        "earlier, those unused for longest first; more than 100 for never.",
    )
    process_pids: Annotated[int, Field(ge=0)] = Field(
        default=4096,
        description="How many processes and threads a container of a process pod may have on the "
        "standalone node, where the kernel can be told; 0 for any number.",
    )


DEFAULTS = Settings()


def load(file: Path | None, environment: Mapping[str, str]) -> Settings:
    """The settings of a YAML file and of `LATEEN_*` variables, which come before the file.

    Raises:
        Problem | Problems: `settings.file` when it cannot be read, `settings.unknown` and
            `settings.value` for everything that is wrong in it, with file, line and field.
    """
    document = _read(file) if file is not None else None
    given: Mapping[str, Any] = document.data if document else {}
    problems = [_explain(error, document) for error in _errors(given, strict=True)]
    problems.sort(key=lambda problem: [each.line for each in problem.positions])
    wanted = {
        name: environment[_PREFIX + name.upper()]
        for name in Settings.model_fields
        if environment.get(_PREFIX + name.upper())
    }
    problems += [_explain(error, None) for error in _errors(wanted, strict=False)]
    raise_any(problems)
    return Settings.model_validate({**given, **wanted})


def _read(file: Path) -> Document | None:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise Problem("settings.file", f"{file} cannot be read: {reason}") from error
    found = documents.load(text, str(file))
    if not found:
        return None
    if len(found) > 1 or not isinstance(found[0].data, dict):
        raise Problem(
            "settings.file",
            "settings are one map of names to values",
            positions=(found[-1].position("") or Position(str(file), 1, 1),),
            hint="write lines such as strict_parameters: true",
        )
    return found[0]


def _errors(given: Mapping[str, Any], *, strict: bool) -> list[Any]:
    try:
        Settings.model_validate(given, strict=strict)
    except ValidationError as error:
        return list(error.errors())
    return []


def _explain(error: Mapping[str, Any], document: Document | None) -> Problem:
    """What the validation says, as the operator wrote it: a line of a file, or a variable."""
    name = str(error["loc"][0])
    where = document.position((name,)) if document else None
    positions = (where,) if where else ()
    if error["type"] == "extra_forbidden":
        near = suggest.nearest(name, Settings.model_fields)
        known = f"there are: {', '.join(Settings.model_fields)}"
        return Problem(
            "settings.unknown", f'there is no setting "{name}"', name, positions, near or known
        )
    said = name if document else _PREFIX + name.upper()
    value = error["input"]
    found = f'"{value}"' if isinstance(value, str) else str(value).lower()
    message = f"expected {_expected(name)}, found {found}"
    return Problem("settings.value", message, said, positions)


def _expected(name: str) -> str:
    annotation = Settings.model_fields[name].annotation
    if annotation is bool:
        return "true or false"
    if annotation is str:
        return "a text"
    if annotation is int:
        return "a whole number that is not negative"
    if annotation is str:
        return "a text"
    if annotation is float:
        return "a number that is not negative"
    return f"one of {', '.join(get_args(annotation))}"
