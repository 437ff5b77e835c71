"""The commands of `lateen def`: their arguments and what they say of themselves."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from lateen.cli import forms, options, running


def register(app: typer.Typer) -> None:
    group = typer.Typer(
        help="Write, check, publish and look at definitions: the types of Lateen.",
        no_args_is_help=True,
    )
    group.command("init")(init)
    group.command("vet")(vet)
    group.command("render")(render)
    group.command("apply")(apply)
    group.command("impact")(impact)
    group.command("list")(list_)
    group.command("get")(get)
    group.command("show")(show)
    group.command("edit")(edit)
    group.command("del")(del_)
    group.command("doc-gen")(doc_gen)
    group.command("gen-schema")(gen_schema)
    app.add_typer(group, name="def")


class Type(StrEnum):
    COMPONENT = "component"
    TRAIT = "trait"
    POLICY = "policy"
    STEP = "workflow-step"


class Cloud(StrEnum):
    ALIBABA = "alibaba"
    AWS = "aws"
    AZURE = "azure"
    BAIDU = "baidu"
    ELASTIC = "elastic"
    GCP = "gcp"
    HUAWEI = "huawei"
    TENCENT = "tencent"
    UCLOUD = "ucloud"
    VSPHERE = "vsphere"


class Form(StrEnum):
    CUE = "cue"
    YAML = "yaml"
    JSON = "json"


class FailOn(StrEnum):
    RESTART = "restart"
    CHANGE = "change"


def _types(context: typer.Context, incomplete: str) -> list[str]:
    # imported here: only the shell's completion needs it
    from lateen.cli import completing

    namespace = context.params.get("namespace") or _SYSTEM
    given = context.params.get("kubeconfig") or context.find_root().params.get("kubeconfig")
    return completing.definitions(given, namespace, incomplete)


_SYSTEM = "vela-system"

Targets = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE|DIR|URL|-...",
        help="Definitions as .cue, YAML or JSON; - for standard input.",
    ),
]
Meant = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE|DIR|URL|-|TYPE...",
        help="Definitions as files, or the names of types there are.",
        autocompletion=_types,
    ),
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The definition.", autocompletion=_types)]
Names = Annotated[
    list[str], typer.Argument(metavar="NAME...", help="The definitions.", autocompletion=_types)
]
Kind = Annotated[
    Type | None,
    typer.Option("--type", "-t", help="Its kind, where several have one of that name."),
]
Namespace = Annotated[
    str,
    typer.Option("--namespace", "-n", metavar="NAMESPACE", help="Where the definition is."),
]
Into = Annotated[
    str | None,
    typer.Option(
        "--namespace",
        "-n",
        metavar="NAMESPACE",
        help="Where it goes: that of its file, else vela-system, which all applications see.",
        show_default=False,
    ),
]
To = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE|DIR", help="Write it there, not to the screen."),
]
Gate = Annotated[
    FailOn | None,
    typer.Option(
        "--fail-on",
        help="End with code 1 if pods would restart or objects change, or if an application "
        "could not be delivered any more.",
    ),
]


def init(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The new definition.")],
    kind: Annotated[
        Type | None, typer.Option("--type", "-t", help="What it is; asked for if left out.")
    ] = None,
    description: Annotated[
        str, typer.Option("--desc", "-d", metavar="TEXT", help="What it is for, in a sentence.")
    ] = "",
    template: Annotated[
        str,
        typer.Option(
            "--template-yaml",
            "-f",
            metavar="FILE|URL|-",
            help="The Kubernetes objects it makes. `${name}` in a text is the parameter name.",
        ),
    ] = "",
    parameters: Annotated[
        list[str] | None,
        typer.Option(
            "--parameter",
            "-p",
            metavar="PARAMETER",
            help="`name: type = default // what it is for`, with `name?` optional; several times.",
        ),
    ] = None,
    interactive: Annotated[
        bool, typer.Option("--interactive", "-i", help="Ask for everything that is not given.")
    ] = False,
    local: Annotated[
        str,
        typer.Option(
            "--local",
            metavar="FILE|DIR|URL|-",
            help="A Terraform module, which the definition is to hold.",
        ),
    ] = "",
    git: Annotated[
        str,
        typer.Option("--git", metavar="URL", help="A repository with a Terraform module."),
    ] = "",
    path: Annotated[
        str, typer.Option("--path", metavar="DIR", help="Where in that repository it is.")
    ] = "",
    reference: Annotated[
        str,
        typer.Option(
            "--git-ref",
            metavar="REF",
            help="A tag, a branch or a commit of that repository; branch:NAME where a tag has "
            "that name too. The branch that it shows first by default.",
            show_default=False,
        ),
    ] = "",
    provider: Annotated[
        Cloud | None,
        typer.Option(
            "--provider",
            help="The cloud the module is for: begins the name, and names the Provider to use.",
        ),
    ] = None,
    to: To = None,
) -> None:
    """Write the first draft of a definition.

    Examples: `lateen def init cache -t component -f cache.yaml -p "replicas: int = 1 // How many"
    -o cache.cue` makes a type from a Deployment you have; `lateen def init redis --provider aws
    --local redis.tf` makes one, `aws-redis`, from a Terraform module.
    """
    # imported here: `lateen --help` must not wait for it
    from lateen.api.definition import DefinitionKind
    from lateen.cli.defs import sketching, wrapping

    if local or git or path or reference or provider:
        if bool(local) == bool(git) or ((path or reference) and not git):
            raise typer.BadParameter(
                "a Terraform module is in --local, or in --git with --path and --git-ref"
            )
        if kind not in (None, Type.COMPONENT) or template or parameters or interactive:
            raise typer.BadParameter("a Terraform module makes a component, by its variables alone")
        source = wrapping.Source(provider.value if provider else "", local, git, path, reference)
        running.run(lambda: wrapping.init(name, description, source, to))
        return
    ask = interactive or kind is None
    given = [sketching.parameter(text) for text in parameters or ()]
    chosen = next((each for each in DefinitionKind if kind and each.word == kind.value), None)
    order = sketching.Order(name, chosen, description, template, given, to, ask)
    running.run(lambda: sketching.init(order))


def vet(
    targets: Targets,
    output: options.Format = forms.Output.TABLE,
) -> None:
    """Check definitions, without a control plane: form, template, status expressions.

    Everything that is wrong is shown at once, with file, line and column.

    Example: `lateen def vet definitions/` checks every file below that directory.
    """
    # imported here: `lateen --help` must not wait for it
    from lateen.cli.defs import vets

    code = running.run(lambda: vets.vet(targets, output))
    raise typer.Exit(code)


def render(
    targets: Targets,
    form: Annotated[Form, typer.Option("--to", help="The form to write.")] = Form.YAML,
    to: To = None,
    message: Annotated[
        str, typer.Option("--message", metavar="TEXT", help="A comment on top of each file.")
    ] = "",
) -> None:
    """Turn definitions into Kubernetes objects, or into .cue files again.

    Examples: `lateen def render web.cue` prints YAML; `lateen def render definitions/ -o out/`
    writes a file for each; `lateen def render web.yaml --to cue` goes the other way.
    """
    # imported here: `lateen --help` must not wait for it
    from lateen.cli.defs import vets

    order = vets.Rendering(targets, form.value, to, message)
    running.run(lambda: vets.render(order))


def apply(
    targets: Targets,
    namespace: Into = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only ask the control plane; change nothing.")
    ] = False,
    impact: Annotated[
        bool, typer.Option("--impact", help="Show first what live applications would change to.")
    ] = False,
    fail_on: Gate = None,
    output: options.Format = forms.Output.TABLE,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Publish definitions. Nothing is written before all of them are right.

    A version that exists is never changed: give the new text a new one.

    Example: `lateen def apply web.cue --fail-on restart` publishes it unless pods would restart.
    """
    # imported here: `lateen --help` must not wait for it
    from lateen.cli.defs import impacts, publishing

    gate = impacts.Gate(fail_on.value if fail_on else "")
    order = publishing.Order(targets, namespace, dry_run, impact, gate)
    raise typer.Exit(running.run(lambda: publishing.apply(order, output, kubeconfig)))


