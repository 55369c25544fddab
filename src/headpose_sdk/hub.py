"""Models on the Hugging Face Hub: fetched file by file into its cache, checked there, and explained where that fails.

A commit is fetched as one: ``config.json`` names the weights and their SHA-256, and what differs from it is thrown out
of the cache again. What is there already is used without the network. huggingface_hub does the rest: HF_HOME,
HF_ENDPOINT, HF_HUB_OFFLINE and the token, locks between processes, atomic renames, what to try again. Only one thing
it does not do: since its version 2 it begins a file again that a killed process left unfinished. So the bytes of the
weights are fetched here first, into the cache's own layout, where it finds them.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from os import PathLike
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from headpose_sdk.config import CONFIG_NAME, ModelFolder, open_folder
from headpose_sdk.errors import HeadPoseError, ModelDownloadError, ModelIntegrityError, first_line

__all__ = ["HubRepository", "fetch_model", "reason"]

_log = logging.getLogger(__name__)

_PARTIAL_CONTENT, _TOO_OFTEN = 206, 429
_NOT_CACHED = (
    "it is not in the local cache, and the Hub cannot be reached or was not to be asked; "
    "check the name, connect once, or give the folder of a copy"
)
_BY_STATUS = {
    401: "the Hub wants to know who asks, or the token is wrong; log in with `hf auth login`, or set HF_TOKEN",
    403: "this account may not read it; ask its owner for access on its page, then log in with `hf auth login`",
    404: "the Hub has no such file; check the name and the revision",
    _TOO_OFTEN: "the Hub says that this address asks too often; wait some minutes, or log in with `hf auth login`",
}


@dataclass(frozen=True, slots=True)
class HubRepository:
    """``org/repo``, and the branch, tag or commit in it; None is its main branch."""

    name: str
    revision: str | None = None

    def __str__(self) -> str:
        return f"{self.name}@{self.revision}" if self.revision else self.name


def fetch_model(
    repository: HubRepository,
    *,
    config_sha256: str | None = None,
    newest: bool = False,
    cache_dir: str | PathLike[str] | None = None,
    local_files_only: bool = False,
) -> ModelFolder:
    """The model in ``repository``, from the cache where it is complete there, else from the Hub.

    A branch or tag stands for the commit that it was when it was first fetched, until ``newest`` asks the Hub again;
    then every file is checked, not only what was just downloaded. ``config_sha256`` pins config.json, and with it the
    weights.

    Raises:
        ModelDownloadError: if the Hub cannot be reached or refuses, or the cache cannot be written.
        ModelIntegrityError: if what it sends is no model, or not the one that config.json describes.
    """
    files = _Files(repository, None if cache_dir is None else Path(cache_dir).absolute(), local_files_only)

    def check_config(path: Path) -> None:
        if config_sha256 is not None and hashlib.sha256(path.read_bytes()).hexdigest() != config_sha256:
            raise ModelIntegrityError(f"{path} is not the one that this version of headpose-sdk knows; upgrade it")
        open_folder(path.parent)

    config = _checked(lambda: files.config(newest=newest), check_config, files)
    folder = open_folder(config.parent)
    commit = folder.path.name
    _log.info("%s: took commit %s", repository, commit)

    def fetch_weights(device: str, file: str) -> None:
        if newest or files.cached(file, commit) is None:
            _checked(lambda: files.weights(file, folder.path), lambda _: folder.read_weights(device), files)

    for device, entry in folder.config.files.items():
        fetch_weights(device, entry.name)
    return folder


# huggingface_hub is imported where it is needed: that takes longer than everything else together, and most programs
# never need it.


@dataclass(frozen=True, slots=True)
class _Files:
    """The files of a repository, in ``cache`` (None: where huggingface_hub keeps its own) and on the Hub."""

    repository: HubRepository
    cache: Path | None
    local_files_only: bool

    def cached(self, file: str, revision: str | None) -> Path | None:
        """The file as far as it is here already."""
        from huggingface_hub import try_to_load_from_cache

        with _explained(self.repository, self.cache):
            path = try_to_load_from_cache(self.repository.name, file, cache_dir=self.cache, revision=revision)
        return Path(path) if isinstance(path, str) else None  # it may also say that there is no such file

    def get(self, file: str, revision: str | None) -> Path:
        """The file of that revision, fetched unless it is here. A commit never changes, so only a name is asked for."""
        from huggingface_hub import hf_hub_download

        if self.local_files_only:  # huggingface_hub would ask the Hub something even so
            raise ModelDownloadError(f"model {self.repository} could not be downloaded: {_NOT_CACHED}")
        with _explained(self.repository, self.cache):
            return Path(hf_hub_download(self.repository.name, file, revision=revision, cache_dir=self.cache))

    def weights(self, file: str, snapshot: Path) -> Path:
        """The file of the commit in ``snapshot``, from where a process that was killed had come to."""
        if self.local_files_only or self.cached(file, snapshot.name) is not None:
            return self.get(file, snapshot.name)
        with _explained(self.repository, self.cache):
            unfinished = self._go_on(file, snapshot)
        path = self.get(file, snapshot.name)
        if unfinished is not None:
            unfinished.unlink(missing_ok=True)
        return path

    def _go_on(self, file: str, snapshot: Path) -> Path | None:
        """Fetch what is missing of the file's bytes; where the connection ends too early, the unfinished file.

        What the Hub refuses is left to ``hf_hub_download``, which asks again and explains.
        """
        from huggingface_hub import get_hf_file_metadata, hf_hub_url
        from huggingface_hub.utils import WeakFileLock, build_hf_headers

        url = hf_hub_url(self.repository.name, file, revision=snapshot.name)
        try:
            there = get_hf_file_metadata(url)
        except Exception as error:  # of two HTTP libraries, as in _explained
            _log.debug("%s: %s", url, error)
            return None
        if there.etag is None or there.size is None:
            return None
        storage = snapshot.parent.parent
        blob, lock = storage / "blobs" / there.etag, storage.parent / ".locks" / storage.name / f"{there.etag}.lock"
        unfinished = blob.with_name(f"{blob.name}.incomplete")  # the cache's own name for it: `hf cache` knows it
        # The token is for the Hub; the host that it sends us to for large files is not to see it.
        same_host = urlsplit(there.location)[:2] == urlsplit(url)[:2]
        headers = {key: str(value) for key, value in (build_hf_headers() if same_host else {}).items()}
        lock.parent.mkdir(parents=True, exist_ok=True)
        with WeakFileLock(lock):
            if blob.exists():
                return None
            try:
                complete = _append_rest(unfinished, there.size, there.location, headers, file)
            except OSError:  # a full disk is not to stay full of what cannot be finished
                unfinished.unlink(missing_ok=True)
                raise
            if complete:
                unfinished.replace(blob)
        return None if complete else unfinished

    def config(self, *, newest: bool) -> Path:
        """config.json, whose folder is named after the commit."""
        known = self.cached(CONFIG_NAME, self.repository.revision)
        if known is not None and (self.local_files_only or not newest):
            return known
        if known is None and not self.local_files_only:
            self._ask_the_hub()
        return self.get(CONFIG_NAME, self.repository.revision)

    @property
    def reachable(self) -> bool:
        """Whether the Hub answers, and may be asked."""
        if self.local_files_only:
            return False
        try:
            self._ask_the_hub()
        except ModelDownloadError:
            return False
        return True

    def _ask_the_hub(self) -> None:
        """Fail at once where the Hub cannot be reached or refuses: a download would try again for half a minute."""
        from huggingface_hub import get_hf_file_metadata, hf_hub_url

        with _explained(self.repository, self.cache):
            try:
                get_hf_file_metadata(hf_hub_url(self.repository.name, CONFIG_NAME, revision=self.repository.revision))
            except Exception as error:
                status = _status(error)
                if status is None:
                    raise ModelDownloadError(
                        f"model {self.repository} could not be downloaded: {_NOT_CACHED} ({first_line(error)})"
                    ) from error
                if status in _BY_STATUS and status != _TOO_OFTEN:
                    raise


def _append_rest(path: Path, size: int, url: str, headers: dict[str, str], name: str) -> bool:
    """Append to ``path`` what ``url`` holds beyond it, trying again while that brings something: whether all is there.

    Raises:
        OSError: if the file cannot be written; not for what happens on the network.
    """
    from huggingface_hub.utils import are_progress_bars_disabled, tqdm

    if path.exists() and path.stat().st_size > size:  # not this file's bytes
        path.unlink()
    silent = True if are_progress_bars_disabled() else None  # None: where nobody watches
    with (
        path.open("ab") as file,
        tqdm(  # type: ignore[no-untyped-call]
            total=size, initial=file.tell(), unit="B", unit_scale=True, desc=name, disable=silent
        ) as bar,
    ):
        before = -1
        while before < file.tell() < size:
            before = file.tell()
            for part in _bytes_from(before, url, headers):
                file.write(part[: size - file.tell()])
                file.flush()  # for the next process, should this one be killed
                bar.update(len(part))
        return file.tell() == size


def _bytes_from(start: int, url: str, headers: dict[str, str]) -> Iterator[bytes]:
    """What ``url`` holds from byte ``start`` on, as far as the connection lasts."""
    from huggingface_hub.constants import HF_HUB_DOWNLOAD_TIMEOUT

    if urlsplit(url).scheme not in ("http", "https"):  # urllib reads files as well
        return
    request = Request(url, headers={"Range": f"bytes={start}-"} if start else {})
    for key, value in headers.items():
        request.add_unredirected_header(key, value)  # another host is not to see the token
    try:
        with urlopen(request, timeout=HF_HUB_DOWNLOAD_TIMEOUT) as response:
            if start and response.status != _PARTIAL_CONTENT:
                response.read(start)  # it sends all of it
            while part := response.read1(1 << 16):
                yield part
    except (OSError, HTTPException) as error:
        _log.debug("%s broke off: %s", url, error)


def _checked(get: Callable[[], Path], check: Callable[[Path], object], files: _Files) -> Path:
    """The file that ``get`` fetches, if ``check`` is content; a wrong one is fetched again, once, and never kept.

    Where it cannot be fetched again it stays: another version of headpose-sdk may be content with it.
    """
    path, repository = get(), files.repository
    try:
        check(path)
    except ModelIntegrityError:
        if not files.reachable:
            raise
        _drop(path)
    else:
        return path
    path = get()
    try:
        check(path)
    except ModelIntegrityError as error:
        _drop(path)
        raise ModelIntegrityError(
            f"the Hub sent a wrong {path.name} for {repository}, twice, and it was not kept: {error}; "
            "if that does not help, tell the owner of the repository, or take another revision"
        ) from error
    return path


def _drop(path: Path) -> None:
    """Take a file out of the cache: the link in the snapshot and the bytes that it points to."""
    bytes_of_it = path.resolve()
    path.unlink(missing_ok=True)
    bytes_of_it.unlink(missing_ok=True)


@contextmanager
def _explained(repository: HubRepository, cache: Path | None) -> Iterator[None]:
    """What huggingface_hub raises in the block, as a ModelDownloadError that says what to do."""
    try:
        yield
    except HeadPoseError:
        raise
    # Which HTTP library raises here depends on the version of huggingface_hub, and their errors share no base class.
    except Exception as error:
        raise ModelDownloadError(f"model {repository} could not be downloaded: {reason(error, cache)}") from error


def reason(error: Exception, cache: Path | None = None) -> str:
    """Cause and next action for an exception of huggingface_hub."""
    from huggingface_hub.errors import (
        GatedRepoError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    status = _status(error)
    if isinstance(error, RepositoryNotFoundError) and not isinstance(error, GatedRepoError):
        return (
            "the Hub has no such repository, or it is private, and there is no such folder here either; "
            "check the name, or log in with `hf auth login`"
        )
    if isinstance(error, RevisionNotFoundError):
        return "the repository has no such revision; check the branch, tag or commit after the @"
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status is not None and status >= 500:
        return f"the Hub is out of order (HTTP {status}); try again later"
    if isinstance(error, LocalEntryNotFoundError):
        return _NOT_CACHED
    if isinstance(error, OSError) and error.errno is not None and error.strerror and not _of_network(error):
        where = cache or "the cache, which HF_HOME or ~/.cache/huggingface is,"
        return f"{where} cannot be written ({error.strerror}); free space there, or give another cache_dir or HF_HOME"
    return f"{first_line(error)}; check the name and the connection, or try again later"


def _of_network(error: OSError) -> bool:
    return isinstance(error, ConnectionError | TimeoutError)


def _status(error: BaseException | None) -> int | None:
    """The HTTP status that ``error``, or what it came from, was made of."""
    while error is not None:
        response = getattr(error, "response", None)
        if response is not None:
            return int(response.status_code)
        error = error.__cause__
    return None
