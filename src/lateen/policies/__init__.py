"""Policies that decide where components go and how they differ there. Pure."""
