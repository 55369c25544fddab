"""Which cell answers for which face, on grids small enough to be looked through."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from headpose_sdk.detection import cell_grid, decode_boxes
from headpose_sdk.training.detector.loss import (
    BACKGROUND_WEIGHT,
    CELLS_PER_FACE,
    Targets,
    assign,
    decode,
    detection_loss,
    overlaps,
)

CELLS = torch.from_numpy(cell_grid(128, 128).copy())


def untrained(pictures: int, seed: int = 0) -> Tensor:
    """Predictions (N, A, 5) like those of a network at its start: low scores, boxes of about 4 strides."""
    generator = torch.Generator().manual_seed(seed)
    raw = 0.05 * torch.randn(pictures, len(CELLS), 5, generator=generator)
    raw[..., 0] -= 4.6
    return raw


def assigned(
    faces: Sequence[tuple[float, ...]], kind: Sequence[float], seed: int = 0
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """``assign`` for one picture, without the batch axis, and the IoU (G, A) of every box with every face."""
    raw = untrained(1, seed)
    boxes = decode(raw[..., 1:], CELLS)
    targets = Targets(torch.tensor([faces], dtype=torch.float32), torch.tensor([kind], dtype=torch.float32))
    face_of_cell, score, silent = assign(raw[..., 0].sigmoid(), boxes, CELLS, targets)
    iou, _ = overlaps(boxes, torch.tensor(faces, dtype=torch.float32)[:, None])
    return face_of_cell[0], score[0], silent[0], iou


def test_decoding_is_that_of_inference() -> None:
    raw = np.random.default_rng(0).uniform(-5, 5, (len(CELLS), 4)).astype(np.float32)
    raw[:5, 2:] = 20.0  # what inference caps, before it overflows
    expected = decode_boxes(raw, CELLS.numpy())
    assert decode(torch.from_numpy(raw)[None], CELLS)[0].numpy() == pytest.approx(expected, rel=1e-5, abs=1e-3)


@pytest.mark.parametrize(
    ("a", "b", "iou", "giou"),
    [
        ([0, 0, 2, 2], [0, 0, 2, 2], 1, 1),
        ([0, 0, 2, 2], [1, 1, 3, 3], 1 / 7, 1 / 7 - 2 / 9),
        ([0, 0, 1, 1], [2, 0, 3, 1], 0, -1 / 3),
        ([0, 0, 4, 4], [1, 1, 3, 3], 1 / 4, 1 / 4),
    ],
)
def test_overlaps_by_hand(a: list[float], b: list[float], iou: float, giou: float) -> None:
    found = overlaps(torch.tensor(a, dtype=torch.float32), torch.tensor(b, dtype=torch.float32))
    assert [value.item() for value in found] == pytest.approx([iou, giou], abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_every_face_gets_cells_of_its_own_that_lie_on_it(seed: int) -> None:
    faces = [(13.0, 5, 19, 11), (40, 8, 70, 40), (90, 90, 97, 98), (5, 60, 65, 120), (80, 30, 120, 75)]
    face_of_cell, score, silent, iou = assigned(faces, [1] * 5, seed)
    assert not silent.any()
    for index, (x1, y1, x2, y2) in enumerate(faces):
        mine = (face_of_cell == index) & (score > 0)
        assert 1 <= mine.sum() <= CELLS_PER_FACE
        reach_x, reach_y = max(6, (x2 - x1) / 2), max(6, (y2 - y1) / 2)
        assert ((CELLS[mine, 0] - (x1 + x2) / 2).abs() < reach_x).all()
        assert ((CELLS[mine, 1] - (y1 + y2) / 2).abs() < reach_y).all()
        # The cell that answers best is to score as much as its box overlaps.
        assert score[mine].max().item() == pytest.approx(iou[index, mine].max().item(), rel=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_two_overlapping_faces_both_get_cells_and_share_none(seed: int) -> None:
    faces = [(30.0, 30, 70, 80), (36, 33, 76, 83)]
    alone = [assigned([face], [1], seed)[1] for face in faces]
    wanted_by_both = (alone[0] > 0) & (alone[1] > 0)
    assert wanted_by_both.any(), "the case must be one in which both would like the same cell"
    face_of_cell, score, _, iou = assigned(faces, [1, 1], seed)
    for index in (0, 1):
        mine = (face_of_cell == index) & (score > 0)
        assert mine.any()
        # Measured by the best of the cells that are left to it, not by one that it lost to the other face.
        assert score[mine].max().item() == pytest.approx(iou[index, mine].max().item(), rel=1e-5)
    for cell in torch.nonzero(wanted_by_both & (score > 0))[:, 0].tolist():
        assert iou[face_of_cell[cell], cell] == iou[:, cell].max()


def test_an_ignored_face_silences_its_cells_and_takes_none() -> None:
    faces = [(20.0, 20, 60, 60), (80, 80, 120, 120)]
    _, score, silent, _ = assigned(faces, [1, -1])
    on_ignored = (CELLS[:, :2] > 80).all(1) & (CELLS[:, :2] < 120).all(1)
    assert torch.equal(silent, on_ignored)
    assert score[on_ignored].sum() == 0
    assert score.sum() > 0


def test_a_cell_of_a_face_speaks_although_an_ignored_face_lies_over_it() -> None:
    _, score, silent, _ = assigned([(20.0, 20, 60, 60), (10, 10, 70, 70)], [1, -1])
    assert (score > 0).any()
    assert not silent[score > 0].any()
    assert silent.any()


def test_padding_is_nobody() -> None:
    _, score, silent, _ = assigned([(20.0, 20, 60, 60), (0, 0, 0, 0)], [1, 0])
    _, expected, _, _ = assigned([(20.0, 20, 60, 60)], [1])
    assert torch.equal(score, expected)
    assert not silent.any()


def test_silent_cells_have_no_gradient_and_others_have() -> None:
    raw = untrained(1).requires_grad_()
    targets = Targets(torch.tensor([[[20.0, 20, 60, 60], [80, 80, 120, 120]]]), torch.tensor([[1.0, -1.0]]))
    score_loss, box_loss = detection_loss(raw, CELLS, targets)
    (score_loss + box_loss).backward()  # type: ignore[no-untyped-call]
    assert raw.grad is not None
    quiet = (CELLS[:, :2] > 80).all(1) & (CELLS[:, :2] < 120).all(1)
    assert raw.grad[0, quiet].abs().sum() == 0
    assert (raw.grad[0, ~quiet, 0] != 0).all()


def test_the_right_answer_costs_nothing_and_a_picture_without_faces_is_no_trouble() -> None:
    face = torch.tensor([[[24.0, 24, 56, 56]]])
    raw = untrained(1)
    raw[..., 0] = -20.0
    cell = int(torch.nonzero((torch.tensor([36.0, 36.0, 8.0]) == CELLS).all(1))[0, 0])
    raw[0, cell] = torch.tensor([20.0, 0.5, 0.5, 0.0, 0.0])  # moved by half a stride to the middle, 4 strides large
    score_loss, box_loss = detection_loss(raw, CELLS, Targets(face, torch.ones(1, 1)))
    assert box_loss.item() == pytest.approx(0, abs=1e-3)
    assert score_loss.item() < 1e-2
    wrong_score, no_box = detection_loss(raw, CELLS, Targets(torch.zeros(1, 1, 4), torch.zeros(1, 1)))
    assert wrong_score.item() == pytest.approx(20 * BACKGROUND_WEIGHT, rel=1e-3)  # one sure face where there is none
    assert no_box.item() == 0
