"""How the command begins and ends: usage, errors in one line, interruption, a reader that goes away."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
import warnings
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

import headpose_sdk
from headpose_sdk.cli.main import main, run_to_the_end
from headpose_sdk.cli.messages import one_line, plain_warnings

from .conftest import Headpose, executable


def test_version(headpose: Headpose) -> None:
    done = headpose("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"headpose {headpose_sdk.__version__}\n", "")


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_info:
        main(["--help"])
    assert exit_info.value.code == 0
    listed = {line.split()[0] for line in capsys.readouterr().out.splitlines() if line.startswith("    ")}
    assert {"draw", "predict", "models", "eval", "train"} <= listed


@pytest.mark.parametrize("command", ["draw", "predict", "models", "eval", "train"])
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_info:
        main([command, "--help"])
    assert exit_info.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: headpose {command}")


def test_starting_loads_no_network_library(folder: Path) -> None:
    heavy = ["torch", "onnxruntime", "huggingface_hub"]
    code = f"import sys, headpose_sdk.cli.main; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["paint"],
        ["draw"],
        ["predict"],
        ["predict", "x.jpg", "--format", "xml"],
        ["predict", "x.jpg", "--batch-size", "0"],
        ["predict", "x.jpg", "--batch-size", "many"],
        ["draw", "x.jpg", "--device", "tpu"],
        ["models", "x"],
        ["eval"],
        ["train"],
    ],
)
def test_wrong_usage_exits_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_info:
        main(words)
    assert exit_info.value.code == 2
    assert capsys.readouterr().err.startswith("usage: headpose")


def test_an_error_is_one_line_without_a_trace(headpose: Headpose, blank: Path) -> None:
    done = headpose("predict", blank, "--model", "no-such-model")
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert line.startswith("headpose: no model is called 'no-such-model'; choose one of")


def test_an_error_stays_one_line_whatever_the_file_is_called(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["draw", "two\nlines\x1b[31m.jpg"]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("headpose: two\\nlines\\x1b[31m.jpg: no such file")


def test_one_line_keeps_what_can_be_read() -> None:
    assert one_line("a b/ü-中.jpg") == "a b/ü-中.jpg"
    assert one_line("a\r\n\u2028\udcff") == "a\\r\\n\\u2028\\udcff"


def test_an_error_of_the_file_system_is_one_line_too(blank: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = "x" * 5000
    assert main(["predict", str(blank), "--model", name]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("headpose: ")
    assert name in line


def test_warnings_are_one_plain_line(capsys: pytest.CaptureFixture[str]) -> None:
    before = warnings.showwarning
    with plain_warnings():
        warnings.simplefilter("always")
        warnings.warn("running on the CPU:\nno GPU", stacklevel=1)
    assert capsys.readouterr().err == "headpose: warning: running on the CPU:\\nno GPU\n"
    assert warnings.showwarning is before


@pytest.mark.parametrize("words", [["models"], ["--help"], ["predict", "blank.png"], ["draw", "blank.png"]])
def test_a_reader_that_went_away_ends_the_command_quietly(words: list[str], headpose: Headpose, blank: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    try:
        done = headpose(*words, stdout=writing, env=environment)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


def test_a_full_disk_under_stdout_is_told_in_one_line(headpose: Headpose, folder: Path) -> None:
    # A limit of 0 on the size of files stands in for the full disk.
    done = subprocess.run(
        ["sh", "-c", 'ulimit -f 0; exec "$0" models > list.txt', executable()], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (1, f"headpose: stdout: {os.strerror(errno.EFBIG)}\n")


def test_only_what_stdout_refuses_is_told_of_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    def out_of_files() -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    def gone() -> int:
        raise BrokenPipeError(errno.EPIPE, "a worker is gone")

    def no_file() -> int:
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", "a.txt")

    told = {}
    for command in (out_of_files, gone, no_file):
        assert run_to_the_end(command) == 1
        told[command] = capsys.readouterr().err
    assert told == {
        out_of_files: f"headpose: [Errno {errno.EMFILE}] Too many open files\n",
        gone: f"headpose: [Errno {errno.EPIPE}] a worker is gone\n",
        no_file: "headpose: a.txt: No such file or directory\n",
    }


@pytest.mark.parametrize("buffering", ["", "1"])
def test_a_full_disk_is_told_however_python_buffers(folder: Path, buffering: str) -> None:
    done = subprocess.run(
        ["sh", "-c", 'ulimit -f 0; exec "$0" models > list.txt', executable()],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": buffering},
    )
    assert (done.returncode, done.stderr) == (1, f"headpose: stdout: {os.strerror(errno.EFBIG)}\n")


def test_an_interruption_exits_with_130_and_says_nothing(folder: Path) -> None:
    os.mkfifo("endless.jpg")
    process = subprocess.Popen(
        [executable(), "predict", "endless.jpg"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A shell has its background jobs ignore the signal, and they hand that on.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    writing = open_when_read("endless.jpg")
    try:
        # A signal that comes just before the read begins does not end it: that is Python's way, so it is sent again.
        for _ in range(10):
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=3)
                break
        out, err = process.communicate(timeout=3)
    finally:
        os.close(writing)
        process.kill()
    assert (process.returncode, out, err) == (130, b"", b"")


def test_a_name_that_the_terminal_cannot_show_is_escaped(headpose: Headpose, blank: Path) -> None:
    blank.rename("ü中.png")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = headpose("draw", "ü中.png", env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0] == "wrote \\xfc\\u4e2d_pose.png"
    done = headpose("predict", "ü中.png", "--format", "csv", env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[1].startswith("\\xfc\\u4e2d.png,")


def test_eval_tells_before_it_measures_that_the_result_has_nowhere_to_go(
    blank: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["eval", "manifest", "--root", "nowhere", "--model", "no-such-model", "--json", f"{blank}/out.json"]
    assert main(words) == 1
    assert capsys.readouterr().err.startswith("headpose: blank.png/out.json: cannot write")


def open_when_read(pipe: str) -> int:
    """The writing end of a named pipe as soon as the command has opened the other end."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
