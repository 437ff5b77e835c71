"""`why`: what an application waits for, as a chain of causes."""

from __future__ import annotations

from datetime import datetime

from rich.console import Group
from rich.text import Text
from rich.tree import Tree

from lateen.base import clock, durations
from lateen.cli import chains, connecting, gathering, printing
from lateen.cli.causes import Link
from lateen.cli.forms import Output


async def why(name: str, namespace: str, output: Output, kubeconfig: str | None) -> None:
    """Read what there is around an application, and print the explanation."""
    async with connecting.plane(kubeconfig) as client:
        app = await connecting.application(client, namespace, name)
        found = await gathering.situation(client, app, clock.SystemClock())
    explanation = chains.explain(found)
    if output is not Output.TABLE:
        printing.structured(explanation.to_map(), output)
        return
    console = printing.stdout()
    console.print(page(explanation, found.around.now), soft_wrap=False)
    hidden = {kind for each in (found.around, *found.members.values()) for kind in each.hidden}
    if hidden:
        kinds = " and ".join(sorted(hidden))
        printing.stderr().print(f"You may not read objects of kind {kinds}: there may be more.")


def page(explanation: chains.Explanation, now: datetime) -> Group:
    """The chain, and below it what can be done."""
    hints = [Text(f"→ {hint}", "cyan") for hint in explanation.hints]
    return Group(_drawn(explanation, now), *hints)


def _drawn(explanation: chains.Explanation, now: datetime) -> Tree:
    """The chain as a tree: what waits above, its cause below."""
    root = Tree(_label(explanation.chain, now, well=not explanation.waits), guide_style="dim")
    for link in explanation.chain.causes:
        _grow(root, link, now)
    return root


def _grow(parent: Tree, link: Link, now: datetime) -> None:
    branch = parent.add(_label(link, now))
    for cause in link.causes:
        _grow(branch, cause, now)


def _label(link: Link, now: datetime, *, well: bool = False) -> Text:
    """The leaf is where the cause is: it stands out."""
    tone = "green" if well else "" if link.causes else "yellow"
    text = Text.assemble((link.what, "bold cyan"), "  ", (link.says, tone))
    if link.since:
        passed = (now - clock.parse(link.since)).total_seconds()
        text.append(f"  {durations.short(passed)} ago" if passed >= 0 else "", "dim")
    return text
