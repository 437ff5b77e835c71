"""Kubernetes quantities (`100m`, `64Mi`), as far as comparing two of them needs."""

from __future__ import annotations

import re
from decimal import Decimal

_SUFFIX = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "P": Decimal(10**15),
    "E": Decimal(10**18),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
    "Pi": Decimal(2**50),
    "Ei": Decimal(2**60),
}
_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)([numkMGTPE]|[KMGTPE]i)?")


def parse(text: object) -> Decimal | None:
    """The number a quantity stands for, or None when it is no quantity."""
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        return None
    match = _QUANTITY.fullmatch(str(text))
    return Decimal(match[1]) * _SUFFIX[match[2] or ""] if match else None


def equal(left: object, right: object) -> bool:
    """Whether two values are the same quantity, however written: `0.1` and `100m`."""
    parsed = parse(left)
    return parsed is not None and parsed == parse(right)
