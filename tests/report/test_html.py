"""The HTML report: what it says, that it needs nothing else, and that names in it are only names."""

import base64
import hashlib
import re
from collections import Counter
from html.parser import HTMLParser

import numpy as np
import pytest

from dnn_cli.compare.comparison import compare_runs
from dnn_cli.data.examples import load_examples
from dnn_cli.report.html.page import MAX_RUN_PAGES
from dnn_cli.report.html.predictions_section import build_predictions_section
from dnn_cli.report.html.regression_section import RegressionSection
from dnn_cli.report.html.report_file import render_report
from dnn_cli.report.html.svg_plot import SvgLine, build_plot, thin_line
from dnn_cli.report.html.thumbnails import build_thumbnail
from dnn_cli.report.verdict_text import format_verdict
from dnn_cli.runs.store import Store
from tests.helpers.reports import DIGITS, build_page, predict, write_report

HOSTILE = '<script>hacked=1</script> & "quoted" \'{{ 7*7 }}'


class ParsedPage(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.text = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)

    def find_attributes(self, *tags):
        return [attributes for tag, attributes in self.elements if tag in tags]


@pytest.fixture
def report(scored_runs, tmp_path):
    """Two groups of three seeds, a run that diverged and one whose record is damaged."""
    for run in scored_runs.add(HOSTILE, [0.9, 0.91, 0.92]) + scored_runs.add("sgd", [0.8, 0.83, 0.81], "optimizer=sgd"):
        predict(run)
    scored_runs.add("lost", [0.5], "epochs=9", status="diverged", reason="the loss was no number")
    (broken,) = scored_runs.add("broken", [0.5], "epochs=8")
    broken.record.write_text("{")
    return write_report(tmp_path / "runs", tmp_path / "report.html")


def test_the_verdict_is_that_of_compare(report, scored_runs):
    compared = scored_runs.compare()
    texts = ParsedPage(report).text
    (verdict_text,) = [format_verdict(compared, verdict) for verdict in compared.verdict_set.verdicts]
    assert verdict_text == "worse by 9.67 points (95% interval 5.87 to 13.46), p = 0.0082"
    assert verdict_text in texts
    assert any("has the best mean, 0.9100 ± 0.0100; the other is worse." in text for text in texts)
    for warning in compared.caveats:
        assert warning in texts


def test_run_names_are_escaped(report):
    assert "<script>hacked" not in report
    parsed = ParsedPage(report)
    assert len(parsed.find_attributes("script")) == 2 + len(re.findall('type="application/json"', report))
    assert parsed.text.count(f"{HOSTILE} ") == 3  # the heads of its pages


def test_report_loads_no_other_resource(report):
    parsed = ParsedPage(report)
    (policy,) = [attributes["content"] for attributes in parsed.find_attributes("meta") if "http-equiv" in attributes]
    assert policy.startswith("default-src 'none'; img-src data:;")
    addresses = [
        attributes.get(name) for _, attributes in parsed.elements for name in ("src", "href") if name in attributes
    ]
    assert all(address.startswith(("#", "data:")) for address in addresses)
    assert not re.search(r"@import|url\(|https?://(?!www.w3.org/2000/svg)", report)
    for tag, text in re.findall(r"<(style|script)>(.*?)</\1>", report, re.DOTALL):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy.partition(f"{tag}-src")[2]
    assert not any(
        "style" in attributes or any(name.startswith("on") for name in attributes) for _, attributes in parsed.elements
    )


def test_report_is_accessible(report):
    parsed = ParsedPage(report)
    assert (
        len(parsed.find_attributes("h1"))
        == len(parsed.find_attributes("main"))
        == len(parsed.find_attributes("nav"))
        == 1
    )
    assert all("scope" in attributes for attributes in parsed.find_attributes("th"))
    assert all(
        attributes.get("aria-label") or attributes.get("aria-hidden") or "viewbox" in attributes
        for attributes in parsed.find_attributes("svg")
    )
    assert all(attributes.get("alt") for attributes in parsed.find_attributes("img"))
    identities = Counter(attributes["id"] for _, attributes in parsed.elements if "id" in attributes)
    assert set(identities.values()) == {1}
    targets = {
        attributes["href"][1:] for attributes in parsed.find_attributes("a") if attributes["href"].startswith("#")
    }
    assert targets <= identities.keys()
    labelled = {word for _, attributes in parsed.elements for word in attributes.get("aria-labelledby", "").split()}
    assert labelled <= identities.keys()


