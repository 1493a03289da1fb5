"""Cross-validated groups: means over folds, the corrected t-test, and comparisons that have no verdict."""

import json

import numpy as np
import pytest
from scipy import stats

from dnn_cli.compare.comparison import compare_runs
from dnn_cli.compare.out_of_fold import join_predictions, summarize_cross_validations
from dnn_cli.errors import RunError
from dnn_cli.report.comparison_json import build_comparison_document
from dnn_cli.report.comparison_view import build_comparison_view
from dnn_cli.runs.store import Store

LEFT = [0.80, 0.82, 0.79, 0.85, 0.81, 0.83, 0.80, 0.84, 0.82, 0.86]
RIGHT = [0.78, 0.81, 0.78, 0.82, 0.80, 0.80, 0.79, 0.81, 0.80, 0.83]
SIZES = {"train": 800, "validation": 200}


class FoldRuns:
    """Untrained runs of folds with given scores, in one directory."""

    def __init__(self, make_run, root):
        self.make_run, self.root, self.count = make_run, root, 0

    def add(self, name, scores, *overrides, folds=5, first=1, seed=42, split=42, sizes=SIZES, **changes):
        """Make one run for each score; scores beyond the last fold belong to the next repetitions."""
        runs = []
        for position, score in enumerate(scores, first - 1):
            self.count += 1
            words = [f"name={name}", f"optimizer={name}", f"data.folds={folds}", f"data.fold={position % folds + 1}",
                     f"data.split_seed={split + position // folds}", f"seed={seed}"]  # fmt: skip
            data = {"dataset": "digits", "fingerprint": "sha256:0", "split": f"{split} {position}", **sizes}
            digits = f"{self.count:08x}"
            runs.append(self.make_run(*words, *overrides, digits=digits, curve=(score,), data=data, **changes))
        return runs

    def list(self):
        store = Store(self.root / "runs")
        return store.with_details(store.list_runs())

    def compare(self, metric=None, **options):
        return compare_runs(self.list(), metric, **options)


@pytest.fixture
def folds(make_run, tmp_path):
    return FoldRuns(make_run, tmp_path)


def compute_corrected_test(differences, ratio):
    """Compute the p-value and the interval by the formula of Nadeau and Bengio."""
    count = len(differences)
    error = np.sqrt((1 / count + ratio) * np.var(differences, ddof=1))
    mean = np.mean(differences)
    reach = stats.t.ppf(0.975, count - 1) * error
    return 2 * stats.t.sf(abs(mean) / error, count - 1), (mean - reach, mean + reach)


def format_screen(comparison):
    view = build_comparison_view(comparison)
    return "\n".join(
        [*(str(table.rows) for table in view.tables), *(line for block in view.paragraphs for line in block)]
    )


@pytest.mark.parametrize("count", [5, 10], ids=["one repetition", "two repetitions"])
def test_verdicts_are_those_of_the_corrected_t_test(folds, count):
    folds.add("adam", LEFT[:count])
    folds.add("sgd", RIGHT[:count])
    compared = folds.compare()
    (verdict,) = compared.verdict_set.verdicts
    p_value, interval = compute_corrected_test(np.subtract(RIGHT[:count], LEFT[:count]), 200 / 800)
    assert verdict.p_value == pytest.approx(p_value, rel=1e-6)
    assert verdict.difference.interval == pytest.approx(interval, rel=1e-6)
    assert verdict.word == ("worse" if p_value <= 0.05 else "undecided")
    assert [group.settings for group in compared.groups] == [{"optimizer": "adam"}, {"optimizer": "sgd"}]
    _, own_interval = compute_corrected_test(LEFT[:count], 200 / 800)
    assert compared.get_interval(compared.groups[0]) == pytest.approx(own_interval, rel=1e-6)
    source = "Bouckaert and Frank 2004" if count == 10 else "Nadeau and Bengio 2003"
    assert source in format_screen(compared)
    assert not compared.caveats


