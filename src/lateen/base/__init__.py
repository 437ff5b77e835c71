"""What could be a library of its own. No word of Kubernetes or OAM."""
