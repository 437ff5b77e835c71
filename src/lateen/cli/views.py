"""What `top` shows of one application: its resources, what they write, why they wait.

A view is drawn anew when what is watched has changed; a page is asked for once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from datetime import datetime
from typing import Any, ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Footer, RichLog, Static, Tree
from textual.widgets.tree import TreeNode

from lateen import hub
from lateen.base import clock, documents
from lateen.base.problem import Problem
from lateen.cli import (
    chains,
    describing,
    gathering,
    lookout,
    printing,
    progress,
    reasoning,
    tailing,
    trees,
)
from lateen.hub import informer

_LAST = 500  # lines of a log to begin with


class View(Screen[None]):
    """A screen that is drawn from what is watched."""

    def __init__(self, look: lookout.Lookout) -> None:
        super().__init__()
        self.look = look
        self.now: Callable[[], datetime] = clock.SystemClock().now

    async def draw(self) -> None:
        """Bring what is shown up to date."""

    async def on_screen_resume(self) -> None:
        await self.draw()

    def summary(self, text: Text) -> None:
        self.query_one("#summary", Static).update(text)
        trouble = self.query_one("#trouble", Static)
        trouble.update(Text(f"not up to date: {self.look.trouble}"))
        trouble.display = bool(self.look.trouble)


class Resources(View):
    """The objects of one application, and what those made."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.pop_screen", "Back"),
        Binding("l", "logs", "Logs"),
        Binding("w", "why", "Why"),
        Binding("y", "yaml", "YAML"),
    ]

    def __init__(self, look: lookout.Lookout, owner: tuple[str, str]) -> None:
        super().__init__(look)
        self.owner = owner
        self._shape: list[Any] = []

    def compose(self) -> ComposeResult:
        yield Static(id="summary")
        yield Static(id="trouble")
        yield Tree("")
        with VerticalScroll(id="aside"):
            yield Static(id="about")
        yield Footer()

    async def draw(self) -> None:
        app = self.look.application(self.owner)
        tree = self.query_one(Tree)
        if app is None:
            self.summary(Text(f"{self.owner[1]} is gone", "bold red"))
            tree.root.remove_children()
            self._shape = []
            self.query_one("#about", Static).update("")
            return
        nodes = await self.look.tree(app)
        view = progress.view(app)
        line = Text.assemble(
            (app.name, "bold"), f" -n {app.namespace}  ", printing.state(view.phase)
        )
        self.summary(line)
        tree.root.set_label(Text(app.name, "bold"))
        tree.root.data = None
        shape = [(each.cluster, *each.key.identity) for node in nodes for each in node.walk()]
        if shape != self._shape:
            self._shape = shape
            tree.root.remove_children()
            for node in nodes:
                _grow(tree.root, node, app.namespace, self.now())
            tree.root.expand_all()
            tree.focus()
        else:
            for at, node in zip(tree.root.children, nodes, strict=True):
                _relabel(at, node, app.namespace, self.now())
        self.query_one("#about", Static).update(_about(view))

    def _chosen(self) -> trees.Node | None:
        node = self.query_one(Tree).cursor_node
        return node.data if node is not None else None

    async def action_logs(self) -> None:
        app = self.look.application(self.owner)
        if app is None:
            return
        chosen = self._chosen()
        nodes = [chosen] if chosen else await self.look.tree(app)
        name = chosen.key.name if chosen else app.name
        self.app.push_screen(Logs(self.look, name, sources(nodes)))

    def action_why(self) -> None:
        self.app.push_screen(why(self.look, self.owner))

    def action_yaml(self) -> None:
        chosen, app = self._chosen(), self.look.application(self.owner)
        if chosen is not None and chosen.live is not None:
            self.app.push_screen(yaml(self.look, str(chosen.key), chosen.live))
        elif chosen is None and app is not None:
            self.app.push_screen(yaml(self.look, str(app.key), app.raw))