def test_every_run_has_a_page(report, tmp_path):
    page_by_name = {run.name: run for run in build_page(tmp_path / "runs").runs}
    assert len(build_page(tmp_path / "runs").runs) == 8
    assert (page_by_name["lost"].status, page_by_name["lost"].reason) == ("diverged", "the loss was no number")
    assert any(run.status == "broken" and "not JSON" in run.reason for run in page_by_name.values())
    assert "diverged: the loss was no number" in ParsedPage(report).text


def test_the_curves_hold_the_numbers_of_metrics_csv(report, tmp_path):
    curves = build_page(tmp_path / "runs").sections[0].curves
    assert [score.name for score in curves.scores] == ["val_accuracy", "val_loss", "loss", "accuracy"]
    best = curves.scores[0].plot.data["lines"]
    assert [line["y"] for line in best[:4]] == [[0.8, 0.9], [0.81, 0.91], [0.82, 0.92], [0.81, 0.91]]
    assert best[3]["name"].endswith(", mean")
    assert curves.scores[0].rows[0][1] == ("0.8000", "0.9000")


def test_classes_and_mistakes_are_those_of_the_predictions(report, tmp_path):
    section = build_page(tmp_path / "runs").runs[0].predictions
    assert (section.examples, section.wrong, section.accuracy) == (40, 3, "0.9250")
    counts = [[int(square.text) for square in row] for row in section.matrix]
    assert np.sum(counts) == 40
    assert np.trace(counts) == 37
    assert [counts[n][n + 1] for n in range(3)] == [1, 1, 1]
    assert [(mistake.index, mistake.true, mistake.predicted) for mistake in section.mistakes] == [
        (0, "0", "1"), (1, "1", "2"), (2, "2", "3"),
    ]  # fmt: skip
    assert section.mistakes[0].measure == "95.0%"
    names = [row[0] for row in section.scores]
    assert names == [*"0123456789", "mean of the classes"]
    recall = {row[0]: row[2][0] for row in section.scores}
    assert recall["0"] == f"{1 - 1 / sum(counts[0]):.3f}"
    assert section.accuracy_interval == "0.8014 to 0.9742"
    assert section.scores[0][2][1].count("–") == 1
    assert [label for label, _ in section.calibration_rows] == ["calibration error", "Brier score", "log loss"]


def test_a_regression_shows_its_largest_errors(make_run):
    run = make_run(
        "data.dataset=diabetes", text="model: {layers: [{type: Dense, units: 1}]}\nloss: mse\nmetrics: [mae]\n"
    )
    true = np.array([[100.0], [150.0], [200.0]], np.float32)
    np.savez(
        run.predictions,
        outputs=true + np.array([[1], [-30], [4]], np.float32),
        labels=true,
        indices=np.array([7, 8, 9]),
    )
    section = build_predictions_section(run, None, logits=False, max_mistakes=2)
    assert isinstance(section, RegressionSection)
    assert [(mistake.index, mistake.true, mistake.predicted, mistake.measure) for mistake in section.mistakes] == [
        (8, "150", "120", "−30"), (9, "200", "204", "+4"),
    ]  # fmt: skip
    assert dict(section.error_rows)["mean absolute error"].startswith("11.667")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda run: run.predictions.unlink(), "predictions.npz does not exist"),
        (lambda run: run.predictions.write_bytes(b"nothing"), "damaged"),
        (lambda run: np.savez(run.predictions, outputs=np.zeros((2, 10), "f4")), "does not contain"),
    ],
    ids=["missing", "damaged", "incomplete"],
)
def test_missing_predictions_are_explained(make_run, spoil, reason):
    run = predict(make_run())
    spoil(run)
    assert reason in build_predictions_section(run, None, logits=False, max_mistakes=3)


def test_mistakes_have_thumbnails_if_data_is_unchanged(dnn, make_run, tmp_path):
    same = load_examples(DIGITS).compute_fingerprint()
    predict(make_run(digits="00000001", data={"dataset": "digits", "fingerprint": same}))
    predict(make_run("optimizer=sgd", digits="00000002"))
    done = dnn("report")
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"report.html  2 runs, 0.\d MB\n", done.stdout)
    parsed = ParsedPage((tmp_path / "report.html").read_text("utf-8"))
    assert len(parsed.find_attributes("img")) == 3
    assert any("their data has changed since the training" in text for text in parsed.text)


def test_thumbnails_of_images_and_other_inputs(tmp_path):
    import io

    from PIL import Image

    drawn = build_thumbnail(np.array([[0, 16], [8, 4]], np.uint8), 16)
    image = Image.open(io.BytesIO(base64.b64decode(drawn.uri.partition(",")[2])))
    assert np.asarray(image).tolist() == [[0, 255], [127, 63]]
    large = build_thumbnail(np.zeros((300, 200, 3), np.float32), 1.0)
    assert Image.open(io.BytesIO(base64.b64decode(large.uri.partition(",")[2]))).size == (64, 96)
    assert build_thumbnail(np.array([5.1, 3.5], np.float32), 1, ("length", "width")).text == "length 5.1, width 3.5"


