"""Checkpoints: whole or absent, and a run that was killed ends as one that was not."""

from __future__ import annotations

import hashlib
import json
import resource
import shutil
import signal
import subprocess
import sys
import textwrap
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from headpose_sdk.errors import (
    ModelIntegrityError,
    ModelNotFoundError,
    OutputError,
    ProviderError,
    TrainingError,
)
from headpose_sdk.training.checkpoint import CHECKPOINT, read_checkpoint
from headpose_sdk.training.config import TeacherConfig
from headpose_sdk.training.processes import torch_device
from headpose_sdk.training.provenance import source_commit
from headpose_sdk.training.run_log import SCALARS, RunLog
from headpose_sdk.training.train import train_teacher
from headpose_sdk.training.trainer import Trainer, shuffled_rows

SHARES = (("photo", 0.7), ("rendered", 0.3))
TINY = TeacherConfig(
    backbone="resnet10t", crops=80, batch=8, stages=((32, 0.5), (48, 0.5)), shares=SHARES, nonface_share=0.1
)


def line_trainer(out: Path, *, steps: int = 20, **config: object) -> Trainer:
    """A trainer of one linear layer."""
    torch.manual_seed(0)
    return Trainer(nn.Linear(2, 1), out, config, steps=steps, learning_rate=0.1, weight_decay=0.0, warmup=1)


def points(step: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(step).standard_normal((8, 2)).astype(np.float32))


def line_loss(model: nn.Module, batch: Tensor) -> dict[str, Tensor]:
    wanted = batch @ torch.tensor([[2.0], [-1.0]]) + 0.5
    return {"mse": ((model(batch) - wanted) ** 2).mean()}


def assert_same(first: Path, second: Path) -> None:
    """Two checkpoints of the same settings and step, and of the same weights, bit for bit."""
    one, other = read_checkpoint(first), read_checkpoint(second)
    assert (one.settings, one.step, one.commit) == (other.settings, other.step, other.commit)
    assert one.tensors.keys() == other.tensors.keys()
    assert [name for name, value in one.tensors.items() if not torch.equal(value, other.tensors[name])] == []


def test_training_finds_the_line_and_the_averaged_weights_follow(tmp_path: Path) -> None:
    trainer = line_trainer(tmp_path, steps=300)
    trainer.start(resume=False)
    trainer.run(points, line_loss, items=8, unit="points")
    assert trainer.model.weight.tolist()[0] == pytest.approx([2, -1], abs=0.02)  # type: ignore[operator]
    saved = read_checkpoint(tmp_path / CHECKPOINT)
    assert (saved.settings, saved.step, saved.commit) == ({}, 300, source_commit())
    assert saved.averaged["weight"].tolist()[0] == pytest.approx([2, -1], abs=0.05)
    assert saved.averaged["bias"].tolist() == pytest.approx([0.5], abs=0.05)


def test_the_log_has_a_line_every_50_steps_with_a_loss_that_falls(tmp_path: Path) -> None:
    trainer = line_trainer(tmp_path, steps=150)
    trainer.start(resume=False)
    trainer.run(points, line_loss, items=8, unit="points")
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [(line["step"], line["of"]) for line in lines] == [(50, 150), (100, 150), (150, 150)]
    assert lines[2]["mse"] < lines[0]["mse"]
    assert all(line["points_per_s"] > 0 for line in lines)


