"""Garbage: what an application once had applied and no longer declares. plan (pure) -> sweep."""
