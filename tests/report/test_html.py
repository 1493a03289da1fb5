"""The HTML report: what it says, that it needs nothing else, and that names in it are only names."""

import base64
import hashlib
import re
from collections import Counter
from html.parser import HTMLParser

import numpy as np
import pytest

from dnn_cli.compare.comparison import compare
from dnn_cli.data.examples import load_examples
from dnn_cli.report.html.outcome import Numbers, outcome
from dnn_cli.report.html.page import MOST_PAGES
from dnn_cli.report.html.pictures import shown
from dnn_cli.report.html.plot import Line, plot, thinned
from dnn_cli.report.verdict import sentence
from dnn_cli.runs.store import Store
from tests.report.pages import DIGITS, page, predict, write

HOSTILE = '<script>hacked=1</script> & "quoted" \'{{ 7*7 }}'


class Elements(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, text):
        super().__init__()
        self.found, self.text = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)

    def of(self, *tags):
        return [attributes for tag, attributes in self.found if tag in tags]


@pytest.fixture
def report(trained, tmp_path):
    """Two groups of three seeds, a run that diverged and one whose record is damaged."""
    for run in trained.add(HOSTILE, [0.9, 0.91, 0.92]) + trained.add("sgd", [0.8, 0.83, 0.81], "optimizer=sgd"):
        predict(run)
    trained.add("lost", [0.5], "epochs=9", status="diverged", reason="the loss was no number")
    (broken,) = trained.add("broken", [0.5], "epochs=8")
    broken.record.write_text("{")
    return write(tmp_path / "runs", tmp_path / "report.html")


def test_the_verdict_is_that_of_compare(report, trained):
    compared = trained.compare()
    said = Elements(report).text
    (told,) = [sentence(compared, verdict) for verdict in compared.family.verdicts]
    assert told == "worse than adam by 9.67 points (95% interval 5.87 to 13.46), p = 0.0082"
    assert told in said
    assert any("has the best mean, 0.9100 ± 0.0100; the other is worse." in text for text in said)
    for warning in compared.warnings:
        assert warning in said


def test_a_name_is_only_a_name(report):
    assert "<script>hacked" not in report
    parsed = Elements(report)
    assert len(parsed.of("script")) == 2 + len(re.findall('type="application/json"', report))
    assert parsed.text.count(f"{HOSTILE} ") == 3  # the heads of its pages


def test_it_loads_nothing_and_may_load_nothing(report):
    parsed = Elements(report)
    (policy,) = [one["content"] for one in parsed.of("meta") if "http-equiv" in one]
    assert policy.startswith("default-src 'none'; img-src data:;")
    addresses = [one.get(name) for _, one in parsed.found for name in ("src", "href") if name in one]
    assert all(address.startswith(("#", "data:")) for address in addresses)
    assert not re.search(r"@import|url\(|https?://(?!www.w3.org/2000/svg)", report)
    for tag, text in re.findall(r"<(style|script)>(.*?)</\1>", report, re.DOTALL):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy.partition(f"{tag}-src")[2]
    assert not any("style" in one or any(name.startswith("on") for name in one) for _, one in parsed.found)


def test_it_can_be_read_without_looking(report):
    parsed = Elements(report)
    assert len(parsed.of("h1")) == len(parsed.of("main")) == len(parsed.of("nav")) == 1
    assert all("scope" in one for one in parsed.of("th"))
    assert all(one.get("aria-label") or one.get("aria-hidden") or "viewbox" in one for one in parsed.of("svg"))
    assert all(one.get("alt") for one in parsed.of("img"))
    identities = Counter(one["id"] for _, one in parsed.found if "id" in one)
    assert set(identities.values()) == {1}
    targets = {one["href"][1:] for one in parsed.of("a") if one["href"].startswith("#")}
    assert targets <= identities.keys()
    labelled = {word for _, one in parsed.found for word in one.get("aria-labelledby", "").split()}
    assert labelled <= identities.keys()


