"""What CUE texts may ask for: `vela/...` packages, and the Python that answers their actions."""
