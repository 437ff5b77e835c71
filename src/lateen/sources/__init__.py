"""Charts and trees of files: fetched, kept by digest, and turned into objects."""