def test_several_seeds_of_a_fold_count_once(folds):
    for seed, shift in ((1, 0.0), (2, 0.004)):
        folds.add("adam", [score + shift for score in LEFT[:5]], seed=seed)
    folds.add("sgd", RIGHT[:5], seed=1)
    compared = folds.compare()
    assert compared.groups[0].mean == pytest.approx(np.mean(LEFT[:5]) + 0.002)
    # Only seed 1 is paired, because sgd lacks seed 2.
    (verdict,) = compared.verdict_set.verdicts
    assert verdict.difference.mean == pytest.approx(np.mean(np.subtract(RIGHT[:5], LEFT[:5])))
    assert verdict.difference.seed_counts == (5, 5)


def test_groups_by_a_key_average_over_folds(folds):
    folds.add("adam", LEFT[:5])
    folds.add("sgd", RIGHT[:5])
    compared = folds.compare(by=["optimizer.type"])
    assert [(group.name, len(group.fold_means)) for group in compared.groups] == [("adam", 5), ("sgd", 5)]
    assert compared.verdict_set.verdicts[0].difference.test == "corrected"
    assert compared.averaged_settings == {}


def test_a_repeated_fold_counts_once(folds):
    folds.add("adam", LEFT[:5])
    folds.add("adam", LEFT[1:2], first=2)
    (group,) = folds.compare().groups
    assert (len(group.run_scores), len(group.fold_means)) == (5, 5)


def test_an_incomplete_repetition_is_left_out_and_stated(folds):
    folds.add("adam", LEFT)
    folds.add("sgd", RIGHT[:9])
    compared = folds.compare()
    assert compared.verdict_set.verdicts[0].difference.seed_counts == (5, 5)
    assert "for 5 common folds" in format_screen(compared)
    assert list(compared.caveats) == ["incomplete cross-validation: sgd lacks fold 5 of 5 of split seed 43"]


@pytest.mark.parametrize(
    ("add_second", "reason"),
    [
        (lambda folds: folds.add("sgd", RIGHT[:4]), "sgd lacks fold 5 of 5"),
        (lambda folds: folds.add("sgd", RIGHT[:5], split=7), "no data.split_seed in common"),
    ],
    ids=["a fold is missing", "other splits"],
)
def test_without_common_folds_there_is_no_verdict(folds, add_second, reason):
    folds.add("adam", LEFT[:5])
    add_second(folds)
    compared = folds.compare()
    (verdict,) = compared.verdict_set.verdicts
    assert (verdict.word, verdict.p_value) == ("undecided", None)
    assert reason in verdict.undecided_reason
    assert build_comparison_document(compared)["pairs"][0]["basis"] == "folds"


TABLE = "day,x,y\n" + "".join(f"{at},{at % 7},{at % 2}\n" for at in range(40))
TIMES = "data={{dataset: csv, path: {path}, time: day, folds: 3, fold: {fold}}}"


def test_folds_by_time_show_differences_without_a_verdict(make_run, tmp_path):
    (tmp_path / "times.csv").write_text(TABLE)
    store = FoldRuns(make_run, tmp_path)
    output = "layers=[{type: Dense, units: 1, activation: sigmoid}]"
    for name, shift in (("adam", 0.0), ("sgd", 0.05)):
        for fold in (1, 2, 3):
            store.count += 1
            words = (f"name={name}", f"optimizer={name}", output, "loss=binary_crossentropy")
            data = TIMES.format(path=tmp_path / "times.csv", fold=fold)
            make_run(*words, data, digits=f"{store.count:08x}", curve=(0.8 + shift,))
    compared = store.compare()
    (verdict,) = compared.verdict_set.verdicts
    assert (verdict.word, verdict.p_value) == ("undecided", None)
    assert "undecided: −5.00 points; the training sets of folds by time differ in size" in format_screen(compared)
    assert all(compared.get_interval(group) is None for group in compared.groups)


def test_two_folds_have_no_verdict(folds):
    folds.add("adam", LEFT[:2], folds=2)
    folds.add("sgd", RIGHT[:2], folds=2)
    (verdict,) = folds.compare().verdict_set.verdicts
    assert "at least 3 folds" in verdict.undecided_reason