class Page(View):
    """A text that was asked for once."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.pop_screen", "Back"),
        Binding("r", "reload", "Anew"),
    ]

    def __init__(
        self, look: lookout.Lookout, title: str, load: Callable[[], Awaitable[object]]
    ) -> None:
        super().__init__(look)
        self._said, self._load = title, load

    def compose(self) -> ComposeResult:
        yield Static(id="summary")
        yield Static(id="trouble")
        with VerticalScroll():
            yield Static(id="page")
        yield Footer()

    def on_mount(self) -> None:
        self.summary(Text(self._said, "bold"))
        self.query_one(VerticalScroll).focus()
        self.action_reload()

    @work(exclusive=True)
    async def action_reload(self) -> None:
        page = self.query_one("#page", Static)
        page.update(Text("…", "dim"))
        try:
            page.update(await self._load())  # type: ignore[arg-type]
        except (Problem, hub.ApiError) as error:
            page.update(Text(str(error), "red"))


class Logs(View):
    """What containers write, as they write it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "app.pop_screen", "Back")]

    def __init__(self, look: lookout.Lookout, name: str, sources: list[tailing.Source]) -> None:
        super().__init__(look)
        self._said, self._sources = name, sources

    def compose(self) -> ComposeResult:
        yield Static(id="summary")
        yield Static(id="trouble")
        yield RichLog(max_lines=10_000, wrap=True)
        yield Footer()

    def on_mount(self) -> None:
        count = len(self._sources)
        said = f"logs of {count} container{'' if count == 1 else 's'}" if count else "no container"
        self.summary(Text.assemble((self._said, "bold"), f"  {said}"))
        self.query_one(RichLog).focus()
        for source in self._sources:
            self._follow(source)

    @work
    async def _follow(self, source: tailing.Source) -> None:
        log = self.query_one(RichLog)
        query = {"container": source.container, "follow": "true", "tailLines": str(_LAST)}
        many = len(self._sources) > 1
        client = self.look.client_of(source.cluster)
        try:
            async with aclosing(client.stream(source.path, query)) as lines:
                async for line in lines:
                    text = tailing.marked(source) if many else Text()
                    log.write(text.append(line.decode(errors="replace"), "default"))
        except hub.ApiError as error:
            log.write(Text(f"{source.pod} {source.container}: {error.message}", "red"))


def why(look: lookout.Lookout, owner: tuple[str, str]) -> Page:
    """The page that explains what an application waits for."""

    async def load() -> object:
        app = look.application(owner)
        if app is None:
            return Text(f"{owner[1]} is gone", "red")
        found = await gathering.situation(look.client, app, clock.SystemClock())
        return reasoning.page(chains.explain(found), found.around.now)

    return Page(look, f"why {owner[1]}", load)


def yaml(look: lookout.Lookout, title: str, raw: dict[str, object]) -> Page:
    async def load() -> object:
        return Text(documents.dump(informer.trim(raw)))

    return Page(look, title, load)


def sources(nodes: list[trees.Node]) -> list[tailing.Source]:
    pods = [(node.live, node.place) for node in trees.pods(nodes) if node.live]
    return [source for pod, place in pods for source in tailing.containers(pod, place)]


def _grow(parent: TreeNode[trees.Node], node: trees.Node, namespace: str, now: datetime) -> None:
    label = _label(node, namespace, now, top=parent.is_root)
    if not node.children:
        parent.add_leaf(label, node)
        return
    branch = parent.add(label, node)
    for child in node.children:
        _grow(branch, child, namespace, now)


def _relabel(at: TreeNode[trees.Node], node: trees.Node, namespace: str, now: datetime) -> None:
    """Draw a node that is still in its place; what has not changed is left as it is."""
    label = _label(node, namespace, now, top=at.parent is not None and at.parent.is_root)
    if at.label != label:
        at.set_label(label)
    at.data = node
    for below, child in zip(at.children, node.children, strict=True):
        _relabel(below, child, namespace, now)


def _label(node: trees.Node, namespace: str, now: datetime, *, top: bool) -> Text:
    text = describing.label(node, namespace).append(node.where if top else "", "dim")
    return text.append_text(describing.brief(node.live, now)) if node.live else text


def _about(view: progress.View) -> Text:
    """What keeps it from being well, or how far it is."""
    lines = (Text(f"✗ {reason}", "red") for reason in view.reasons)
    text = Text("\n").join(lines)
    steps = [step for step in view.steps if step.state not in ("succeeded", "skipped")]
    for step in steps:
        text.append("\n" if text else "")
        text.append_text(Text.assemble(f"step {step.name} ", printing.state(step.state)))
        text.append(f"  {step.message}" if step.message else "", "dim")
    return text
