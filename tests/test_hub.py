"""Models on the Hub: huggingface_hub itself, against a Hub on this machine, with everything that can go wrong.

HF_ENDPOINT and HF_HUB_OFFLINE are read when huggingface_hub is imported, so each test has an interpreter of its own.
The pauses between two tries are left out.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import pytest
from fresh_python import run_python
from hub_server import COMMIT, REPO, TOKEN, Hub, serve_hub
from tiny_models import mean_colour_network, pose_config, write_model, write_pose_model

PADDED = mean_colour_network() + b"\x12\x80\x80\x10" + bytes(1 << 18)  # producer_name; it takes several reads

DOWNLOAD = """
import logging, os, sys, time
import headpose_sdk, huggingface_hub
time.sleep = lambda seconds: None
huggingface_hub.logging.set_verbosity_error()
if "LOG" in os.environ:
    logging.basicConfig(stream=sys.stdout, format="%(levelname)s %(message)s")
    logging.getLogger("headpose_sdk").setLevel("INFO")
for name in sys.argv[1:]:
    try:
        print(headpose_sdk.download_model(name, cache_dir="cache"))
    except headpose_sdk.ModelError as error:
        print(f"{type(error).__name__}: {error}")
"""


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """A Hub with a model of some hundred kilobytes, and a file that is not needed."""
    source = write_model(tmp_path / "source", pose_config(PADDED), PADDED)
    (source / "README.md").write_text("not needed to run")
    with serve_hub(source) as served:
        yield served


def download(hub: Hub, folder: Path, *names: str, **variables: str) -> list[str]:
    return run_python(DOWNLOAD, *(names or (REPO,)), folder=folder, **hub.variables, **variables).splitlines()


def snapshot(folder: Path, commit: str = COMMIT) -> Path:
    return folder / "cache" / f"models--{REPO.replace('/', '--')}" / "snapshots" / commit


def holds_the_model_alone(path: Path, hub: Hub) -> bool:
    """Whether the snapshot has the model's files and the cache not a byte of content more."""
    files = {file.name: file.read_bytes() for file in path.iterdir()}
    blobs = sorted(blob.read_bytes() for blob in (path.parents[1] / "blobs").iterdir())
    needed = {name: hub.files[name] for name in ("config.json", "model.onnx")}
    return files == needed and blobs == sorted(needed.values())


def nothing_is_kept(folder: Path, *, but: tuple[str, ...] = ()) -> bool:
    """Whether no file but those named is there to be used; bytes to go on from (.incomplete) may be."""
    used = [path for path in (folder / "cache").rglob("*") if path.suffix in (".json", ".onnx")]
    blobs = [path for path in (folder / "cache").rglob("blobs/*") if path.suffix != ".incomplete"]
    return {path.name for path in used} == set(but) and len(blobs) == len(but)


# What is asked for is what comes


def test_a_model_is_fetched_once_and_then_needs_no_network(hub: Hub, tmp_path: Path) -> None:
    first = download(hub, tmp_path, REPO, f"{REPO}@{COMMIT}", LOG="1")
    path = snapshot(tmp_path)
    assert [line for line in first if not line.startswith("INFO")] == [str(path)] * 2
    assert f"INFO {REPO}: took commit {COMMIT}" in first
    assert holds_the_model_alone(path, hub)
    assert sorted(hub.sent) == [("config.json", 0), ("model.onnx", 0)]

    hub.faults.status = 503
    code = """
import socket, headpose_sdk
class NoNetwork(socket.socket):
    def __init__(self, *args, **kwargs):
        raise AssertionError("a socket was opened")
socket.socket = socket.create_connection = socket.getaddrinfo = NoNetwork
import sys
for name in sys.argv[1:]:
    print(headpose_sdk.HeadPoseEstimator(name, cache_dir="cache", threads=1).config.name)
"""
    assert run_python(code, REPO, f"{REPO}@{COMMIT}", folder=tmp_path, **hub.variables).split() == ["tiny-pose"] * 2
    assert download(hub, tmp_path, f"{REPO}@{COMMIT}") == download(hub, tmp_path) != []