@pytest.mark.parametrize(
    ("add_second", "text"),
    [
        (lambda folds: folds.make_run("name=sgd", "optimizer=sgd", digits="000000ff"), "and others are not"),
        (lambda folds: folds.add("sgd", RIGHT[:3], folds=3), "cross-validated with 3 and 5 folds"),
    ],
    ids=["single split", "other number of folds"],
)
def test_different_schemes_are_not_compared_and_the_remedy_works(folds, add_second, text, dnn):
    folds.add("adam", LEFT[:5], sizes={})
    folds.add("rmsprop", RIGHT[:5], sizes={})
    add_second(folds)
    compared = folds.compare()
    assert not compared.verdict_set.verdicts
    (caveat,) = [caveat for caveat in compared.caveats if text in caveat]
    condition = caveat.split("--where '")[1].rstrip("'")
    document = json.loads(dnn("compare", "--where", condition, "--json").stdout)
    assert [pair["basis"] for pair in document["pairs"]] == ["folds"]


def test_equal_scores_are_equal_in_every_fold(folds):
    folds.add("adam", LEFT[:5])
    folds.add("sgd", LEFT[:5])
    assert "equal in every fold" in format_screen(folds.compare())


def test_holm_correction_of_three_groups(folds):
    for name, shift in (("adam", 0.0), ("sgd", 0.001), ("rmsprop", 0.01)):
        folds.add(name, [score - shift * (1 + at % 2) for at, score in enumerate(LEFT)])
    compared = folds.compare()
    assert compared.verdict_set.comparisons == 3
    p_values = [verdict.p_value for verdict in compared.verdict_set.verdicts]
    raw = [verdict.difference.p_value for verdict in compared.verdict_set.verdicts]
    assert min(p_values) == pytest.approx(3 * min(raw))


def write_predictions(run, indices):
    np.savez(run.predictions, outputs=np.eye(10, dtype=np.float32)[indices % 10], labels=indices % 10, indices=indices)


def test_joined_predictions_have_each_example_once(folds):
    for at, run in enumerate(folds.add("adam", LEFT[:5])):
        write_predictions(run, np.arange(at, 100, 5))
    (result,) = summarize_cross_validations(folds.list())
    assert (result.fold_count, result.repetitions, result.missing) == (5, 1, "")
    assert [score.metric for score in result.scores] == ["val_accuracy", "val_loss"]
    assert result.scores[0].mean == pytest.approx(np.mean(LEFT[:5]))
    predictions = join_predictions(result)
    assert predictions.example_count == len(predictions.targets) == 100
    assert np.array_equal(predictions.outputs.argmax(1), predictions.targets)
    assert predictions.experiment.data.info.classes == tuple("0123456789")


def test_folds_that_overlap_are_an_error(folds):
    for run in folds.add("adam", LEFT[:5]):
        write_predictions(run, np.arange(20))
    (result,) = summarize_cross_validations(folds.list())
    with pytest.raises(RunError, match="validation examples of another fold"):
        join_predictions(result)


def test_evaluate_prints_the_cross_validation(folds, dnn):
    runs = folds.add("adam", LEFT[:4])
    for at, run in enumerate(runs):
        write_predictions(run, np.arange(at, 100, 5))
    done = dnn("evaluate", *(run.directory.name[-8:] for run in runs))
    assert done.returncode == 0, done.stderr
    assert "adam: 5 folds, 4 runs" in done.stdout
    assert "! incomplete cross-validation: fold 5 of 5 is missing" in done.stdout
    assert "out-of-fold predictions of 80 examples" in done.stdout
    assert "weighted avg" in done.stdout
    (document,) = json.loads(dnn("evaluate", "adam", "--json").stdout)["cross_validations"]
    assert (document["missing"], document["examples"], document["report"]["accuracy"]) == ("fold 5 of 5", 80, 1)
    assert "omit --best" in dnn("evaluate", "adam", "--best").stderr
    refused = dnn("evaluate", "adam", "--split", "test")
    assert (refused.returncode, "--split test evaluates one run, not 4 folds" in refused.stderr) == (2, True)


def test_evaluate_refuses_runs_that_are_no_folds(folds, dnn, make_run):
    folds.add("adam", LEFT[:2])
    make_run("name=sgd", "optimizer=sgd", digits="000000ff")
    done = dnn("evaluate", "00000001", "00000002", "000000ff")
    assert done.returncode == 2
    assert "is not a fold of a cross-validation" in done.stderr
