"""A Hugging Face Hub of one repository on this machine: as much of its HTTP protocol as a download needs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

REPO = "somebody/some-model"
COMMIT = "0123456789abcdef0123456789abcdef01234567"

_ASKED_BY_OLD_CLIENTS = {"private": False, "disabled": False, "downloads": 0, "likes": 0, "tags": []}


@contextmanager
def serve_repository(folder: Path) -> Iterator[str]:
    """The address of a Hub that holds the files of ``folder`` as the repository ``REPO`` at ``COMMIT``."""
    files = {path.name: path.read_bytes() for path in folder.iterdir()}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            name = path.rpartition("/")[2]
            if path in (f"/api/models/{REPO}", *(f"/api/models/{REPO}/revision/{at}" for at in ("main", COMMIT))):
                siblings = [{"rfilename": file} for file in files]
                self._answer({"id": REPO, "sha": COMMIT, "siblings": siblings, **_ASKED_BY_OLD_CLIENTS})
            elif path.startswith(f"/api/models/{REPO}/tree/"):
                self._answer([self._entry(file) for file in files])
            elif path == f"/{REPO}/resolve/{COMMIT}/{name}" and name in files:
                self._send(200, files[name], {"ETag": f'"{_hash(files[name])}"', "X-Repo-Commit": COMMIT})
            else:
                known = path.startswith((f"/api/models/{REPO}", f"/{REPO}"))
                self._send(404, b"", {"X-Error-Code": "RevisionNotFound" if known else "RepoNotFound"})

        do_HEAD = do_GET  # noqa: N815

        def _entry(self, file: str) -> dict[str, object]:
            return {"type": "file", "path": file, "size": len(files[file]), "oid": _hash(files[file])}

        def _answer(self, content: object) -> None:
            self._send(200, json.dumps(content).encode(), {"Content-Type": "application/json"})

        def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Not on stderr, where it would mix with the test's own output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
