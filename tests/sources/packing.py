"""Charts and trees made for tests, as their authors would publish them."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Mapping

Files = dict[str, str]

CONFIG = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-config
data:
  greeting: {{ .Values.greeting | quote }}
  revision: {{ .Release.Revision | quote }}
"""


def chart(name: str = "demo", version: str = "1.0.0", extra: str = "", **files: str) -> Files:
    """The files of a chart; `files` are further ones by path, with / written as __."""
    return {
        "Chart.yaml": f"apiVersion: v2\nname: {name}\nversion: {version}\n{extra}",
        "values.yaml": "greeting: hello\n",
        "templates/config.yaml": CONFIG,
        **{path.replace("__", "/"): text for path, text in files.items()},
    }


def archive(files: Mapping[str, str | bytes], folder: str = "demo") -> bytes:
    """A gzipped tar file with the files in one folder; the same bytes for the same files."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as tar,
    ):
        for path, text in files.items():
            content = text.encode() if isinstance(text, str) else text
            entry = tarfile.TarInfo(f"{folder}/{path}" if folder else path)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()
