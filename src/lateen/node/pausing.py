"""The image of the container that holds a pod's network: one program that waits for ever.

It is made here, so that no registry has to be asked: an ELF file of some 130 bytes whose only code
is a system call that never returns, in a loop.
"""

from __future__ import annotations

import io
import struct
import tarfile

from lateen.base.problem import Problem

NAME = "localhost/lateen-pause"
PROGRAM = "/pause"

_BASE = 0x400000
_HEADERS = 64 + 56
# (ELF machine, code)
_MACHINES = {
    # mov eax, 34 (pause); syscall; jmp back
    "amd64": (62, bytes.fromhex("b822000000 0f05 ebf7")),
    # mov x0..x3, 0; mov x8, 73 (ppoll); svc 0; b back to the first
    "arm64": (
        183,
        struct.pack("<7I", *(0xD2800000 + n for n in range(4)), 0xD2800928, 0xD4000001, 0x17FFFFFA),
    ),
}


def program(architecture: str) -> bytes:
    """The program for an architecture, named as images name it.

    Raises:
        Problem: `node.engine-architecture` for one we have no code for.
    """
    if architecture not in _MACHINES:
        raise Problem("node.engine-architecture", f"containers cannot run on {architecture}")
    machine, code = _MACHINES[architecture]
    size = _HEADERS + len(code)
    identity = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)
    header = struct.pack(
        "<16sHHIQQQIHHHHHH", identity, 2, machine, 1, _BASE + _HEADERS, 64, 0, 0, 64, 56, 1, 0, 0, 0
    )
    load = struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, size, size, 0x1000)
    return header + load + code


def archive(architecture: str) -> bytes:
    """The image's only layer."""
    data = program(architecture)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        entry = tarfile.TarInfo(PROGRAM.removeprefix("/"))
        entry.size, entry.mode = len(data), 0o755
        tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()