def test_only_own_report_is_overwritten(dnn, make_run, tmp_path):
    make_run()
    mine = tmp_path / "mine.html"
    mine.write_text("<html>precious</html>")
    refused = dnn("report", "-o", "mine.html")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("dnn: mine.html is not a report of dnn and is not replaced\n")
    assert mine.read_text() == "<html>precious</html>"
    assert [dnn("report").returncode for _ in range(2)] == [0, 0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["report"], "no runs in runs"),
        (["report", "absent"], "absent"),
        (["report", "-o", "no/where.html"], "no does not exist"),
        (["report", "-o", "."], "is not a report of dnn"),
    ],
    ids=["no-runs", "no-such-run", "no-directory", "a-directory"],
)
def test_refusal_is_one_line(dnn, tmp_path, words, message):
    done = dnn(*words)
    assert done.returncode == 2
    assert message in done.stderr.splitlines()[0]
    assert not [path for path in tmp_path.iterdir() if path.suffix == ".html"]


def test_many_runs_are_cut_with_a_note(scored_runs, tmp_path):
    scored_runs.add("many", [0.5 + number / 1000 for number in range(MAX_RUN_PAGES + 20)])
    report_page = build_page(tmp_path / "runs")
    text = render_report(report_page, {}, {})
    (section,) = report_page.sections
    assert (len(report_page.runs), report_page.omitted_count) == (MAX_RUN_PAGES, 20)
    assert section.curves.omitted_count == 20
    assert "20 more runs have no page." in text
    assert len(section.table.rows) == MAX_RUN_PAGES + 20
    assert len(text) < 2_000_000


def test_thin_line_keeps_its_extremes():
    values = [0.5] * 10_000
    values[1234], values[9000] = 3.0, -2.0
    thin = thin_line(SvgLine("long", range(1, 10_001), values), 100)
    assert len(thin.y) <= 100
    assert {1, 1235, 9001, 10_000} <= set(thin.x)
    assert (max(thin.y), min(thin.y)) == (3.0, -2.0)


def test_loss_over_many_magnitudes_has_log_axis():
    drawn = build_plot([SvgLine("loss", [1, 2, 3], [1000.0, 1.0, 0.001])], "a loss", lower_is_better=True)
    assert drawn.data["log"]
    heights = [int(point.partition(",")[2]) for point in drawn.lines[0].points.split()]
    assert heights[1] == pytest.approx(500, abs=1)


def test_one_epoch_is_a_point():
    drawn = build_plot([SvgLine("short", [1], [0.5])], "a score")
    assert drawn.lines[0].points == "500,500 500,500"


def test_runs_with_equal_ids_have_own_anchors(make_run, tmp_path):
    make_run(digits="0000000a", stamp="20260101-000001")
    make_run("seed=7", digits="0000000a", stamp="20260101-000002")
    assert sorted(run.anchor for run in build_page(tmp_path / "runs").runs) == ["run-0000000a", "run-0000000a.2"]


def test_report_without_completed_runs(make_run, tmp_path):
    make_run(status="failed", reason="no memory", curve=())
    text = write_report(tmp_path / "runs", tmp_path / "report.html")
    assert "There is no completed run to compare." in text
    assert "failed: no memory" in text


def test_headline_of_folds_and_other_runs_names_no_experiment(scored_runs):
    scored_runs.add("single", [0.8])
    for fold, score in enumerate([0.8, 0.7], 1):
        scored_runs.add("validated", [score], "data.folds=2", f"data.fold={fold}")
    verdict = build_page(scored_runs.root / "runs").sections[0].verdict
    assert verdict.headline == "The groups are not compared; the caveats state the reason."
    assert "some runs are folds of a cross-validation and others are not" in verdict.warnings[0]


def test_headline_names_the_baseline(scored_runs):
    scored_runs.add("adam", [0.9, 0.91])
    scored_runs.add("sgd", [0.8, 0.83], "optimizer=sgd")
    store = Store(scored_runs.root / "runs")
    assert compare_runs(store.list_runs(), baseline="sgd").verdict_set.is_named
    assert (
        build_page(scored_runs.root / "runs", baseline="sgd")
        .sections[0]
        .verdict.headline.startswith("sgd is the baseline, with 0.8150")
    )
