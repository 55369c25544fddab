"""metrics.json: what the bundled ones claim is what was measured, and what is none is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headpose_sdk.accuracy import Metric, read_metrics
from headpose_sdk.errors import ModelIntegrityError
from headpose_sdk.weights import ModelInfo, list_models

ROOT = Path(__file__).parent.parent
GOOD = {"dataset": "AFLW2000-3D", "metric": "MAE", "value": 5.1, "unit": "degrees", "source": "result.json"}


@pytest.mark.parametrize("info", list_models(), ids=lambda info: info.name)
def test_the_figures_of_a_bundled_model_are_those_of_the_files_they_name(info: ModelInfo) -> None:
    assert info.path is not None
    metrics = read_metrics(info.path)
    assert str(metrics[0]) == info.accuracy
    for metric in metrics:
        result = json.loads((ROOT / metric.source).read_text())
        assert (result.get("model") or result["detector"]) == info.name
        if metric.metric == "MAE":
            measured = result["metrics"]["mae"]
            assert metric.dataset.startswith(f"{result['n']} photos") or f", {result['n']} of" in metric.dataset
            assert metric.dataset.endswith("given boxes") == (result["boxes"] == "annotation")
        else:
            [row] = [row for row in result["size_classes"] if f"from {row['min_size']:.0f} px" in metric.dataset]
            measured = row["recall"]
            assert metric.dataset.startswith(f"{result['photos']} ")
            assert metric.dataset.endswith(f"precision {row['min_precision']:.2f}")
        assert metric.value == pytest.approx(measured, abs=0.00501)


def test_a_figure_reads_as_a_line() -> None:
    assert str(Metric(**GOOD)) == "MAE 5.10 degrees, AFLW2000-3D"  # type: ignore[arg-type]
    assert str(Metric(**{**GOOD, "metric": "recall", "unit": ""})) == "recall 5.10, AFLW2000-3D"  # type: ignore[arg-type]


def test_no_file_means_no_figures(tmp_path: Path) -> None:
    assert read_metrics(tmp_path) == []


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        ("no JSON", "Expecting value"),
        ("3", "not iterable"),
        ("[3]", "each entry must hold dataset, metric, source, unit, value"),
        (json.dumps([{**GOOD, "more": 1}]), "each entry must hold"),
        (json.dumps([{**GOOD, "value": "small"}]), "value is 'small', not a number"),
        (json.dumps([{**GOOD, "value": True}]), "value is True, not a number"),
        (json.dumps([{**GOOD, "value": float("nan")}]), "value is nan, not a number"),
        (json.dumps([{**GOOD, "value": 10**400}]), "too large to convert"),
        (json.dumps([{**GOOD, "unit": None}]), "all but value must be text"),
    ],
)
def test_what_is_no_list_of_figures_is_refused(tmp_path: Path, content: str, cause: str) -> None:
    (tmp_path / "metrics.json").write_text(content)
    with pytest.raises(ModelIntegrityError, match=cause) as caught:
        read_metrics(tmp_path)
    assert "mend it, or delete it: the model runs without" in str(caught.value)
