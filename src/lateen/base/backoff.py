"""Waiting longer after each failure, with a ceiling."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays from `first` seconds, times `factor` after each failure, never over `ceiling`."""

    first: float = 1.0
    factor: float = 2.0
    ceiling: float = 60.0

    def delay(self, failures: int) -> float:
        """Seconds to wait after the n-th failure in a row; 0 before the first."""
        if failures <= 0:
            return 0.0
        return float(min(self.ceiling, self.first * self.factor ** min(failures - 1, 64)))