def test_a_killed_run_goes_on_to_the_same_weights_bit_for_bit(
    views_folder: Path, rendered_folder: Path, tmp_path: Path
) -> None:
    # The process kills itself, as nobody else can, right after the checkpoint of step 4.
    code = f"""
        import os, signal
        from pathlib import Path
        from headpose_sdk.training import trainer
        from headpose_sdk.training.config import TeacherConfig
        from headpose_sdk.training.train import train_teacher

        trainer.CHECKPOINT_SECONDS = 0.0
        save = trainer.Trainer.save
        def save_and_die(self):
            if self.step == 4:
                save(self)
                os.kill(os.getpid(), signal.SIGKILL)
        trainer.Trainer.save = save_and_die
        data, out = [Path({str(views_folder)!r}), Path({str(rendered_folder)!r})], Path({str(tmp_path / "killed")!r})
        train_teacher(data, out, {TINY!r}, resume=False, threads=1)
    """
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert read_checkpoint(tmp_path / "killed" / CHECKPOINT).step == 4
    assert {path.name for path in (tmp_path / "killed").iterdir()} <= {CHECKPOINT, SCALARS}

    data = [views_folder, rendered_folder]
    resumed = train_teacher(data, tmp_path / "killed", TINY, resume=True, threads=1)
    undisturbed = train_teacher(data, tmp_path / "undisturbed", TINY, resume=False, threads=1)
    assert read_checkpoint(resumed).step == 10
    assert_same(resumed, undisturbed)


def test_an_error_in_a_batch_ends_the_run_and_leaves_the_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headpose_sdk.training.trainer.CHECKPOINT_SECONDS", 0.0)

    def broken(step: int) -> Tensor:
        if step == 7:
            raise OSError("the disk is gone")
        return points(step)

    trainer = line_trainer(tmp_path / "a")
    trainer.start(resume=False)
    with pytest.raises(OSError, match="the disk is gone"):
        trainer.run(broken, line_loss, items=8, unit="points")
    assert read_checkpoint(tmp_path / "a" / CHECKPOINT).step == 7  # steps 0 to 6 are done

    again, undisturbed = line_trainer(tmp_path / "a"), line_trainer(tmp_path / "b")
    for each in (again, undisturbed):
        each.start(resume=True)
        each.run(points, line_loss, items=8, unit="points")
    assert_same(again.checkpoint, undisturbed.checkpoint)


def test_resuming_a_finished_run_changes_nothing(tmp_path: Path) -> None:
    for copy in ("first", "second"):
        trainer = line_trainer(tmp_path / "run")
        trainer.start(resume=True)
        trainer.run(points, line_loss, items=8, unit="points")
        assert trainer.step == 20
        shutil.copyfile(trainer.checkpoint, tmp_path / copy)
    assert_same(tmp_path / "first", tmp_path / "second")


def test_a_run_is_not_overwritten(tmp_path: Path) -> None:
    line_trainer(tmp_path).save()
    before = (tmp_path / CHECKPOINT).read_bytes()
    with pytest.raises(TrainingError, match="exists; add --resume to go on with that run, or choose another --out"):
        line_trainer(tmp_path).start(resume=False)
    assert (tmp_path / CHECKPOINT).read_bytes() == before


def test_a_run_of_other_settings_is_not_resumed(tmp_path: Path) -> None:
    line_trainer(tmp_path, seed=1, batch=8).save()
    before = (tmp_path / CHECKPOINT).read_bytes()
    with pytest.raises(TrainingError, match=r"other settings \(backbone, seed\)"):
        line_trainer(tmp_path, seed=2, batch=8, backbone="x").start(resume=True)
    assert (tmp_path / CHECKPOINT).read_bytes() == before


def test_a_checkpoint_is_never_half_written(tmp_path: Path) -> None:
    trainer = line_trainer(tmp_path, seed=1)
    trainer.save()
    before = (tmp_path / CHECKPOINT).read_bytes()
    trainer.step = 5
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, hard))  # a disk that is full halfway
    try:
        with pytest.raises(OutputError, match=CHECKPOINT):
            trainer.save()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (tmp_path / CHECKPOINT).read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [CHECKPOINT]


