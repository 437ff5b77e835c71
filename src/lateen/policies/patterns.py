"""Name patterns of override policies: regular expressions in which `*` means anything.

RE2 is the engine KubeVela's patterns are written for, and it matches in time linear in the name
whatever the pattern: they come from users, and one must not be able to stop the control plane.
"""

from __future__ import annotations

import re

import re2


class Pattern:
    """A compiled pattern. Not anchored: `web` matches `webapp` too (semantics F3).

    Raises:
        ValueError: the pattern cannot be read; says what is wrong with it.
    """

    def __init__(self, text: str) -> None:
        options = re2.Options()
        options.log_errors = False  # to stderr, otherwise
        try:
            self._compiled = re2.compile(re.sub(r"(?<!\.)\*", ".*", text), options=options)
        except re2.error as error:
            reason = error.args[0]
            said = reason.decode() if isinstance(reason, bytes) else str(reason)
            raise ValueError(said) from error

    def matches(self, name: str) -> bool:
        return self._compiled.search(name) is not None
