"""The YuNet example of docs/quickstart.md, on OpenCV's own FaceDetectorYN and a network of YuNet's layout."""

from __future__ import annotations

import re
import shutil
import warnings
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from headpose_sdk import FaceDetector, HeadPoseEstimator, read_image

ROOT = Path(__file__).parents[2]
STRIDES = (8, 16, 32)
OUTPUTS = [f"{name}_{stride}" for name in ("cls", "obj", "bbox", "kps") for stride in STRIDES]


class YuNetLayout(nn.Module):
    """Twelve outputs as YuNet has them; sees a face of four strides in every cell of the finest level."""

    def __init__(self) -> None:
        super().__init__()
        self.cells = nn.ModuleList(nn.Conv2d(3, 16, stride, stride) for stride in STRIDES)
        for level, cell in enumerate(self.cells):
            nn.init.zeros_(cell.weight)  # type: ignore[arg-type]
            bias = torch.zeros(16)
            bias[:2] = 5.0 if level == 0 else -5.0
            bias[4:6] = torch.log(torch.tensor(4.0))
            cell.bias = nn.Parameter(bias)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        levels = [cell(image).flatten(2).transpose(1, 2) for cell in self.cells]
        scores = [torch.sigmoid(level[..., column : column + 1]) for column in (0, 1) for level in levels]
        return (*scores, *(level[..., 2:6] for level in levels), *(level[..., 6:16] for level in levels))


def test_the_example_finds_faces_for_the_estimator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "quickstart.md").read_text(encoding="utf-8")
    [code] = re.findall(r"<!-- example: yunet -->\n```python\n(.*?)```", page, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own, of no concern here
        torch.onnx.export(
            YuNetLayout().eval(),
            (torch.zeros(1, 3, 320, 320),),
            "face_detection_yunet_2023mar.onnx",
            input_names=["input"],
            output_names=OUTPUTS,
            dynamic_axes={"input": {2: "height", 3: "width"}},
            opset_version=11,
            dynamo=False,
        )
    names: dict[str, object] = {}
    exec(compile(code, "quickstart.md", "exec"), names)
    estimator = names["estimator"]
    assert isinstance(estimator, HeadPoseEstimator)
    assert isinstance(estimator.detector, FaceDetector)
    shutil.copy(ROOT / "examples" / "astronaut.jpg", tmp_path)
    photo = read_image("astronaut.jpg")
    poses = estimator.predict(photo)
    assert len(poses) > 10
    for pose in poses:
        assert (pose.box.width, pose.box.height) == pytest.approx((32, 32), abs=0.5)
        assert pose.score == pytest.approx(0.993, abs=0.01)
