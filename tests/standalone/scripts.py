"""Small programs in the place of the real ones: each does one thing a child may do."""

from __future__ import annotations

import sys
from pathlib import Path

from lateen.standalone.programs import Program

READY = """
import json, signal, sys, time
print(json.dumps({"event": "ready", "port": 1}), flush=True)
"""
WAIT = """
while True:
    time.sleep(60)
"""


def steady(name: str, journal: Path | None = None) -> Program:
    """Ready at once; ends when asked, and then writes its name into `journal`."""
    note = f"open({str(journal)!r}, 'a').write({name + ' '!r})" if journal else "pass"
    # heard from before it is ready: who stops it then is to see it end by itself
    heard = f"""
import signal, sys
def stop(*_):
    {note}
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
"""
    return script(name, heard + READY + WAIT)


def script(
    name: str,
    text: str,
    *,
    announces: bool = True,
    ready_within: float = 60.0,
    stop_within: float = 60.0,
) -> Program:
    """A program with this text."""
    command = (sys.executable, "-S", "-c", text)
    return Program(
        name, command, announces=announces, ready_within=ready_within, stop_within=stop_within
    )