@pytest.mark.parametrize("content", [b"", b"yaw,pitch,roll\n", b'{"config": {}}' * 50])
def test_what_is_no_checkpoint_says_so(tmp_path: Path, content: bytes) -> None:
    (tmp_path / CHECKPOINT).write_bytes(content)
    with pytest.raises(ModelIntegrityError, match=r"is not a checkpoint of `headpose train`.*name the folder"):
        read_checkpoint(tmp_path / CHECKPOINT)


def test_a_missing_or_foreign_checkpoint_says_so(tmp_path: Path) -> None:
    with pytest.raises(ModelIntegrityError, match="is not a checkpoint"):
        read_checkpoint(tmp_path / CHECKPOINT)
    from safetensors.torch import save_file

    save_file({"weight": torch.zeros(3)}, tmp_path / CHECKPOINT)  # safetensors, but none of ours
    with pytest.raises(ModelIntegrityError, match="is not a checkpoint"):
        read_checkpoint(tmp_path / CHECKPOINT)


def test_a_loss_that_is_no_number_stops_the_run_before_it_spoils_the_weights(tmp_path: Path) -> None:
    trainer = line_trainer(tmp_path)
    trainer.start(resume=False)
    with pytest.raises(
        TrainingError,
        match=r"the loss of step 3 is nan; start a new --out with a lower --learning-rate \(--init .*keeps",
    ):
        trainer.run(lambda step: points(step) * (float("nan") if step == 3 else 1), line_loss, items=8, unit="points")
    assert all(torch.isfinite(p).all() for p in trainer.model.parameters())


