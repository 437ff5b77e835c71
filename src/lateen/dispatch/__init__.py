"""From rendered manifests to objects in a cluster: ownership -> dry run -> record -> apply."""