def test_a_name_keeps_its_commit_until_the_newest_is_asked_for(hub: Hub, tmp_path: Path) -> None:
    download(hub, tmp_path)
    hub.commit = "f" * 40
    find = "import headpose_sdk.weights as w, sys; print(w.find_model(sys.argv[1], cache_dir='cache').path.name)"
    assert run_python(find, REPO, folder=tmp_path, **hub.variables) == COMMIT
    assert download(hub, tmp_path)[0].endswith("f" * 40)
    assert run_python(find, REPO, folder=tmp_path, **hub.variables) == "f" * 40
    assert sorted(hub.sent) == [("config.json", 0), ("model.onnx", 0)]  # the same bytes are not sent again


def test_the_cache_is_where_hf_home_says(hub: Hub, tmp_path: Path) -> None:
    code = "import headpose_sdk, sys; print(headpose_sdk.download_model(sys.argv[1]))"
    answer = run_python(code, REPO, folder=tmp_path, **hub.variables, HF_HOME=str(tmp_path / "home"))
    assert Path(answer).is_relative_to(tmp_path / "home" / "hub")


def test_a_private_repository_wants_a_token_which_the_host_of_the_weights_never_sees(hub: Hub, tmp_path: Path) -> None:
    hub.faults.private = True
    [without] = download(hub, tmp_path, HF_TOKEN="")
    assert without == (
        f"ModelDownloadError: model {REPO} could not be downloaded: the Hub has no such repository, or it is private, "
        "and there is no such folder here either; check the name, or log in with `hf auth login`"
    )
    [wrong] = download(hub, tmp_path, HF_TOKEN="hf_wrong")
    assert (
        "the Hub wants to know who asks, or the token is wrong; log in with `hf auth login`, or set HF_TOKEN" in wrong
    )
    assert nothing_is_kept(tmp_path)
    [path] = download(hub, tmp_path, HF_TOKEN=TOKEN)
    assert path.endswith(COMMIT)
    assert ("127.0.0.1", f"Bearer {TOKEN}") in hub.tokens
    assert {token for host, token in hub.tokens if host == "localhost"} == {None}


def test_the_token_stays_with_the_hub_also_where_only_the_fetch_is_redirected(hub: Hub, tmp_path: Path) -> None:
    hub.faults.private = hub.faults.late_redirect = True
    assert download(hub, tmp_path, HF_TOKEN=TOKEN)[0].endswith(COMMIT)
    assert holds_the_model_alone(snapshot(tmp_path), hub)
    assert {token for host, token in hub.tokens if host == "localhost"} == {None}


def test_a_published_name_is_pinned_to_the_byte(hub: Hub, tmp_path: Path) -> None:
    code = """
import hashlib, sys
from headpose_sdk import ModelError, weights
for name, digest in zip(("right", "wrong"), sys.argv[3:]):
    weights.PUBLISHED[name] = weights.PublishedModel(
        kind="pose", repo=sys.argv[1], revision=sys.argv[2], config_sha256=digest, size=1, license="MIT"
    )
print(weights.list_models()[-1].repository, weights.list_models()[-1].bundled)
for name in ("right", "wrong"):
    try:
        print(weights.find_model(name, cache_dir="cache").config.name)
    except ModelError as error:
        print(type(error).__name__, error)
"""
    digests = (hashlib.sha256(hub.files["config.json"]).hexdigest(), "0" * 64)
    listed, right, wrong = run_python(code, REPO, COMMIT, *digests, folder=tmp_path, **hub.variables).splitlines()
    assert (listed, right) == (f"{REPO}@{COMMIT} False", "tiny-pose")
    assert wrong.startswith(f"ModelIntegrityError the Hub sent a wrong config.json for {REPO}@{COMMIT}, twice")


# What can go wrong


