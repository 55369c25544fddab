"""Which cell answers for which face, and what it is told.

Task-aligned assignment (Feng et al., TOOD, ICCV 2021): a face goes to the cells that already answer best for it,
by score and overlap together; their target score is that overlap, so that the score learns to rank boxes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from headpose_sdk.detection import BOX_UNIT

CELLS_PER_FACE = 9
SCORE_POWER, OVERLAP_POWER = 0.5, 4.0
BOX_WEIGHT = 2.0
BACKGROUND_WEIGHT = 0.75


@dataclass(frozen=True)
class Targets:
    """Faces of a batch: ``boxes`` (N, G, 4) in input pixels, ``kind`` (N, G): 1 a face, -1 ignored, 0 padding."""

    boxes: Tensor
    kind: Tensor

    def to(self, device: torch.device) -> Targets:
        """The same on another device."""
        return Targets(self.boxes.to(device), self.kind.to(device))


def decode(raw: Tensor, cells: Tensor) -> Tensor:
    """:func:`headpose_sdk.detection.decode_boxes` for tensors: raw (N, A, 4), cells (A, 3) -> corners (N, A, 4)."""
    stride = cells[:, 2:]
    center = cells[:, :2] + raw[..., :2] * stride
    half = torch.exp(raw[..., 2:].clamp(-6.0, 6.0)) * (stride * BOX_UNIT / 2)
    return torch.cat([center - half, center + half], dim=-1)


def overlaps(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """IoU and generalised IoU (Rezatofighi et al. 2019) of corner boxes that broadcast against each other."""
    top_left, bottom_right = torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])
    intersection = (bottom_right - top_left).clamp(min=0).prod(-1)
    union = (a[..., 2:] - a[..., :2]).prod(-1) + (b[..., 2:] - b[..., :2]).prod(-1) - intersection
    hull = torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])
    iou = intersection / union.clamp(min=1e-6)
    return iou, iou - 1 + union / hull.prod(-1).clamp(min=1e-6)


def detection_loss(predictions: Tensor, cells: Tensor, targets: Targets) -> tuple[Tensor, Tensor]:
    """Score loss and box loss of ``predictions`` (N, A, 5) float32, each a mean over the assigned faces."""
    logits, boxes = predictions[..., 0], decode(predictions[..., 1:], cells)
    with torch.no_grad():
        face_of_cell, target_score, silent = assign(logits.sigmoid(), boxes, cells, targets)
    # Varifocal loss (Zhang et al., CVPR 2021): background counts by how much it looks like a face, faces count fully.
    weight = torch.where(target_score > 0, target_score, BACKGROUND_WEIGHT * logits.sigmoid().detach().square())
    score_loss = F.binary_cross_entropy_with_logits(logits, target_score, weight=weight, reduction="none")
    total = target_score.sum().clamp(min=1.0)
    chosen = target_score > 0
    wanted = torch.gather(targets.boxes, 1, face_of_cell[..., None].expand(-1, -1, 4))
    _, giou = overlaps(boxes[chosen], wanted[chosen])
    box_loss = ((1 - giou) * target_score[chosen]).sum() / total
    return score_loss.masked_fill(silent, 0.0).sum() / total, BOX_WEIGHT * box_loss


def assign(scores: Tensor, boxes: Tensor, cells: Tensor, targets: Targets) -> tuple[Tensor, Tensor, Tensor]:
    """For every cell (N, A): its face's index, its target score (0: background), and whether it says nothing.

    A cell says nothing where an ignored face lies: to call it a face or not are both right.
    """
    x, y = cells[:, 0], cells[:, 1]
    faces = targets.boxes[:, :, None]  # (N, G, 1, 4)
    # A small face may hold no cell centre at all: every face reaches at least 6 px from its middle.
    middle = (faces[..., :2] + faces[..., 2:]) / 2
    reach = ((faces[..., 2:] - faces[..., :2]) / 2).clamp(min=6.0)
    inside = ((x - middle[..., 0]).abs() < reach[..., 0]) & ((y - middle[..., 1]).abs() < reach[..., 1])
    iou, _ = overlaps(boxes[:, None], faces)  # (N, G, A)
    alignment = scores[:, None].pow(SCORE_POWER) * iou.pow(OVERLAP_POWER)
    alignment = alignment * inside * (targets.kind == 1)[..., None]
    top = alignment.topk(CELLS_PER_FACE, dim=-1)
    chosen = torch.zeros_like(alignment).scatter_(-1, top.indices, top.values)
    best, face_of_cell = chosen.max(dim=1)  # a cell claimed twice goes to the face it fits better
    owner = torch.zeros_like(chosen).scatter_(1, face_of_cell[:, None], 1.0)
    chosen = chosen * owner
    peak, peak_iou = chosen.amax(-1, keepdim=True), (iou * (chosen > 0)).amax(-1, keepdim=True)
    target_score = (chosen / peak.clamp(min=1e-12) * peak_iou).amax(dim=1)
    ignored = (inside & (targets.kind == -1)[..., None]).any(dim=1)
    return face_of_cell, target_score, ignored & (best <= 0)
