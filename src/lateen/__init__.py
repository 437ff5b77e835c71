"""Lateen: an application delivery control plane."""

__version__ = "0.1.0"