def test_a_cut_connection_goes_on_where_it_was(tmp_path: Path) -> None:
    large = mean_colour_network() + bytes(2 << 20)
    with serve_hub(write_model(tmp_path / "source", pose_config(large), large)) as hub:
        hub.faults.cut["model.onnx"] = 1
        assert download(hub, tmp_path)[0].endswith(COMMIT)
    assert holds_the_model_alone(snapshot(tmp_path), hub)
    assert [start for name, start in hub.sent if name == "model.onnx"] == [0, len(large) // 2]


def test_a_connection_that_is_always_cut_leaves_nothing_and_the_next_try_ends_well(hub: Hub, tmp_path: Path) -> None:
    hub.faults.cut["model.onnx"] = 99
    [answer] = download(hub, tmp_path)
    assert answer.startswith(f"ModelDownloadError: model {REPO} could not be downloaded: ")
    assert answer.endswith("check the name and the connection, or try again later")
    assert nothing_is_kept(tmp_path, but=("config.json",))
    hub.faults.cut.clear()
    assert download(hub, tmp_path)[0].endswith(COMMIT)
    assert holds_the_model_alone(snapshot(tmp_path), hub)


def test_a_download_that_was_killed_goes_on_where_it_was(hub: Hub, tmp_path: Path) -> None:
    hub.faults.stalled = "model.onnx"
    code = "import headpose_sdk, sys; headpose_sdk.download_model(sys.argv[1], cache_dir='cache')"
    process = subprocess.Popen(
        [sys.executable, "-c", code, REPO],
        cwd=tmp_path,
        env={**os.environ, **hub.variables, "HF_HOME": str(tmp_path / "hf")},
    )
    assert hub.faults.half_sent.wait(60)
    while process.poll() is None and unfinished_bytes(tmp_path) < len(PADDED) // 2:
        time.sleep(0.01)
    process.kill()
    process.wait()
    hub.faults.stalled = ""
    assert nothing_is_kept(tmp_path, but=("config.json",))
    assert download(hub, tmp_path)[0].endswith(COMMIT)
    assert (snapshot(tmp_path) / "model.onnx").read_bytes() == PADDED
    assert holds_the_model_alone(snapshot(tmp_path), hub)
    (config, _), (_, begun), (weights, again) = hub.sent
    assert (config, begun, weights) == ("config.json", 0, "model.onnx")
    assert again == len(PADDED) // 2  # all that had been sent


def test_more_bytes_than_the_file_has_are_not_gone_on_from(hub: Hub, tmp_path: Path) -> None:
    blobs = tmp_path / "cache" / f"models--{REPO.replace('/', '--')}" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / f"{hashlib.sha256(PADDED).hexdigest()}.incomplete").write_bytes(PADDED + b"more")
    assert download(hub, tmp_path)[0].endswith(COMMIT)
    assert holds_the_model_alone(snapshot(tmp_path), hub)


def test_what_cannot_be_fetched_again_is_not_thrown_away(hub: Hub, tmp_path: Path) -> None:
    """The cache may be shared with a newer version, which reads what this one cannot."""
    download(hub, tmp_path)
    config = snapshot(tmp_path) / "config.json"
    newer = config.read_bytes().replace(b'"format": 1', b'"format": 2')
    config.write_bytes(newer)
    assert "ModelIntegrityError" in download(hub, tmp_path, HF_HUB_OFFLINE="1")[0]
    assert config.read_bytes() == newer


def unfinished_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in (folder / "cache").rglob("*.incomplete"))


def test_a_host_without_ranges_sends_it_all_again(hub: Hub, tmp_path: Path) -> None:
    blobs = tmp_path / "cache" / f"models--{REPO.replace('/', '--')}" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / f"{hashlib.sha256(PADDED).hexdigest()}.incomplete").write_bytes(PADDED[:1000])
    hub.faults.no_ranges = True
    assert download(hub, tmp_path)[0].endswith(COMMIT)
    assert holds_the_model_alone(snapshot(tmp_path), hub)


def test_a_wrong_beginning_of_a_file_is_found_and_fetched_again(hub: Hub, tmp_path: Path) -> None:
    blobs = tmp_path / "cache" / f"models--{REPO.replace('/', '--')}" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / f"{hashlib.sha256(PADDED).hexdigest()}.incomplete").write_bytes(b"another file")
    assert download(hub, tmp_path)[0].endswith(COMMIT)
    assert holds_the_model_alone(snapshot(tmp_path), hub)
    assert [start for name, start in hub.sent if name == "model.onnx"] == [12, 0]


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (403, "this account may not read it; ask its owner for access"),
        (429, "the Hub says that this address asks too often; wait some minutes, or log in"),
        (503, "the Hub is out of order (HTTP 503); try again later"),
    ],
)
def test_a_refusal_says_what_to_do(hub: Hub, tmp_path: Path, status: int, reason: str) -> None:
    hub.faults.status = status
    [answer] = download(hub, tmp_path)
    assert answer.startswith(f"ModelDownloadError: model {REPO} could not be downloaded: {reason}")
    assert nothing_is_kept(tmp_path)