@pytest.mark.parametrize(("count", "batch"), [(10, 4), (3, 8), (16, 16)])
def test_every_epoch_shows_every_row_once_in_a_new_order(count: int, batch: int) -> None:
    epochs = 12
    steps = epochs * count // batch
    rows = np.concatenate([shuffled_rows(count, batch, step, seed=1) for step in range(steps)])
    by_epoch = rows[: len(rows) // count * count].reshape(-1, count)
    assert (np.sort(by_epoch, axis=1) == np.arange(count)).all()
    assert len({tuple(epoch) for epoch in by_epoch.tolist()}) > 3
    assert shuffled_rows(count, batch, 2, seed=1).tolist() == rows[2 * batch : 3 * batch].tolist()
    assert shuffled_rows(count, batch, 2, seed=1).tolist() != shuffled_rows(count, batch, 2, seed=2).tolist()


def test_a_gpu_that_is_not_there_is_said_before_anything_is_read(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is one")
    assert torch_device("auto") == torch_device("cpu") == torch.device("cpu")
    with pytest.raises(ProviderError, match=r'device="cuda": PyTorch finds no GPU'):
        train_teacher([tmp_path], tmp_path / "out", TeacherConfig(), resume=False, device="cuda")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch finds no GPU")
def test_a_run_on_a_gpu_is_gone_on_with_on_the_cpu(views_folder: Path, tmp_path: Path) -> None:
    half = TeacherConfig(backbone="resnet10t", crops=160, batch=8, stages=((32, 1.0),))
    path = train_teacher([views_folder], tmp_path / "out", half, resume=False, device="cuda")
    on_gpu = read_checkpoint(path)
    assert on_gpu.step == 20
    assert {value.device.type for value in on_gpu.tensors.values()} == {"cpu"}
    train_teacher([views_folder], tmp_path / "out", half, resume=True, device="cpu", threads=1)


@pytest.mark.skipif(find_spec("tensorboard") is None, reason="needs tensorboard")
def test_tensorboard_shows_what_the_log_holds_also_after_a_restart(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    first = line_trainer(tmp_path, steps=150)
    first.start(resume=False)
    first.run(points, line_loss, items=8, unit="points")
    with RunLog(tmp_path, 100) as log:  # as if it had been killed, and the last checkpoint were that of step 100
        log.write({"step": 150, "of": 200, "mse": 0.25})
    events = EventAccumulator(str(tmp_path / SCALARS))
    events.Reload()
    logged = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [(event.step, event.value) for event in events.Scalars("mse")] == [
        (line["step"], pytest.approx(line["mse"], rel=1e-5)) for line in logged
    ]
    assert [line["step"] for line in logged] == [50, 100, 150]


def test_the_log_of_a_resumed_run_repeats_no_step(tmp_path: Path) -> None:
    trainer = line_trainer(tmp_path, steps=150)
    trainer.start(resume=False)
    trainer.run(points, line_loss, items=8, unit="points")
    log = tmp_path / "log.jsonl"
    whole = log.read_text()
    trainer.step = 70  # the checkpoint is older than the log, as after a kill, which may also cut a line short
    trainer.save()
    log.write_text(whole + '{"step": 20')
    again = line_trainer(tmp_path, steps=150)
    again.start(resume=True)
    again.run(points, line_loss, items=8, unit="points")
    assert [json.loads(line)["step"] for line in log.read_text().splitlines()] == [50, 100, 150]
    assert log.read_text().splitlines()[0] == whole.splitlines()[0]


def test_a_run_killed_before_its_first_checkpoint_begins_a_new_log(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text('{"step": 50}\n')
    trainer = line_trainer(tmp_path, steps=50)
    trainer.start(resume=True)
    trainer.run(points, line_loss, items=8, unit="points")
    [line] = (tmp_path / "log.jsonl").read_text().splitlines()
    assert "mse" in json.loads(line)


def test_the_folder_is_made_with_the_first_step_and_not_before(tmp_path: Path) -> None:
    trainer = line_trainer(tmp_path / "deep" / "run")
    trainer.start(resume=False)
    assert list(tmp_path.iterdir()) == []
    trainer.run(points, line_loss, items=8, unit="points")
    assert trainer.checkpoint.is_file()
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"cannot be made: .*choose another --out"):
        line_trainer(tmp_path / "file" / "run").run(points, line_loss, items=8, unit="points")


def test_the_commit_is_that_which_began_the_run_and_does_not_keep_others_from_going_on(tmp_path: Path) -> None:
    first = line_trainer(tmp_path)
    first.commit = "1" * 40
    first.save()
    resumed = line_trainer(tmp_path)
    resumed.start(resume=True)
    resumed.run(points, line_loss, items=8, unit="points")
    assert read_checkpoint(tmp_path / CHECKPOINT).commit == "1" * 40
    first.commit = None  # outside a checkout
    first.save()
    assert read_checkpoint(tmp_path / CHECKPOINT).commit is None


def test_a_run_on_other_data_or_from_another_beginning_is_not_resumed(views_folder: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(views_folder, data)
    short = TeacherConfig(backbone="resnet10t", crops=8, batch=8, stages=((32, 1.0),))
    train_teacher([data], tmp_path / "first", short, resume=False, threads=1)
    run = tmp_path / "second"
    train_teacher([data], run, short, resume=False, init=tmp_path / "first", threads=1)
    settings = read_checkpoint(run / CHECKPOINT).settings
    first_file = (tmp_path / "first" / CHECKPOINT).read_bytes()
    assert (settings["init"], settings["init_sha256"]) == ("first", hashlib.sha256(first_file).hexdigest())

    with pytest.raises(TrainingError, match=r"other settings \(init, init_sha256\)"):
        train_teacher([data], run, short, resume=True, threads=1)
    lines = (data / "manifest.csv").read_text().splitlines()
    (data / "manifest.csv").write_text("\n".join(lines[:-1]) + "\n")
    with pytest.raises(TrainingError, match=r"other settings \(data_sha256, rows\).*and the data it was started with"):
        train_teacher([data], run, short, resume=True, init=tmp_path / "first", threads=1)
    with pytest.raises(ModelNotFoundError, match=r"none cannot be read: .*name as --init"):
        train_teacher([data], tmp_path / "third", short, resume=False, init=tmp_path / "none", threads=1)
    assert not (tmp_path / "third").exists()
