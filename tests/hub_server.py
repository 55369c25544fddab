"""A Hugging Face Hub of one repository on this machine: as much of its HTTP protocol as downloads and uploads need.

Like the real one it answers HEAD and GET below ``/org/repo/resolve/``, sends weights from another host by redirection,
takes range requests there, and knows ETag, commit and error codes. ``faults`` are what a test wants to go wrong.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

REPO = "somebody/some-model"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "hf_right"


@dataclass
class Faults:
    """What goes wrong: all of it may be changed while the server runs."""

    private: bool = False
    """401 for whoever does not send ``TOKEN``."""
    status: int | None = None
    """The answer to everything."""
    cut: dict[str, int] = field(default_factory=dict)
    """How often the connection is cut in the middle of a file, by the file's name."""
    stalled: str = ""
    """The file of which half is sent, and then nothing more until this is changed."""
    half_sent: Event = field(default_factory=Event)
    """Set when that half was sent."""
    no_ranges: bool = False
    """The whole file for whoever asks for a part."""
    late_redirect: bool = False
    """The other host is only told to whoever fetches, not to whoever asks about a file."""
    sent_instead: dict[str, bytes] = field(default_factory=dict)
    """Other bytes than the repository's, by the file's name."""


@dataclass
class Hub:
    """The server's address, the commit that main is, and what it was asked for and was sent."""

    address: str
    files: dict[str, bytes]
    commit: str = COMMIT
    faults: Faults = field(default_factory=Faults)
    sent: list[tuple[str, int]] = field(default_factory=list)
    """File and first byte of each answer with content."""
    tokens: set[tuple[str, str | None]] = field(default_factory=set)
    """Host, and the Authorization that it was sent."""
    uploaded: dict[str, bytes] = field(default_factory=dict)

    @property
    def variables(self) -> dict[str, str]:
        """Environment variables of a program that is to use this Hub and no proxy."""
        return {"HF_ENDPOINT": self.address, "HF_HUB_DISABLE_XET": "1", "NO_PROXY": "*"}


@contextmanager
def serve_hub(folder: Path) -> Iterator[Hub]:
    """A Hub that holds the files of ``folder`` as the repository ``REPO``."""
    hub = Hub("", {path.name: path.read_bytes() for path in folder.iterdir()})

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            authorization = self.headers["Authorization"]
            hub.tokens.add((self.headers["Host"].partition(":")[0], authorization))
            if hub.faults.status is not None:
                self._send(hub.faults.status, b"no")
            elif path.startswith("/elsewhere/"):
                self._send_part(path.removeprefix("/elsewhere/"))
            elif hub.faults.private and authorization != f"Bearer {TOKEN}":
                self._send(401, b"", {"X-Error-Code": "RepoNotFound"} if authorization is None else _WRONG_TOKEN)
            elif not path.startswith(f"/{REPO}/resolve/"):
                self._send(404, b"", {"X-Error-Code": "RepoNotFound"})
            else:
                self._resolve(*path.removeprefix(f"/{REPO}/resolve/").split("/"))

        do_HEAD = do_GET  # noqa: N815

        def do_POST(self) -> None:
            """Make a repository, ask how files are to be sent, commit them: all of them as ordinary ones."""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if hub.faults.private and self.headers["Authorization"] != f"Bearer {TOKEN}":
                self._send(401, b"", _WRONG_TOKEN)
            elif self.path == "/api/repos/create":
                self._answer({"url": f"{hub.address}/{REPO}"})
            elif self.path == "/api/validate-yaml":
                self._answer({"errors": [], "warnings": []})
            elif self.path.startswith(f"/api/models/{REPO}/preupload/"):
                files = [{"path": file["path"], "uploadMode": "regular"} for file in json.loads(body)["files"]]
                self._answer({"files": [{**file, "shouldIgnore": False} for file in files]})
            else:
                for record in map(json.loads, body.splitlines()):
                    if record["key"] == "file":
                        hub.uploaded[record["value"]["path"]] = base64.b64decode(record["value"]["content"])
                url = f"{hub.address}/{REPO}/commit/{hub.commit}"
                self._answer({"commitOid": hub.commit, "commitUrl": url, "hookOutput": ""})

        def _resolve(self, revision: str, name: str) -> None:
            if revision not in ("main", hub.commit):
                self._send(404, b"", {"X-Error-Code": "RevisionNotFound"})
            elif name not in hub.files:
                self._send(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": hub.commit})
            elif name.endswith(".onnx"):
                size, etag = len(hub.files[name]), f'"{_hash(hub.files[name])}"'
                if hub.faults.late_redirect and self.command == "HEAD":
                    self._send(200, hub.files[name], {"ETag": etag, "X-Repo-Commit": hub.commit})
                    return
                linked = {"X-Linked-Size": str(size), "X-Linked-Etag": etag, "X-Repo-Commit": hub.commit}
                self._send(302, b"", {"Location": f"{_other_host(hub.address)}/elsewhere/{name}", **linked})
            else:
                etag = f'"{_hash(hub.files[name])}"'
                self._send_part(name, {"ETag": etag, "X-Repo-Commit": hub.commit})

        def _send_part(self, name: str, headers: dict[str, str] | None = None) -> None:
            """The file from the byte on that the client asks for, perhaps only half of what it is told to expect."""
            content = hub.faults.sent_instead.get(name, hub.files[name])
            start = int((self.headers["Range"] or "bytes=0-").removeprefix("bytes=").partition("-")[0])
            if hub.faults.no_ranges:
                start = 0
            ranged = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if start else {}
            if self.command == "GET":
                hub.sent.append((name, start))
            self._send(206 if start else 200, content[start:], {**(headers or {}), **ranged}, name)

        def _answer(self, content: object) -> None:
            self._send(200, json.dumps(content).encode(), {"Content-Type": "application/json"})

        def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None, name: str = "") -> None:
            self.send_response(status)
            for key, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
                self.send_header(key, value)
            self.end_headers()
            if self.command == "HEAD":
                return
            if hub.faults.cut.get(name, 0) > 0:
                hub.faults.cut[name] -= 1
                body = body[: len(body) // 2]
                self.close_connection = True
            if name and name == hub.faults.stalled:
                self.wfile.write(body[: len(body) // 2])
                hub.faults.half_sent.set()
                while hub.faults.stalled:
                    time.sleep(0.01)
                self.close_connection = True
                return
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Not on stderr, where it would mix with the test's own output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


_WRONG_TOKEN = {"X-Error-Message": "Invalid credentials in Authorization header"}


def _other_host(address: str) -> str:
    """The same server under another name, as the real Hub keeps large files elsewhere."""
    return address.replace("127.0.0.1", "localhost")


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
