"""The objects of a component while its traits patch them and add to them (semantics B3, B4).

Pure. Values are replaced, never altered, so a draft may share parts with what a template gave.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from lateen.api.application import Laid
from lateen.base import paths
from lateen.base.problem import Problem, Problems, every, raise_any
from lateen.cue.templates import Evaluation
from lateen.definitions import blaming, patching, templates, tracing


@dataclass
class Extra:
    """An object beside the main one. `trait` is the index of the trait that gave it, if any."""

    key: str
    value: Any
    soft: Collection[str]
    trait: int | None
    history: list[tracing.Layer] = field(default_factory=list)


@dataclass
class Draft:
    """The main object and the extras so far. `soft`: field paths that only hold a default."""

    output: Any
    soft: Collection[str] = ()
    extras: list[Extra] = field(default_factory=list)
    history: list[tracing.Layer] = field(default_factory=list)

    def add(self, result: Evaluation, part: templates.Part) -> None:
        """Take over the `outputs` of a template."""
        soft = result.soft.get("outputs", frozenset())
        trait = part.index if part.is_trait else None
        for key, value in (result.values.get("outputs") or {}).items():
            first = tracing.Layer(part, result, ("outputs", key), None, value)
            self.extras.append(Extra(key, value, _soft_below(soft, key), trait, [first]))

    def lay(self, result: Evaluation, part: templates.Part) -> None:
        """Apply what a trait gave: its own objects, its patch, its patches of extras.

        Raises:
            Problem, Problems: `patch.*`, at the path of the trait.
        Source: semantics B3.
        """
        self.add(result, part)
        problems: list[Problem] = []
        patch = result.values.get("patch")
        if patch is not None:
            marks, soft = result.marks.get("patch"), result.soft.get("patch", ())
            try:
                patched = patching.apply(self.output, patch, marks, self.soft, soft)
                self.history.append(
                    tracing.Layer(
                        part, result, ("patch",), self.output, patched.value, tuple(self.soft)
                    )
                )
                self.output, self.soft = patched.value, patched.soft
            except (Problem, Problems) as error:
                failed = tracing.Layer(
                    part, result, ("patch",), self.output, self.output, tuple(self.soft)
                )
                problems += _refused(error, failed, self.history, "output")
        for extra in self.extras:
            try:
                _lay_extra(extra, result, part)
            except (Problem, Problems) as error:
                at = ("patchOutputs", extra.key)
                failed = tracing.Layer(
                    part, result, at, extra.value, extra.value, tuple(extra.soft)
                )
                problems += _refused(error, failed, extra.history, f"outputs.{extra.key}")
        raise_any(problems)

    def finish(self, laid: Laid) -> None:
        """Apply what the step that delivers the component lays over its objects.

        Raises:
            Problem, Problems: `patch.conflict`.
        Source: semantics B3.
        """
        problems: list[Problem] = []
        patch = laid.patch.get("workload")
        if patch is not None:
            try:
                patched = _finished(self.output, self.soft, laid, patch, "workload")
                self.output, self.soft = patched.value, patched.soft
            except (Problem, Problems) as error:
                problems += (blaming.step(each, "output") for each in every(error))
        for extra in self.extras:
            patch = (laid.patch.get("traits") or {}).get(extra.key)
            if patch is None:
                continue
            try:
                patched = _finished(extra.value, extra.soft, laid, patch, "traits", extra.key)
                extra.value, extra.soft = patched.value, patched.soft
            except (Problem, Problems) as error:
                problems += (blaming.step(each, f"outputs.{extra.key}") for each in every(error))
        raise_any(problems)


def begin(result: Evaluation, part: templates.Part) -> Draft:
    """The draft a component's own template gives.

    Raises:
        Problem: `template.output` when there is no main object.
    """
    output = result.values.get("output")
    if output is None:
        message = f'{part.word} gives no object: its definition sets no field "output"'
        where = blaming.declared(part.definition, "output", "")
        raise Problem("template.output", message, part.path, where)
    draft = Draft(output, result.soft.get("output", ()))
    draft.history.append(tracing.Layer(part, result, ("output",), None, output))
    draft.add(result, part)
    return draft


def _refused(
    error: Problem | Problems, layer: tracing.Layer, history: list[tracing.Layer], where: str
) -> list[Problem]:
    """Why a patch could not be laid, with the chain as far as it was traced."""
    return [
        blaming.patch(each, layer.part, where, tracing.conflict(each, layer, history))
        for each in every(error)
    ]


def _lay_extra(extra: Extra, result: Evaluation, part: templates.Part) -> None:
    """Extras are patched by unification only: a JSON patch of one has no meaning upstream."""
    patches = result.values.get("patchOutputs") or {}
    if extra.key not in patches:
        return
    marks = _marks_below(result.marks.get("patchOutputs") or {}, extra.key)
    soft = _soft_below(result.soft.get("patchOutputs", ()), extra.key)
    patched = patching.unify(extra.value, patches[extra.key], marks, extra.soft, soft)
    at = ("patchOutputs", extra.key)
    extra.history.append(
        tracing.Layer(part, result, at, extra.value, patched.value, tuple(extra.soft))
    )
    extra.value, extra.soft = patched.value, patched.soft


def _finished(
    base: Any, soft: Collection[str], laid: Laid, patch: Any, *at: str
) -> patching.Patched:
    marks, defaults = dict(laid.marks), frozenset(laid.soft)
    for name in at:
        marks, defaults = _marks_below(marks, name), frozenset(_soft_below(defaults, name))
    return patching.unify(base, patch, marks, soft, defaults)


def _soft_below(soft: Collection[str], key: str) -> Collection[str]:
    """Field paths of `outputs` as seen from one of its objects."""
    split = (paths.parse(path) for path in soft)
    return frozenset(paths.render(path[1:]) for path in split if path and path[0] == key)


def _marks_below(marks: Mapping[str, Mapping[str, str]], key: str) -> dict[str, Mapping[str, str]]:
    split = ((paths.parse(path), mark) for path, mark in marks.items())
    return {paths.render(path[1:]): mark for path, mark in split if path and path[0] == key}
