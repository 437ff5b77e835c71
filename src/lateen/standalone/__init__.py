"""The standalone control plane: what starts, watches and stops its processes on this machine.

The supervisor's way imports the standard library and `lateen.base` only: it stays in memory.
"""
