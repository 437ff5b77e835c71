"""Is what was delivered healthy: definitions' own rules, and those of the resource tree."""
