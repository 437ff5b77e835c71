"""The servers that steps speak to, as for applications."""

from __future__ import annotations

from tests.controllers.application.conftest import office, server

__all__ = ["office", "server"]