def test_what_the_hub_does_not_have(hub: Hub, tmp_path: Path) -> None:
    del hub.files["model.onnx"]
    *unknown, odd, incomplete = download(hub, tmp_path, f"{REPO}@v9", "somebody/else", f"somebody/{'x' * 99}", REPO)
    assert unknown == [
        f"ModelDownloadError: model {REPO}@v9 could not be downloaded: the repository has no such revision; "
        "check the branch, tag or commit after the @",
        "ModelDownloadError: model somebody/else could not be downloaded: the Hub has no such repository, or it is "
        "private, and there is no such folder here either; check the name, or log in with `hf auth login`",
    ]
    assert odd.startswith(f"ModelDownloadError: model somebody/{'x' * 99} could not be downloaded: Repo id must use")
    assert incomplete.endswith("the Hub has no such file; check the name and the revision")


def test_a_repository_without_a_model_in_it(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "README.md").write_text("a data set, say")
    with serve_hub(tmp_path / "source") as hub:
        [answer] = download(hub, tmp_path)
    assert answer.endswith("the Hub has no such file; check the name and the revision")


@pytest.mark.parametrize("sent", [b"x" * len(PADDED), PADDED[:-1] + b"x"])
def test_wrong_weights_are_not_kept(hub: Hub, tmp_path: Path, sent: bytes) -> None:
    hub.faults.sent_instead["model.onnx"] = sent
    [answer] = download(hub, tmp_path)
    assert answer.startswith(
        f"ModelIntegrityError: the Hub sent a wrong model.onnx for {REPO}, twice, and it was not kept"
    )
    assert nothing_is_kept(tmp_path, but=("config.json",))
    hub.faults.sent_instead.clear()
    assert download(hub, tmp_path)[0].endswith(COMMIT)
    assert holds_the_model_alone(snapshot(tmp_path), hub)


def config(**changes: object) -> bytes:
    """The config.json of a model, with some fields changed, and those that are None left out."""
    fields = {"format": 1, **asdict(pose_config(PADDED)), **changes}
    return json.dumps({name: value for name, value in fields.items() if value is not None}).encode()


@pytest.mark.parametrize(
    ("sent", "cause"),
    [
        (b"<html>a captive portal</html>", "is no JSON"),
        (config(bins=None), "lacks bins"),
        (config(colour="red"), "has an unknown field colour"),
        (config(files={"cpu": {"name": "../../model.onnx", "sha256": "0" * 64}}), "is no plain file name"),
    ],
)
def test_a_wrong_config_is_not_kept(hub: Hub, tmp_path: Path, sent: bytes, cause: str) -> None:
    hub.files["config.json"] = sent
    [answer] = download(hub, tmp_path)
    assert answer.startswith(f"ModelIntegrityError: the Hub sent a wrong config.json for {REPO}, twice")
    assert cause in answer
    assert nothing_is_kept(tmp_path)


def test_weights_that_are_no_network_are_an_error_of_the_model(tmp_path: Path) -> None:
    source = write_model(tmp_path / "source", pose_config(b"no ONNX at all"), b"no ONNX at all")
    code = """
import headpose_sdk, sys
try:
    headpose_sdk.HeadPoseEstimator(sys.argv[1], cache_dir="cache", device="cpu")
except headpose_sdk.ModelIntegrityError as error:
    print(error)
"""
    with serve_hub(source) as hub:
        assert "ONNX Runtime cannot load the network" in run_python(code, REPO, folder=tmp_path, **hub.variables)


def test_a_file_that_was_damaged_in_the_cache_is_fetched_again(hub: Hub, tmp_path: Path) -> None:
    download(hub, tmp_path)
    (snapshot(tmp_path) / "model.onnx").write_bytes(b"a bad block")
    assert download(hub, tmp_path)[0].endswith(COMMIT)
    assert holds_the_model_alone(snapshot(tmp_path), hub)


