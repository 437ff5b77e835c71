"""Who waits for whom: cycles, and who depends on a step. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TypeVar

from lateen.api.application import Component, Step

DAG, STEP_BY_STEP = "DAG", "StepByStep"

Node = TypeVar("Node", bound=Hashable)
Moment = tuple[str, str]  # a step's name, and "start" or "end"


def cycle(graph: Mapping[Node, Sequence[Node]]) -> list[Node]:
    """The nodes of one cycle, each waiting for the next and the last for the first; or none.

    Not recursive: a chain may be as long as an application.
    """
    done: set[Node] = set()
    for root in graph:
        way: list[Node] = []
        stack: list[tuple[Node, Iterator[Node]]] = []
        if root not in done:
            way.append(root)
            stack.append((root, iter(graph[root])))
        while stack:
            node, targets = stack[-1]
            following = next((target for target in targets if target not in done), None)
            if following is None:
                done.add(node)
                stack.pop()
                way.pop()
            elif following in way:
                return way[way.index(following) :]
            else:
                way.append(following)
                stack.append((following, iter(graph.get(following, ()))))
    return []


def producers(items: Iterable[Step | Component]) -> dict[str, tuple[str, ...]]:
    """Variable -> names of the steps or components that put it out."""
    found: dict[str, tuple[str, ...]] = {}
    for item in items:
        for output in item.outputs:
            name = str(output.get("name"))
            found[name] = (*found.get(name, ()), item.name)
    return found


def variable(source: str) -> str:
    """The variable an input's `from` starts at: `o-1` in `o-1.a[0]`."""
    return source.split(".", 1)[0].split("[", 1)[0]


def needed(
    item: Step | Component, known: Iterable[str], made_by: Mapping[str, tuple[str, ...]]
) -> list[str]:
    """The known names an item cannot do without: its dependencies, and the only maker of each of
    its inputs.
    """
    names = [name for name in item.depends_on if name in known]
    for given in item.inputs:
        makers = made_by.get(variable(str(given.get("from"))), ())
        if len(makers) == 1:
            names.extend(makers)
    return list(dict.fromkeys(names))


def components(items: Sequence[Component]) -> dict[str, list[str]]:
    """Component -> components it waits for."""
    names = {item.name for item in items}
    made_by = producers(items)
    return {item.name: needed(item, names, made_by) for item in items}


def moments(steps: Sequence[Step], modes: tuple[str, str]) -> dict[Moment, list[Moment]]:
    """What has to happen before what: the start and the end of every step, groups included.

    `modes` are those of the steps and of sub-steps. A cycle in it is a workflow that would wait
    for ever: through dependsOn, inputs, the order of steps, or a group and what is in it.
    """
    every = [each for step in steps for each in step.walk()]
    names = {step.name for step in every}
    made_by = producers(every)
    graph: dict[Moment, list[Moment]] = {}
    for step in every:
        targets = needed(step, names, made_by)
        graph[step.name, "start"] = [(name, "end") for name in targets]
        graph[step.name, "end"] = [(step.name, "start")]
    _order(steps, modes[0], graph)
    for group in steps:
        _order(group.sub_steps, group.mode or modes[1], graph)
        for sub in group.sub_steps:
            graph[sub.name, "start"].append((group.name, "start"))
            graph[group.name, "end"].append((sub.name, "end"))
    return graph


def _order(siblings: Sequence[Step], mode: str, graph: dict[Moment, list[Moment]]) -> None:
    if mode == STEP_BY_STEP:
        for before, after in pairwise(siblings):
            graph[after.name, "start"].append((before.name, "end"))


def dependents(name: str, steps: Sequence[Step], modes: tuple[str, str]) -> set[str]:
    """The steps that cannot begin before a step has ended, directly or not."""
    graph = moments(steps, modes)
    waiting: dict[Moment, list[Moment]] = {}
    for moment, targets in graph.items():
        for target in targets:
            waiting.setdefault(target, []).append(moment)
    found: set[Moment] = set()
    todo: list[Moment] = [(name, "end")]
    while todo:
        for moment in waiting.get(todo.pop(), ()):
            if moment not in found:
                found.add(moment)
                todo.append(moment)
    return {step for step, when in found if when == "start"}
