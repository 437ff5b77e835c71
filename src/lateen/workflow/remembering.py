"""What a workflow remembers between passes: variables, and times of single steps (semantics E1).

Pure. Where it is stored is the controller's matter: `dump` is for a ConfigMap everyone may read,
`dump_secrets` for a Secret.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import orjson

from lateen.base import hashing
from lateen.base.problem import Problem

VARIABLES = "vars"
_LINE = re.compile(r'(?P<name>[A-Za-z_$][\w$]*|"(?:[^"\\]|\\.)*"): (?P<value>.*)')
_LONGEST = 253
_IDENTIFIER = re.compile(r"[A-Za-z_$][\w$]*")


_UNFIT = re.compile(r"[^-._a-zA-Z0-9]")


def key(*parts: str) -> str:
    """A key for a value, out of a step's id and what it is; a ConfigMap does not take every one."""
    text = ".".join(parts)
    fit = _UNFIT.sub("_", text)
    return text if fit == text and len(text) < _LONGEST else f"{fit[:200]}-{hashing.digest(text)}"


class Memory:
    """Variables that outputs set, and mutable values keyed `<step id>.<what>`.

    `changed` tells whether there is anything to store. A variable that was read from a Secret is
    never part of `dump`, nor is a value that was kept as `private`.

    Attributes:
        answers: what actions were answered, of this process only: losing it costs a request.
        stored: what is known to be stored, by kind of object.
    """

    def __init__(
        self,
        variables: Mapping[str, Any] | None = None,
        values: Mapping[str, str] | None = None,
        secret: Collection[str] = (),
        private: Mapping[str, str] | None = None,
    ) -> None:
        self._variables = dict(variables or {})
        self._values = dict(values or {})
        self._secret = set(secret)
        self._private = dict(private or {})
        self.answers: dict[str, Any] = {}
        self.stored: dict[str, Mapping[str, str]] = {}
        self.changed = False

    @classmethod
    def load(cls, data: Mapping[str, str], secrets: Mapping[str, str] | None = None) -> Memory:
        """Read what `dump` and `dump_secrets` gave.

        Raises:
            Problem: `workflow.memory` when the text of the variables cannot be read.
        """
        public = _parse(data.get(VARIABLES, ""))
        hidden = _parse((secrets or {}).get(VARIABLES, ""))
        values = {key: value for key, value in data.items() if key != VARIABLES}
        private = {key: value for key, value in (secrets or {}).items() if key != VARIABLES}
        return cls({**public, **hidden}, values, hidden, private)

    def dump(self) -> dict[str, str]:
        """The data of the context ConfigMap: `vars` as CUE text, a variable a line; other values
        under their own keys.
        """
        public = {k: v for k, v in self._variables.items() if k not in self._secret}
        return {VARIABLES: _text(public), **self._values}

    def dump_secrets(self) -> dict[str, str]:
        """The data of a Secret beside the ConfigMap; empty when there is nothing secret."""
        hidden = {k: v for k, v in self._variables.items() if k in self._secret}
        return {**({VARIABLES: _text(hidden)} if hidden else {}), **self._private}

    @property
    def variables(self) -> Mapping[str, Any]:
        return self._variables

    def is_secret(self, name: str) -> bool:
        return name in self._secret

    def put(self, name: str, value: Any, *, secret: bool = False) -> bool:
        """Set a variable. False, and nothing set, when it has another value already."""
        if name in self._variables:
            return bool(self._variables[name] == value)
        self._variables[name] = value
        if secret:
            self._secret.add(name)
        self.changed = True
        return True

    def drop(self, names: Iterable[str]) -> None:
        for name in names:
            if name in self._variables:
                del self._variables[name]
                self._secret.discard(name)
                self.changed = True

    def value(self, key: str) -> str:
        """A mutable value, empty where there is none."""
        return self._values.get(key, "")

    def keep(self, key: str, value: str) -> None:
        if self._values.get(key) != value:
            self._values[key] = value
            self.changed = True

    def private(self, key: str) -> str:
        """A value that was kept as private, empty where there is none."""
        return self._private.get(key, "")

    def keep_private(self, key: str, value: str) -> None:
        """Keep a value in the Secret; an empty one is dropped."""
        if self._private.get(key, "") == value:
            return
        self._private[key] = value
        if not value:
            del self._private[key]
        self.changed = True

    def forget(self, step_ids: Collection[str]) -> None:
        """Drop the mutable values of steps."""
        for values in (self._values, self._private):
            for key in [key for key in values if key.partition(".")[0] in step_ids]:
                del values[key]
                self.changed = True


def _text(variables: Mapping[str, Any]) -> str:
    lines = []
    for name, value in variables.items():
        label = name if _IDENTIFIER.fullmatch(name) else orjson.dumps(name).decode()
        lines.append(f"{label}: {orjson.dumps(value).decode()}")  # JSON is CUE
    return "\n".join(lines) + "\n"


def _parse(text: str) -> dict[str, Any]:
    variables = {}
    for line in filter(None, text.split("\n")):
        match = _LINE.fullmatch(line)
        try:
            if match is None:
                raise ValueError(line)
            name = match["name"]
            key = orjson.loads(name) if name.startswith('"') else name
            variables[key] = orjson.loads(match["value"])
        except ValueError as error:
            raise Problem(
                "workflow.memory",
                "the stored variables of the workflow cannot be read",
                hint="`lateen workflow restart` starts the workflow over",
            ) from error
    return variables
