"""The paper's equations against numbers worked out by hand and against torch's own losses."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from headpose_sdk.training.losses import (
    BIN_CENTERS,
    cross_entropy,
    distillation_loss,
    ensemble,
    expectation,
    hard_targets,
    mse,
    pose_loss,
    soft_targets,
)

BINS = 62
ALL = torch.ones(8, 3, dtype=torch.bool)  # every angle is known


def certain_of(angles: torch.Tensor) -> torch.Tensor:
    """Logits (N, 3, 62) of a classifier that is always right and quite sure."""
    return 1000 * hard_targets(angles)


def test_62_bins_of_3_degrees_lie_around_their_centres() -> None:
    assert BIN_CENTERS.tolist() == [-91.5 + 3 * k for k in range(62)]


def test_a_perfect_classifier_is_off_by_a_quarter_bin_not_by_half_a_bin() -> None:
    angles = (torch.arange(0, 18600) / 100 - 93)[:, None].repeat(1, 3)
    error = (expectation(certain_of(angles)) - angles).abs()
    assert error.mean().item() == pytest.approx(0.75, abs=0.01)  # left edges would give 1.50
    assert error.max().item() == pytest.approx(1.5, abs=0.01)


@pytest.mark.parametrize(
    ("angle", "index"),
    [(-93.0, 0), (-90.01, 0), (-90.0, 1), (-0.01, 30), (0.0, 31), (2.99, 31), (3.0, 32), (90.0, 61), (92.99, 61)],
)
def test_a_hard_target_is_the_bin_that_holds_the_angle(angle: float, index: int) -> None:
    expected = [0.0] * BINS
    expected[index] = 1.0
    assert hard_targets(torch.tensor([[angle, 0.0, 0.0]]))[0, 0].tolist() == expected


@pytest.mark.parametrize("sigma", [1.5, 3.0, 6.0])
def test_a_soft_target_has_the_angle_for_its_mean_and_sigma_for_its_deviation(sigma: float) -> None:
    angles = torch.linspace(-60, 60, 301)[:, None].repeat(1, 3)
    targets = soft_targets(angles, sigma)
    assert targets.sum(-1) == pytest.approx(torch.ones(301, 3), abs=1e-5)
    assert (targets @ BIN_CENTERS) == pytest.approx(angles, abs=0.15)
    spread = ((targets @ BIN_CENTERS**2) - (targets @ BIN_CENTERS) ** 2).sqrt()
    assert spread == pytest.approx(torch.full_like(spread, sigma), abs=0.15)


def test_the_expectation_weighs_the_centres() -> None:
    logits = torch.full((1, 3, BINS), -1000.0)
    logits[0, 0, 31] = 0.0  # 1.5 degrees
    logits[0, 1, 30] = logits[0, 1, 31] = 0.0  # -1.5 and 1.5
    logits[0, 2, 0], logits[0, 2, 61] = 0.0, math.log(3)  # -91.5 once, 91.5 three times
    assert expectation(logits)[0].tolist() == pytest.approx([1.5, 0.0, 45.75], abs=1e-4)


def test_equation_1_by_hand() -> None:
    logits = torch.zeros(1, 3, BINS)
    logits[0, 1, 31] = math.log(61)  # half of the probability
    values = cross_entropy(logits, hard_targets(torch.tensor([[10.0, 0.0, 10.0]])))
    assert values[0].tolist() == pytest.approx([math.log(62), math.log(2), math.log(62)], abs=1e-5)


def test_equation_2_by_hand() -> None:
    logits = torch.zeros(1, 3, BINS)  # the mean of all centres is 0
    assert mse(logits, torch.tensor([[10.0, -4.0, 0.0]]))[0].tolist() == pytest.approx([100, 16, 0], abs=1e-3)


def test_equation_3_sums_over_the_angles_and_averages_over_the_batch() -> None:
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(5, 3, BINS, generator=generator)
    angles = torch.rand(5, 3, generator=generator) * 180 - 90
    index = ((angles + 93) // 3).long()
    terms = pose_loss(logits, angles, ALL[:5], sigma=0, mse_weight=0.5)
    assert terms["cross_entropy"].item() == pytest.approx(
        sum(F.cross_entropy(logits[:, k], index[:, k]).item() for k in range(3)), rel=1e-5
    )
    assert terms["mse"].item() == pytest.approx(
        0.5 * sum(F.mse_loss(expectation(logits)[:, k], angles[:, k]).item() for k in range(3)), rel=1e-5
    )
    soft = pose_loss(logits, angles, ALL[:5], sigma=3.0, mse_weight=0.5)
    targets = soft_targets(angles, 3.0)
    assert soft["cross_entropy"].item() == pytest.approx(
        sum(F.cross_entropy(logits[:, k], targets[:, k]).item() for k in range(3)), rel=1e-5
    )
    assert soft["mse"].item() == terms["mse"].item()


def test_the_loss_of_what_is_unknown_is_least_for_uniform_logits() -> None:
    unknown = ~ALL[:1]
    angles = torch.tensor([[180.0, -120.0, 0.0]])
    logits = torch.zeros(1, 3, BINS, requires_grad=True)
    least = pose_loss(logits, angles, unknown, sigma=3.0, mse_weight=0.5)
    assert least["cross_entropy"].item() == pytest.approx(3 * math.log(BINS), rel=1e-6)
    assert least["mse"].item() == 0
    torch.stack(list(least.values())).sum().backward()
    assert logits.grad is not None
    assert logits.grad.abs().max().item() < 1e-7
    generator = torch.Generator().manual_seed(3)
    for _ in range(20):
        other = pose_loss(torch.randn(1, 3, BINS, generator=generator), angles, unknown, sigma=3.0, mse_weight=0.5)
        assert other["cross_entropy"] > least["cross_entropy"]


@pytest.mark.parametrize("sigma", [0, 3.0])
def test_an_unknown_angle_changes_nothing_for_the_known_ones(sigma: float) -> None:
    generator = torch.Generator().manual_seed(2)
    logits = torch.randn(4, 3, BINS, generator=generator)
    angles = torch.tensor([[10.0, 20.0, -30.0], [0.0, 5.0, 170.0], [-80.0, 7.0, 3.0], [60.0, 180.0, 180.0]])
    known = torch.tensor([[True] * 3, [True, True, False], [True] * 3, [False] * 3])
    terms = pose_loss(logits, angles, known, sigma=sigma, mse_weight=0.5)
    targets = soft_targets(angles, sigma) if sigma else hard_targets(angles)
    flat = torch.full_like(targets, 1 / BINS)
    by_hand = cross_entropy(logits, targets)[known].sum() + cross_entropy(logits, flat)[~known].sum()
    assert terms["cross_entropy"].item() == pytest.approx(by_hand.item() / 4, rel=1e-5)
    squared = mse(logits, angles)
    means = [squared[known[:, k], k].mean() for k in range(3)]  # over the known ones of each angle
    assert terms["mse"].item() == pytest.approx(0.5 * sum(means).item(), rel=1e-5)  # type: ignore[union-attr]


def test_the_ensemble_is_the_mean_of_distributions_not_of_logits() -> None:
    sure, unsure = certain_of(torch.tensor([[0.0, 30.0, -30.0]])), torch.zeros(1, 3, BINS)
    both = ensemble([sure, unsure])
    assert both.sum(-1) == pytest.approx(torch.ones(1, 3), abs=1e-6)
    assert both[0, 0, 31].item() == pytest.approx(0.5 + 0.5 / BINS)
    assert ensemble([unsure, sure]) == pytest.approx(both)


def test_the_divergence_is_torchs_own_and_none_from_the_teachers_themselves() -> None:
    generator = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(2, 8, 3, BINS, generator=generator)
    teachers = torch.softmax(teacher, dim=-1)
    expected = F.kl_div(torch.log_softmax(student, -1), teachers, reduction="none").sum(-1).sum(1).mean()
    assert distillation_loss(student, teachers, ALL)["divergence"].item() == pytest.approx(expected.item(), rel=1e-5)
    assert distillation_loss(teacher, teachers, ALL)["divergence"].item() == pytest.approx(0, abs=1e-5)


def test_a_student_is_taught_no_certainty_where_nothing_can_be_learnt() -> None:
    teachers = hard_targets(torch.tensor([[0.0, 30.0, -30.0]]))  # 0 and 1 only: no logarithm of 0
    unknown = torch.zeros(1, 3, dtype=torch.bool)
    flat, sure = torch.zeros(1, 3, BINS), certain_of(torch.tensor([[0.0, 30.0, -30.0]]))
    assert distillation_loss(flat, teachers, unknown)["divergence"].item() == pytest.approx(0, abs=1e-5)
    assert distillation_loss(sure, teachers, ~unknown)["divergence"].item() == pytest.approx(0, abs=1e-5)
    assert distillation_loss(sure, teachers, unknown)["divergence"].item() > 100


def test_each_row_has_its_own_width() -> None:
    """Labels that may be off are learnt with a wider target, exact ones beside them are not."""
    generator = torch.Generator().manual_seed(5)
    logits, angles = torch.randn(3, 3, BINS, generator=generator), torch.tensor([[10.0, -20, 0], [0, 5, 7], [33, 3, 1]])
    known = torch.ones(3, 3, dtype=torch.bool)
    together = pose_loss(logits, angles, known, sigma=torch.tensor([0.0, 3.0, 8.0]), mse_weight=0.5)
    alone = [
        pose_loss(logits[row : row + 1], angles[row : row + 1], known[:1], sigma=sigma, mse_weight=0.5)
        for row, sigma in enumerate((0.0, 3.0, 8.0))
    ]
    for name, value in together.items():
        assert torch.allclose(value, torch.stack([terms[name] for terms in alone]).mean())