def test_every_run_has_a_page_also_those_that_could_not_be_compared(report, tmp_path):
    found = {run.name: run for run in page(tmp_path / "runs").runs}
    assert len(page(tmp_path / "runs").runs) == 8
    assert (found["lost"].status, found["lost"].reason) == ("diverged", "the loss was no number")
    assert any(run.status == "broken" and "not JSON" in run.reason for run in found.values())
    assert "diverged: the loss was no number" in Elements(report).text


def test_the_curves_hold_the_numbers_of_metrics_csv(report, tmp_path):
    curves = page(tmp_path / "runs").curves
    assert [score.name for score in curves.scores] == ["val_accuracy", "val_loss", "loss", "accuracy"]
    best = curves.scores[0].plot.data["lines"]
    assert [line["y"] for line in best[:4]] == [[0.8, 0.9], [0.81, 0.91], [0.82, 0.92], [0.81, 0.91]]
    assert best[3]["name"].endswith(", mean")
    assert curves.scores[0].rows[0][1] == ("0.8000", "0.9000")


def test_classes_and_mistakes_are_those_of_the_predictions(report, tmp_path):
    found = page(tmp_path / "runs").runs[0].outcome
    assert (found.examples, found.wrong, found.accuracy) == (40, 3, "0.9250")
    counts = [[int(square.text) for square in row] for row in found.matrix]
    assert np.sum(counts) == 40
    assert np.trace(counts) == 37
    assert [counts[n][n + 1] for n in range(3)] == [1, 1, 1]
    assert [(one.index, one.true, one.predicted) for one in found.mistakes] == [
        (0, "0", "1"), (1, "1", "2"), (2, "2", "3"),
    ]  # fmt: skip
    assert found.mistakes[0].measure == "95.0%"
    names = [row[0] for row in found.scores]
    assert names == [*"0123456789", "mean of the classes"]
    recall = {row[0]: row[2] for row in found.scores}
    assert recall["0"] == f"{1 - 1 / sum(counts[0]):.3f}"


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
    found = outcome(run, None, logits=False, most=2)
    assert isinstance(found, Numbers)
    assert [(one.index, one.true, one.predicted, one.measure) for one in found.mistakes] == [
        (8, "150", "120", "−30"), (9, "200", "204", "+4"),
    ]  # fmt: skip
    assert dict(found.facts)["mean absolute error"] == "11.667"


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda run: run.predictions.unlink(), "There is no predictions.npz"),
        (lambda run: run.predictions.write_bytes(b"nothing"), "damaged"),
        (lambda run: np.savez(run.predictions, outputs=np.zeros((2, 10), "f4")), "does not hold"),
    ],
    ids=["missing", "damaged", "incomplete"],
)
def test_without_predictions_the_page_says_why(make_run, spoil, why):
    run = predict(make_run())
    spoil(run)
    assert why in outcome(run, None, logits=False, most=3)


def test_mistakes_are_shown_as_pictures_where_the_data_is_the_same(dnn, make_run, tmp_path):
    same = load_examples(DIGITS).fingerprint()
    predict(make_run(digits="00000001", data={"dataset": "digits", "fingerprint": same}))
    predict(make_run("optimizer=sgd", digits="00000002"))
    done = dnn("report")
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"report.html  2 runs, 0.\d MB\n", done.stdout)
    parsed = Elements((tmp_path / "report.html").read_text("utf-8"))
    assert len(parsed.of("img")) == 3
    assert any("their data is no longer what it was" in text for text in parsed.text)


def test_a_picture_is_the_image_and_other_inputs_are_told(tmp_path):
    import io

    from PIL import Image

    drawn = shown(np.array([[0, 16], [8, 4]], np.uint8), 16)
    image = Image.open(io.BytesIO(base64.b64decode(drawn.uri.partition(",")[2])))
    assert np.asarray(image).tolist() == [[0, 255], [127, 63]]
    large = shown(np.zeros((300, 200, 3), np.float32), 1.0)
    assert Image.open(io.BytesIO(base64.b64decode(large.uri.partition(",")[2]))).size == (64, 96)
    assert shown(np.array([5.1, 3.5], np.float32), 1, ("length", "width")).text == "length 5.1, width 3.5"