def impact(
    targets: Targets,
    namespace: Into = None,
    fail_on: Gate = None,
    output: options.Format = forms.Output.TABLE,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Show what publishing definitions would change in live applications, and change nothing.

    Every application that uses one is rendered with the old and with the new one. What is in a
    Secret is not shown.

    Example: `lateen def impact definitions/ --fail-on restart` in a pipeline.
    """
    # imported here: `lateen --help` must not wait for it
    from lateen.cli.defs import impacts

    order = impacts.Order(targets, namespace, impacts.Gate(fail_on.value if fail_on else ""))
    raise typer.Exit(running.run(lambda: impacts.impact(order, output, kubeconfig)))


def list_(
    namespace: Namespace = _SYSTEM,
    every: options.Everywhere = False,
    kind: Annotated[Type | None, typer.Option("--type", "-t", help="Only of this kind.")] = None,
    output: options.Format = forms.Output.TABLE,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """List the definitions there are."""
    # imported here: `lateen --help` must not wait for it
    from lateen.cli.defs import finding

    where = "" if every else namespace
    running.run(lambda: finding.list_all(where, finding.kind_of(kind), output, kubeconfig))


def get(
    name: Name,
    kind: Kind = None,
    namespace: Namespace = _SYSTEM,
    revisions: Annotated[
        bool, typer.Option("--revisions", help="List its revisions instead.")
    ] = False,
    revision: Annotated[
        str, typer.Option("--revision", "-r", metavar="VERSION", help="As it was in this one: v2.")
    ] = "",
    output: Annotated[
        Form | None,
        typer.Option("--output", "-o", help="cue unless revisions are listed; or yaml, json."),
    ] = None,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Print a definition as the .cue file it may be edited in, or its revisions.

    Examples: `lateen def get web > web.cue`; `lateen def get web --revisions`;
    `lateen def get web -r v2 -o yaml`.
    """
    # imported here: `lateen --help` must not wait for it
    from lateen.cli.defs import finding

    wanted = finding.Wanted(name, finding.kind_of(kind), namespace)
    if not revisions:
        form = (output or Form.CUE).value
        running.run(lambda: finding.get(wanted, revision, form, kubeconfig))
        return
    if output is Form.CUE:
        raise typer.BadParameter("a list of revisions is no CUE", param_hint="--output")
    table = forms.Output(output.value) if output else forms.Output.TABLE
    running.run(lambda: finding.list_revisions(wanted, table, kubeconfig))


def show(
    type_name: Name,
    namespace: Annotated[
        str,
        typer.Option("--namespace", "-n", metavar="NAMESPACE", help="As applications there see."),
    ] = "default",
    output: options.Format = forms.Output.TABLE,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Show the parameters of a type; the same as `lateen show`."""
    # imported here: `lateen --help` must not wait for it
    from lateen.cli import explaining

    order = explaining.Order(type_name, [], namespace)
    running.run(lambda: explaining.show(order, output, kubeconfig))


def edit(
    name: Name,
    kind: Kind = None,
    namespace: Namespace = _SYSTEM,
    impact: Annotated[
        bool, typer.Option("--impact", help="Show first what live applications would change to.")
    ] = False,
    fail_on: Gate = None,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Edit a definition in $VISUAL or $EDITOR and publish it.

    What is wrong leads back to the editor; what you wrote is never lost.
    """
    # imported here: `lateen --help` must not wait for it
    from lateen.cli.defs import editing, finding, impacts, publishing

    wanted = finding.Wanted(name, finding.kind_of(kind), namespace)
    gate = impacts.Gate(fail_on.value if fail_on else "")
    order = publishing.Order([], namespace, False, impact, gate)
    raise typer.Exit(running.run(lambda: editing.edit(wanted, order, kubeconfig)))


def del_(
    definitions: Names,
    kind: Kind = None,
    namespace: Namespace = _SYSTEM,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Even if applications use it, which are named.")
    ] = False,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Delete definitions that no application uses."""
    # imported here: `lateen --help` must not wait for it
    from lateen.cli.defs import finding, publishing

    wanted = [finding.Wanted(name, finding.kind_of(kind), namespace) for name in definitions]
    order = publishing.Removal(wanted, yes, force)
    raise typer.Exit(running.run(lambda: publishing.remove(order, kubeconfig)))


def doc_gen(
    targets: Meant,
    namespace: Annotated[
        str,
        typer.Option("--namespace", "-n", metavar="NAMESPACE", help="As applications there see."),
    ] = "default",
    to: To = None,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Write a page of Markdown about each type.

    Examples: `lateen def doc-gen webservice`; `lateen def doc-gen definitions/ -o docs/types/`.
    """
    # imported here: `lateen --help` must not wait for it
    from lateen.cli.defs import documenting

    order = documenting.Order(targets, namespace, to)
    running.run(lambda: documenting.pages(order, kubeconfig))


def gen_schema(
    targets: Meant,
    namespace: Annotated[
        str,
        typer.Option("--namespace", "-n", metavar="NAMESPACE", help="As applications there see."),
    ] = "default",
    to: To = None,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Write the parameters of each type as an OpenAPI v3 schema in JSON.

    Example: `lateen def gen-schema web.cue -o web.json`.
    """
    # imported here: `lateen --help` must not wait for it
    from lateen.cli.defs import documenting

    order = documenting.Order(targets, namespace, to)
    running.run(lambda: documenting.schemas(order, kubeconfig))
