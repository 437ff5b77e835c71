"""Lay a trait's patch over a rendered object (semantics B4). Pure: JSON in, JSON out.

A patch is one of three things, and a mark on the patch itself says which: a JSON Patch, a JSON
Merge Patch, or - without a mark - a strategic unification, in which maps merge, equal values agree
and different values conflict, unless a mark on a field says otherwise.

Marks and soft paths come from the engine (`Evaluation.marks`, `Evaluation.soft`): field paths
relative to the patch or the object, as text. The patch itself is the path "".
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from lateen.base import jsonpatch, paths
from lateen.base.problem import Problem, raise_any

Marks = Mapping[str, Mapping[str, str]]

_BEYOND = -1  # the index of an item that a patch does not name: nothing is marked there
_HINT = "mark the field with // +patchStrategy=retainKeys to override what is there"


@dataclass(frozen=True)
class Patched:
    """An object after a patch. `soft` are the field paths that still only hold a default."""

    value: Any
    soft: frozenset[str] = frozenset()


def apply(
    base: Any,
    patch: Any,
    marks: Marks | None = None,
    soft_base: Collection[str] = (),
    soft_patch: Collection[str] = (),
) -> Patched:
    """Apply a trait's `patch` to an object, in the mode the mark on the patch itself asks for.

    Raises:
        Problem, Problems: `patch.conflict` for each field the two disagree on, with its path in
            the object; `patch.operation` for a JSON Patch that cannot be carried out, with the
            path of the operation in the patch.
    Source: semantics B4.1.
    """
    marks = marks or {}
    match marks.get("", {}).get("patchStrategy"):
        case "jsonPatch":
            return Patched(_operate(base, patch))
        case "jsonMergePatch":
            return Patched(jsonpatch.merge(base, patch))
    return unify(base, patch, marks, soft_base, soft_patch)


def merge(
    base: Any,
    patch: Any,
    marks: Marks | None = None,
    soft_base: Collection[str] = (),
    soft_patch: Collection[str] = (),
) -> Any:
    """The value of `unify`, for who needs nothing else."""
    return unify(base, patch, marks, soft_base, soft_patch).value


def unify(
    base: Any,
    patch: Any,
    marks: Marks | None = None,
    soft_base: Collection[str] = (),
    soft_patch: Collection[str] = (),
) -> Patched:
    """Strategic unification of a patch into an object. Neither argument is changed.

    `soft_base` and `soft_patch` are the paths whose value is only a default: a default yields to
    the other side, and an item whose key is a default is not matched by key.

    Raises:
        Problem, Problems: `patch.conflict`, all of them at once.
    Source: semantics B4.2 to B4.5.
    """
    work = _work(marks, soft_base, soft_patch)
    value = work.join(base, patch, _Place((), (), (), ""))
    raise_any(work.conflicts)
    return Patched(value, frozenset(map(paths.render, work.soft)))


def written(
    base: Any,
    patch: Any,
    marks: Marks | None = None,
    soft_base: Collection[str] = (),
    soft_patch: Collection[str] = (),
) -> Mapping[str, str]:
    """Path in the object -> path in the patch, of what a patch put there or said as well.

    Arguments as those of `unify`. Where the two conflict the path is there too.
    """
    work = _work(marks, soft_base, soft_patch)
    work.join(base, patch, _Place((), (), (), ""))
    return {paths.render(new): paths.render(old) for new, old in work.written.items()}


def _work(
    marks: Marks | None, soft_base: Collection[str], soft_patch: Collection[str]
) -> _Unification:
    return _Unification(
        {paths.parse(path): dict(mark) for path, mark in (marks or {}).items() if path},
        frozenset(map(paths.parse, soft_base)),
        frozenset(map(paths.parse, soft_patch)),
    )


def _operate(base: Any, patch: Any) -> Any:
    """Source: semantics B4.1 (jsonPatch)."""
    operations = patch.get("operations") if isinstance(patch, Mapping) else None
    if not isinstance(operations, list) or not all(isinstance(o, Mapping) for o in operations):
        raise Problem("patch.operation", "a JSON patch needs a list of operations", "operations")
    try:
        return jsonpatch.apply(base, operations)
    except ValueError as error:
        message, index = error.args
        raise Problem(
            "patch.operation", f"failed to apply json patch: {message}", f"operations[{index}]"
        ) from error


@dataclass(frozen=True)
class _Place:
    """Where the walk stands: the same field in the result, the object and the patch.

    They differ below a keyed list. `key` is the patch key in force, the nearest one above.
    """

    result: paths.Path
    base: paths.Path
    patch: paths.Path
    key: str

    def down(self, part: str, key: str) -> _Place:
        return _Place((*self.result, part), (*self.base, part), (*self.patch, part), key)

    def item(self, result: int, base: int, patch: int) -> _Place:
        return _Place((*self.result, result), (*self.base, base), (*self.patch, patch), self.key)


@dataclass
class _Unification:
    marks: Mapping[paths.Path, Mapping[str, str]]
    soft_base: frozenset[paths.Path]
    soft_patch: frozenset[paths.Path]
    conflicts: list[Problem] = field(default_factory=list)
    soft: set[paths.Path] = field(default_factory=set)
    written: dict[paths.Path, paths.Path] = field(default_factory=dict)

    def join(self, base: Any, patch: Any, at: _Place) -> Any:
        """Unify two values that both exist."""
        if at.base in self.soft_base or at.patch in self.soft_patch:
            return self._yield(base, patch, at)
        if isinstance(base, Mapping) and isinstance(patch, Mapping):
            return self._maps(base, patch, at)
        if isinstance(base, list) and isinstance(patch, list):
            return self._indexed(base, patch, at)
        if not jsonpatch.same(base, patch):
            self._conflict(at, f"conflicting values {_show(base)} and {_show(patch)}")
        self.written[at.result] = at.patch
        return base

    def _yield(self, base: Any, patch: Any, at: _Place) -> Any:
        """A default gives way; two defaults must agree, as in CUE.

        A default that is a map or a list is kept where the other side fits into it.
        """
        soft_base, soft_patch = at.base in self.soft_base, at.patch in self.soft_patch
        if soft_base and soft_patch:
            if not jsonpatch.same(base, patch):
                text = f"conflicting defaults {_show(base)} and {_show(patch)}"
                self._conflict(at, text)
            return self._keep_base(base, at)
        trial = _Unification(self.marks, self.soft_base - {at.base}, self.soft_patch - {at.patch})
        value = trial.join(base, patch, at)
        if not trial.conflicts:
            self.soft |= trial.soft
            self.written |= trial.written
            return value
        return self._keep_patch(patch, at) if soft_base else self._keep_base(base, at)

    def _maps(self, base: Mapping[str, Any], patch: Mapping[str, Any], at: _Place) -> Any:
        result = {}
        for name, value in base.items():
            below = at.down(name, at.key)
            given = self._field(value, patch[name], below) if name in patch else None
            result[name] = given if name in patch else self._keep_base(value, below)
        for name, value in patch.items():
            if name not in base:
                result[name] = self._keep_patch(value, at.down(name, at.key))
        return result

    def _field(self, base: Any, patch: Any, at: _Place) -> Any:
        """Unify one field by its marks, from the outside in (semantics B4.3)."""
        mark = self.marks.get(at.patch, {})
        strategy = mark.get("patchStrategy", "")
        at = _Place(at.result, at.base, at.patch, mark.get("patchKey", at.key))
        if not isinstance(patch, list):
            if strategy == "retainKeys":
                return self._keep_patch(patch, at)
            return self.join(base, patch, at)
        if strategy == "replace" and isinstance(base, list):
            return self._keep_patch(patch, at)
        if at.key and isinstance(base, list) and base and self._matchable(base, patch, at):
            return self._keyed(base, patch, at, replace=strategy == "retainKeys")
        return self.join(base, patch, at)

    def _matchable(self, base: list[Any], patch: list[Any], at: _Place) -> bool:
        """Whether keys can be compared: all of them literal, and the patch has one, or no items."""
        if not patch:
            return not self._rest(at)
        names = [name.strip() for name in at.key.split(",")]
        seen = [_keys(item, names) for item in patch]
        literal = not any(
            (*path, index, *found[0]) in soft or not _is_scalar(found[1])
            for path, soft, items in (
                (at.base, self.soft_base, base),
                (at.patch, self.soft_patch, patch),
            )
            for index, item in enumerate(items)
            if (found := _keys(item, names))
        )
        return literal and any(seen)

    def _keyed(self, base: list[Any], patch: list[Any], at: _Place, *, replace: bool) -> list[Any]:
        """Match items by key: matched ones unify where they stand, new ones follow in order.

        Items of the object without a key keep their position; items of the patch without one are
        dropped. Where several keys are listed, an item is matched on the first it has. What an open
        list says of items it does not name counts for nothing here.
        Source: semantics B4, keyed merge.
        """
        names = [name.strip() for name in at.key.split(",")]
        wanted: dict[str, int] = {}
        for index, item in enumerate(patch):
            if found := _keys(item, names):
                wanted.pop(_identity(found), None)  # the later of two wins, and where it stands
                wanted[_identity(found)] = index
        result = []
        for index, item in enumerate(base):
            found = _keys(item, names)
            match = wanted.pop(_identity(found), None) if found else None
            if match is None:
                result.append(self._keep_base(item, at.item(index, index, _BEYOND)))
                continue
            below = at.item(index, index, match)
            join = self._keep_patch(patch[match], below) if replace else None
            result.append(join if replace else self.join(item, patch[match], below))
        for index in wanted.values():
            result.append(self._keep_patch(patch[index], at.item(len(result), len(base), index)))
        return result

    def _indexed(self, base: list[Any], patch: list[Any], at: _Place) -> list[Any]:
        """Source: semantics B4.5."""
        if len(patch) < len(base) and not self._is_open(at):
            self._conflict(at, f"incompatible list lengths ({len(patch)} and {len(base)})")
            self.written[at.result] = at.patch
            return base
        result = []
        for index in range(max(len(base), len(patch))):
            below = at.item(index, index, index)
            if index >= len(patch):
                result.append(self._unnamed(base[index], index, at))
            elif index >= len(base):
                result.append(self._keep_patch(patch[index], below))
            else:
                result.append(self.join(base[index], patch[index], below))
        return result

    def _unnamed(self, item: Any, index: int, at: _Place) -> Any:
        """An item the patch does not name: what it says of all others, `[...{x: 1}]`, holds."""
        rest = self._rest(at)
        below = at.item(index, index, _BEYOND)
        return self.join(item, json.loads(rest), below) if rest else self._keep_base(item, below)

    def _rest(self, at: _Place) -> str:
        return self.marks.get(at.patch, {}).get("open", "")

    def _is_open(self, at: _Place) -> bool:
        mark = self.marks.get(at.patch, {})
        return mark.get("patchStrategy") == "open" or "open" in mark

    def _keep_base(self, value: Any, at: _Place) -> Any:
        self.soft |= _moved(self.soft_base, at.base, at.result)
        return value

    def _keep_patch(self, value: Any, at: _Place) -> Any:
        self.soft |= _moved(self.soft_patch, at.patch, at.result)
        self.written[at.result] = at.patch
        return value

    def _conflict(self, at: _Place, message: str) -> None:
        path = paths.render(at.result)
        self.conflicts.append(Problem("patch.conflict", message, path, hint=_HINT))


def _moved(soft: frozenset[paths.Path], old: paths.Path, new: paths.Path) -> set[paths.Path]:
    size = len(old)
    return {(*new, *path[size:]) for path in soft if path[:size] == old}


def _keys(item: Any, names: list[str]) -> tuple[paths.Path, Any] | None:
    """The first listed key an item has, with its value; a key may be dotted."""
    for name in names:
        path = tuple(name.split("."))
        value = paths.lookup(item, path)
        if value is not paths.MISSING:
            return path, value
    return None


def _identity(found: tuple[paths.Path, Any]) -> str:
    """Equal for equal JSON: "1" is not 1 and true is not 1."""
    return json.dumps(found)


def _is_scalar(value: Any) -> bool:
    return not isinstance(value, Mapping | list)


def _show(value: Any, limit: int = 60) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= limit else text[: limit - 3] + "..."
