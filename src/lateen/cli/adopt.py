"""`lateen adopt`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from lateen.cli import forms, options, running

if TYPE_CHECKING:
    from lateen.cli import assembling


def register(app: typer.Typer) -> None:
    app.command("adopt")(adopt)


def adopt(
    named: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KIND/NAME...|RELEASE|KIND...",
            help="Objects as KIND/NAME or KIND/NAMESPACE/NAME; with --type helm the name of a "
            "release; with --all kinds, which are Deployments, StatefulSets and DaemonSets "
            "otherwise.",
            show_default=False,
        ),
    ] = None,
    namespace: Annotated[
        str,
        typer.Option(
            "--namespace",
            "-n",
            metavar="NAMESPACE",
            help="Where they are, and the application will be.",
        ),
    ] = "default",
    all_: Annotated[
        bool,
        typer.Option(
            "--all",
            help="An application for each release of the namespace, or for each workload with what "
            "belongs to it. What is adopted already is left alone.",
        ),
    ] = False,
    everywhere: Annotated[
        bool,
        typer.Option(
            "--all-namespaces", "-A", help="--all of all namespaces but those of Kubernetes itself."
        ),
    ] = False,
    cluster: Annotated[
        str,
        typer.Option(
            "--cluster",
            metavar="CLUSTER",
            help="What is in this joined cluster; the application is of the control plane.",
            show_default=False,
            autocompletion=options.cluster_names,
        ),
    ] = "",
    home: Annotated[
        str,
        typer.Option(
            "--app-namespace",
            metavar="NAMESPACE",
            help="Where the application will be; where the objects are by default.",
            show_default=False,
        ),
    ] = "",
    kind: Annotated[
        forms.Adoption,
        typer.Option("--type", "-t", help="What is adopted.", case_sensitive=False),
    ] = forms.Adoption.NATIVE,
    mode: Annotated[
        forms.Mode,
        typer.Option(
            "--mode",
            "-m",
            help="read-only: whoever manages them goes on to; take-over: the application does.",
            case_sensitive=False,
        ),
    ] = forms.Mode.READ_ONLY,
    app_name: Annotated[
        str,
        typer.Option(
            "--app-name",
            metavar="NAME",
            help="Name of the application; that of the release or the first object by default.",
        ),
    ] = "",
    chart: Annotated[
        str,
        typer.Option(
            "--chart",
            metavar="CHART",
            help="Render the release from this chart from now on: a name with --repo-url, an "
            "address, oci://, or a directory. Without it its objects are declared one by one.",
        ),
    ] = "",
    repo_url: Annotated[
        str, typer.Option("--repo-url", metavar="URL", help="The repository of --chart.")
    ] = "",
    chart_version: Annotated[
        str,
        typer.Option(
            "--chart-version", metavar="VERSION", help="That of --chart; the release's by default."
        ),
    ] = "",
    driver: Annotated[
        str,
        typer.Option(
            "--driver",
            "-d",
            metavar="secret|configmap",
            help="How Helm stores its releases; $HELM_DRIVER by default, else secret.",
            show_default=False,
        ),
    ] = "",
    template: Annotated[
        str,
        typer.Option(
            "--adopt-template",
            metavar="FILE",
            help="CUE that makes the application: #Adopt with $args and $returns, as for KubeVela.",
            show_default=False,
        ),
    ] = "",
    rules: Annotated[
        str,
        typer.Option(
            "--resource-topology-rule",
            metavar="FILE",
            help="CUE that says what belongs to a workload for --all: rules with peerResources, "
            "as for KubeVela.",
            show_default=False,
        ),
    ] = "",
    apply: Annotated[
        bool, typer.Option("--apply", help="Deliver the application, instead of printing it.")
    ] = False,
    recycle: Annotated[
        bool,
        typer.Option(
            "--recycle", help="After --apply: delete what Helm has stored of the release."
        ),
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask, also on a terminal.")
    ] = False,
    output: Annotated[
        forms.Manifests,
        typer.Option("--output", "-o", help="How to print the application.", case_sensitive=False),
    ] = forms.Manifests.YAML,
    timeout: options.Timeout = "5m",
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Make an application out of objects that are there, or of a release of Helm.

    Nothing is restarted or changed by it but labels. It is printed; --apply delivers it. With --all
    many are made, and said before: what cannot be adopted holds up nothing else.
    """
    # imported here: `lateen --help` must not wait for it
    from lateen.cli import adopting, assembling, proposing

    helm = kind is forms.Adoption.HELM
    where = assembling.Chart(chart, repo_url, chart_version) if chart else None
    _refuse_senseless(helm, mode, where, apply, recycle, bool(repo_url or chart_version))
    _refuse_vague(named or (), helm, all_, everywhere, bool(app_name or chart))
    _refuse_mixed(helm, all_, bool(chart), bool(template), bool(rules), bool(driver))
    order = proposing.Order(
        named or (),
        "" if everywhere else namespace,
        helm,
        mode,
        app_name,
        where,
        apply,
        recycle,
        yes,
        options.seconds(timeout),
        all_,
        cluster,
        home,
        _stored(driver or os.environ.get("HELM_DRIVER") or "secret") if helm else "",
        template,
        rules,
    )
    raise typer.Exit(running.run(lambda: adopting.adopt(order, output, kubeconfig)))


def _refuse_senseless(
    helm: bool,
    mode: forms.Mode,
    chart: assembling.Chart | None,
    apply: bool,
    recycle: bool,
    detailed: bool,
) -> None:
    if not helm and (chart or detailed or recycle):
        raise typer.BadParameter("--chart and --recycle are about a release: add --type helm")
    if detailed and not chart:
        raise typer.BadParameter("say of which chart: --chart")
    if chart and mode is forms.Mode.READ_ONLY:
        raise typer.BadParameter("what a chart renders is written: add --mode take-over")
    if recycle and (not apply or mode is forms.Mode.READ_ONLY):
        raise typer.BadParameter(
            "a release that Helm forgets needs another owner: --recycle goes with --apply and "
            "--mode take-over"
        )


def _refuse_vague(
    named: Sequence[str], helm: bool, all_: bool, everywhere: bool, single: bool
) -> None:
    if not (named or all_):
        raise typer.BadParameter("say what is adopted, or --all")
    if all_ and named and helm:
        raise typer.BadParameter("--all adopts every release: leave out its name, or --all")
    if all_ and single:
        raise typer.BadParameter(
            "--app-name and --chart are about one application, not about --all"
        )
    if everywhere and not all_:
        raise typer.BadParameter("--all-namespaces goes with --all")


def _refuse_mixed(
    helm: bool, all_: bool, chart: bool, template: bool, rules: bool, driver: bool
) -> None:
    if driver and not helm:
        raise typer.BadParameter("--driver is about releases: add --type helm")
    if template and chart:
        raise typer.BadParameter("--adopt-template makes the application, --chart does: leave one")
    if rules and (helm or not all_):
        raise typer.BadParameter(
            "--resource-topology-rule is about what belongs to workloads: add --all; a release of "
            "Helm says itself what belongs to it"
        )


def _stored(driver: str) -> str:
    """How Helm stores releases, in one of the words that it takes for that."""
    word = driver.lower().removesuffix("s")
    if word in ("secret", "configmap"):
        return word
    said = {
        "memory": "Helm forgets releases in memory when it ends",
        "sql": "releases in a database are not read",
    }
    why = said.get(word, f"Helm has no driver {driver}")
    raise typer.BadParameter(
        f"{why}: --driver (or $HELM_DRIVER) is secret or configmap; the objects of a release can "
        "be named one by one"
    )
