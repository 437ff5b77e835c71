"""Where a control plane says how it is: metrics, and whether it can do its work."""

from __future__ import annotations

import urllib.error
import urllib.request

from tests.e2e import planes
from tests.e2e.planes import Plane


def ask(url: str) -> tuple[int, str]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_the_controllers_are_not_ready_while_their_watches_are_lost(other: Plane) -> None:
    told = other.run("server", "status", "-o", "json").data
    [address] = [each["address"] for each in told["processes"] if each["address"]]
    assert f"metrics     http://{address}/metrics\n" in other.run("server", "status").out
    url = f"http://{address}"
    assert "lateen_queue_depth" in ask(f"{url}/metrics")[1]
    planes.until(lambda: ask(f"{url}/readyz") == (200, "ok\n"))

    def lost() -> str | None:
        status, text = ask(f"{url}/readyz")
        return text if status == 503 else None

    with other.frozen("supervisor"):  # which would start it again before anybody looks
        kube = other.strike("kube")
        assert "not up to date" in planes.until(lost)
        assert ask(f"{url}/healthz") == (200, "ok\n")
    other.replaced("kube", kube)
    planes.until(lambda: ask(f"{url}/readyz") == (200, "ok\n"))
