"""What is used of processors and memory, from the kernel, and as rates."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from lateen.node import measuring
from lateen.node.measuring import Measurements, Sample, Usage

BUSY = """
import os, sys, time
held = b"x" * 60_000_000
if os.fork():
    time.sleep(60)  # the leader does nothing
while time.process_time() < 0.5:
    pass
sys.stdout.write("done")
sys.stdout.flush()
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_process_counts_with_its_descendants():
    with subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.read(4) == b"done"
            found = measuring.take({("pod", "main"): process.pid, ("pod", "gone"): 1 << 30})
        finally:
            subprocess.run(["pkill", "-9", "-P", str(process.pid)], check=False)
            process.kill()
    [((_, name), (leader, usage))] = found.containers.items()
    assert (name, leader) == ("main", process.pid)
    assert usage.seconds >= 0.4
    assert usage.memory >= 60_000_000
    assert found.machine.memory > usage.memory / 4
    assert found.machine.seconds > usage.seconds


def sample(when, seconds, leader=7, machine=0.0):
    used = {("pod", "main"): (leader, Usage(seconds, 10))}
    return Sample(when, Usage(machine, 20), used)


@pytest.mark.parametrize(
    ("before", "now", "cores"),
    [
        pytest.param(sample(100, 1), sample(110, 6), 0.5, id="between two"),
        pytest.param(
            sample(100, 50), sample(110, 3, leader=8), 0.3, id="another start begins at nothing"
        ),
        pytest.param(
            Sample(100, Usage(), {}), sample(110, 2), 0.2, id="what has come begins at nothing"
        ),
        pytest.param(sample(100, 9), sample(110, 8), 0.0, id="never below nothing"),
    ],
)
def test_rates(before, now, cores):
    reading = measuring.compare(before, now)
    assert reading.window == 10
    assert reading.pod("pod")["main"].cores == pytest.approx(cores)
    assert reading.pod("other") == {}


@pytest.mark.anyio
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_the_first_question_waits_for_something_to_compare_with():
    measurements = Measurements(dict)
    began = time.monotonic()
    first = await measurements.read()
    assert time.monotonic() - began >= 1
    assert first.window >= 1
    second = await measurements.read()
    assert second.window > first.window
