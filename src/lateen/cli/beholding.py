"""`top`: applications as they change, down to their pods and what these write."""

from __future__ import annotations

from typing import ClassVar

import anyio
from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import DataTable, Footer, Input, Static

from lateen.api.application import Application
from lateen.cli import connecting, describing, lookout, printing, progress, views

_REDRAW = 0.25  # seconds between two drawings, however much happens
_AGES = 5.0  # seconds after which ages are drawn anew
_HEADERS = ("APPLICATION", "NAMESPACE", "PHASE", "HEALTHY", "PODS", "REVISION", "AGE", "MESSAGE")


async def watch(namespace: str, kubeconfig: str | None) -> None:
    """Show the applications of a namespace, all when it is empty, until it is left.

    Raises:
        Problem | ApiError: why they cannot be watched.
    """
    async with connecting.plane(kubeconfig) as client, anyio.create_task_group() as tasks:
        with connecting.installed():
            await connecting.applications(client, namespace)  # whoever may not is told at once
        look = lookout.Lookout(client, tasks, namespace)
        await look.start()
        await Top(look).run_async()
        tasks.cancel_scope.cancel()


class Top(App[None]):
    """The screens share what is watched; each redraws itself when that has changed."""

    TITLE = "lateen top"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #summary { height: 1; padding: 0 1; background: $panel; }
    #trouble { height: auto; padding: 0 1; color: $error; display: none; }
    #filter { display: none; height: 3; }
    DataTable { height: 1fr; }
    Tree { height: 1fr; }
    #aside { height: auto; max-height: 40%; border-top: solid $panel; padding: 0 1; }
    RichLog { height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("q", "quit", "Quit")]

    def __init__(self, look: lookout.Lookout) -> None:
        super().__init__()
        self.look = look
        self.dirty = True
        look.changed = self._note

    def _note(self) -> None:
        self.dirty = True

    def on_mount(self) -> None:
        self.push_screen(Applications(self.look))
        self.set_interval(_REDRAW, self._redraw)
        self.set_interval(_AGES, self._note)

    async def _redraw(self) -> None:
        if self.dirty and isinstance(self.screen, views.View):
            self.dirty = False
            await self.screen.draw()


class Applications(views.View):
    """One line for each application."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Resources"),
        Binding("l", "logs", "Logs"),
        Binding("w", "why", "Why"),
        Binding("y", "yaml", "YAML"),
        Binding("u", "unwell", "Only unwell"),
        Binding("slash", "filter", "Filter"),
        Binding("escape", "clear", "All", show=False),
    ]

    def compose(self) -> ComposeResult:
        yield Static(id="summary")
        yield Static(id="trouble")
        yield DataTable(cursor_type="row", zebra_stripes=True)
        yield Input(id="filter", placeholder="part of a name or namespace")
        yield Footer()

    def on_mount(self) -> None:
        self._sought = ""
        self._only_unwell = False
        table = self.query_one(DataTable)
        for header in _HEADERS:
            table.add_column(header, key=header)
        table.focus()

    async def draw(self) -> None:
        everything = self.look.applications()
        shown = [app for app in everything if self._wanted(app)]
        table = self.query_one(DataTable)
        keys = [_key(app) for app in shown]
        if [row.value for row in table.rows] != keys:
            self._fill(table, shown)
        else:  # in place: the cursor and the place that is scrolled to stay
            for app in shown:
                for header, cell in zip(_HEADERS, self._row(app), strict=True):
                    if table.get_cell(_key(app), header) != cell:
                        table.update_cell(_key(app), header, cell, update_width=True)
        unwell = sum(not progress.view(app).healthy for app in everything)
        text = Text(f"{len(everything)} applications", "bold")
        text.append(f"  {len(everything) - unwell} well", "green")
        text.append(f"  {unwell} not", "red" if unwell else "dim")
        if len(shown) != len(everything):
            text.append(f"  {len(shown)} shown", "yellow")
        self.summary(text)

    def _fill(self, table: DataTable[Text], shown: list[Application]) -> None:
        chosen = self._chosen_key()
        table.clear()
        for app in shown:
            table.add_row(*self._row(app), key=_key(app))
        if chosen in table.rows:
            table.move_cursor(row=table.get_row_index(chosen))

    def _wanted(self, app: Application) -> bool:
        if self._only_unwell and progress.view(app).healthy:
            return False
        return self._sought in app.name or self._sought in app.namespace

    def _row(self, app: Application) -> list[Text]:
        view = progress.view(app)
        ready, pods = self.look.ready(app)
        revision = str((app.status.get("latestRevision") or {}).get("name") or "")
        message = view.reasons[0] if view.reasons else ""
        return [
            Text(app.name, "bold"),
            Text(app.namespace),
            printing.state(view.phase),
            printing.state("yes" if view.healthy else "no"),
            Text(f"{ready}/{pods}" if pods else "", "" if ready == pods else "yellow"),
            Text(revision),
            Text(describing.age(app.metadata.get("creationTimestamp"), self.now())),
            Text(message.splitlines()[0] if message else "", "dim"),
        ]

    def _chosen_key(self) -> str:
        table = self.query_one(DataTable)
        if not table.row_count:
            return ""
        return str(table.coordinate_to_cell_key(table.cursor_coordinate).row_key.value)

    def _chosen(self) -> Application | None:
        namespace, _, name = self._chosen_key().partition("/")
        return self.look.application((namespace, name))

    def on_data_table_row_selected(self) -> None:
        self.action_open()

    def action_open(self) -> None:
        if app := self._chosen():
            self.app.push_screen(views.Resources(self.look, app.owner))

    def action_why(self) -> None:
        if app := self._chosen():
            self.app.push_screen(views.why(self.look, app.owner))

    def action_yaml(self) -> None:
        if app := self._chosen():
            self.app.push_screen(views.yaml(self.look, str(app.key), app.raw))

    async def action_logs(self) -> None:
        if app := self._chosen():
            nodes = await self.look.tree(app)
            self.app.push_screen(views.Logs(self.look, app.name, views.sources(nodes)))

    async def action_unwell(self) -> None:
        self._only_unwell = not self._only_unwell
        await self.draw()

    def action_filter(self) -> None:
        field = self.query_one(Input)
        field.display = True
        field.focus()

    async def on_input_changed(self, event: Input.Changed) -> None:
        self._sought = event.value.strip()
        await self.draw()

    def on_input_submitted(self) -> None:
        self.query_one(DataTable).focus()

    async def action_clear(self) -> None:
        field = self.query_one(Input)
        field.value, field.display = "", False
        self._only_unwell = False
        self.query_one(DataTable).focus()
        await self.draw()


def _key(app: Application) -> str:
    return f"{app.namespace}/{app.name}"