def test_it_writes_over_its_own_report_and_nothing_else(dnn, make_run, tmp_path):
    make_run()
    mine = tmp_path / "mine.html"
    mine.write_text("<html>precious</html>")
    refused = dnn("report", "-o", "mine.html")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("dnn: mine.html is there and no report of dnn\n")
    assert mine.read_text() == "<html>precious</html>"
    assert [dnn("report").returncode for _ in range(2)] == [0, 0]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["report"], "there is no run in runs"),
        (["report", "nobody"], "nobody"),
        (["report", "-o", "no/where.html"], "there is no folder no"),
        (["report", "-o", "."], "no report of dnn"),
    ],
    ids=["no-runs", "no-such-run", "no-folder", "a-folder"],
)
def test_what_cannot_be_done_is_said_in_a_line(dnn, tmp_path, words, why):
    done = dnn(*words)
    assert done.returncode == 2
    assert why in done.stderr.splitlines()[0]
    assert not [path for path in tmp_path.iterdir() if path.suffix == ".html"]


def test_many_runs_have_less_each_and_the_page_says_so(trained, tmp_path):
    trained.add("many", [0.5 + number / 1000 for number in range(MOST_PAGES + 20)])
    text = write(tmp_path / "runs", tmp_path / "report.html")
    found = page(tmp_path / "runs")
    assert (len(found.runs), found.untold, found.curves.untold) == (MOST_PAGES, 20, 20)
    assert "20 more runs have no page here." in text
    assert len(found.table.rows) == MOST_PAGES + 20
    assert len(text) < 2_000_000


def test_a_long_curve_keeps_its_extremes():
    values = [0.5] * 10_000
    values[1234], values[9000] = 3.0, -2.0
    thin = thinned(Line("long", range(1, 10_001), values), 100)
    assert len(thin.y) <= 100
    assert {1, 1235, 9001, 10_000} <= set(thin.x)
    assert (max(thin.y), min(thin.y)) == (3.0, -2.0)


def test_a_loss_over_many_magnitudes_is_drawn_by_them():
    drawn = plot([Line("loss", [1, 2, 3], [1000.0, 1.0, 0.001])], "a loss", falls=True)
    assert drawn.data["log"]
    heights = [int(place.partition(",")[2]) for place in drawn.lines[0].points.split()]
    assert heights[1] == pytest.approx(500, abs=1)


def test_one_epoch_is_a_point():
    drawn = plot([Line("short", [1], [0.5])], "a score")
    assert drawn.lines[0].points == "500,500 500,500"


def test_runs_of_one_directory_name_have_pages_of_their_own(make_run, tmp_path):
    make_run(digits="0000000a", stamp="20260101-000001")
    make_run("seed=7", digits="0000000a", stamp="20260101-000002")
    assert sorted(run.anchor for run in page(tmp_path / "runs").runs) == ["run-0000000a", "run-0000000a.2"]


def test_no_completed_run_is_a_report_too(make_run, tmp_path):
    make_run(status="failed", reason="no memory", curve=())
    text = write(tmp_path / "runs", tmp_path / "report.html")
    assert "There is no completed run to compare." in text
    assert "failed: no memory" in text


def test_the_comparison_of_a_baseline_says_so(trained):
    trained.add("adam", [0.9, 0.91])
    trained.add("sgd", [0.8, 0.83], "optimizer=sgd")
    store = Store(trained.root / "runs")
    assert compare(store.entries(), baseline="sgd").family.is_named
    assert page(trained.root / "runs", baseline="sgd").verdict.headline.startswith("sgd is the baseline, with 0.8150")