# The machine's side


def test_offline_and_not_cached_names_the_next_action(hub: Hub, tmp_path: Path) -> None:
    [answer] = download(hub, tmp_path, HF_HUB_OFFLINE="1")
    assert answer.startswith(
        f"ModelDownloadError: model {REPO} could not be downloaded: it is not in the local cache, and the Hub cannot "
        "be reached or was not to be asked; check the name, connect once, or give the folder of a copy ("
    )
    assert "HF_HUB_OFFLINE" in answer
    assert hub.tokens == set()
    download(hub, tmp_path)
    assert download(hub, tmp_path, HF_HUB_OFFLINE="1")[0].endswith(COMMIT)


def test_local_files_only_never_asks_the_hub(hub: Hub, tmp_path: Path) -> None:
    code = """
import headpose_sdk
try:
    headpose_sdk.HeadPoseEstimator("somebody/some-model", cache_dir="cache", local_files_only=True)
except headpose_sdk.ModelDownloadError as error:
    print(error)
"""
    assert "it is not in the local cache" in run_python(code, folder=tmp_path, **hub.variables)
    assert hub.tokens == set()


def test_a_hub_that_is_not_there(tmp_path: Path) -> None:
    with serve_hub(write_pose_model(tmp_path / "source")) as hub:
        pass
    [answer] = download(hub, tmp_path)
    assert "it is not in the local cache, and the Hub cannot be reached" in answer


def test_a_full_disk_is_told_and_leaves_nothing_half(hub: Hub, tmp_path: Path) -> None:
    limit = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    limit += "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
    answer = run_python(limit + DOWNLOAD, REPO, folder=tmp_path, PYTHONDONTWRITEBYTECODE="1", **hub.variables)
    assert answer == (
        f"ModelDownloadError: model {REPO} could not be downloaded: {tmp_path}/cache cannot be written "
        "(File too large); free space there, or give another cache_dir or HF_HOME"
    )
    assert nothing_is_kept(tmp_path, but=("config.json",))


WITHOUT_ROOTS_RIGHTS = """
import ctypes
header, none = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
assert ctypes.CDLL(None).capset(header, none) == 0  # root may write anywhere, by a capability
"""


@pytest.mark.skipif(sys.platform != "linux", reason="capabilities are Linux's")
def test_a_cache_that_may_not_be_written_is_told_unless_all_is_there(hub: Hub, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    with read_only(cache):
        answer = run_python(WITHOUT_ROOTS_RIGHTS + DOWNLOAD, REPO, folder=tmp_path, **hub.variables)
    assert "/cache cannot be written (Permission denied); free space there, or give another cache_dir or" in answer
    download(hub, tmp_path)
    with read_only(cache):
        answer = run_python(WITHOUT_ROOTS_RIGHTS + DOWNLOAD, REPO, folder=tmp_path, **hub.variables)
    assert answer.endswith(COMMIT)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    folders = [folder, *(path for path in folder.rglob("*") if path.is_dir() and not path.is_symlink())]
    for each in folders:
        each.chmod(0o555)
    try:
        yield
    finally:
        for each in folders:
            each.chmod(0o755)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes that begin at once are forked")
def test_thirty_processes_at_once_fetch_it_once(hub: Hub, tmp_path: Path) -> None:
    code = """
import os, sys
import headpose_sdk, huggingface_hub.errors, huggingface_hub.file_download
begin, go = os.pipe()
children = []
for _ in range(30):
    child = os.fork()
    if child == 0:
        os.close(go)
        os.read(begin, 1)  # returns when the parent closes its end: all of them begin at once
        headpose_sdk.download_model(sys.argv[1], cache_dir="cache")
        os._exit(0)
    children.append(child)
os.close(go)
print([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children])
"""
    assert run_python(code, REPO, folder=tmp_path, **hub.variables) == str([0] * 30)
    assert holds_the_model_alone(snapshot(tmp_path), hub)
    assert sorted(hub.sent) == [("config.json", 0), ("model.onnx", 0)]
