"""Commands with the address of a study, as they are typed."""

import json
from functools import partial

import pytest

from dnn_cli.errors import UsageError
from dnn_cli.execution import study_evaluation
from dnn_cli.execution.evaluation import FinishedEvaluation, record_evaluation
from dnn_cli.execution.reporters import Reporter
from dnn_cli.execution.resume_training import select_memberships
from dnn_cli.execution.test_reads import ReadOrigin
from dnn_cli.runs.evaluations import Evaluation
from dnn_cli.runs.store import Store
from tests.helpers import forked_cli
from tests.helpers.cli_output import parse_json_output
from tests.helpers.untrained_runs import make_run_directory
from tests.helpers.untrained_studies import StudyRuns, build_membership, build_plan

ORIGIN = ReadOrigin("dnn evaluate study:01", "dnn evaluate study:01 --force")
SELECTED = (
    "of study:01, only the final runs with tuned settings are used; --where 'study.phase = tuning' or --where "
    "'study.arm = default' selects other runs"
)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Return the ids of the runs of a study by phase or arm, and a function that runs `dnn` in their directory."""
    directory = tmp_path_factory.mktemp("study")
    study_runs = StudyRuns(partial(make_run_directory, directory), directory / "runs")
    ids = study_runs.add_study(build_plan())
    study_runs.add("seed=7", sweeps=(build_membership(None, id="aaaaaaaa"),))
    return ids, partial(forked_cli.run_command, directory)


@pytest.fixture
def ids(study):
    return study[0]


@pytest.fixture
def dnn(study):
    return study[1]


def test_runs_are_listed(dnn, ids):
    everything = {run_id for group in ids.values() for run_id in group}
    assert set(dnn("runs", "study:01", "--ids").stdout.split()) == everything
    assert dnn("runs", "--ids", "sweep:aa").stdout.split() == [f"{len(everything) + 1:08x}"]
    words = ("--where", "study.phase = tuning", "--columns", "study.value,study.trial", "--csv")
    assert sorted(dnn("runs", *words[:2], "study:01", *words[2:]).stdout.split()[1:]) == [
        "adam,0", "adam,1", "sgd,0", "sgd,1",
    ]  # fmt: skip


def test_list_of_all_runs_ignores_the_directory_of_studies(dnn, ids):
    assert len(dnn("runs", "--ids").stdout.split()) == sum(map(len, ids.values())) + 1
    assert dnn("runs", "gc").stderr == "no unused files in runs\n"


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        (["runs", "study:77"], ["dnn: no study 77", "  use one of 0123abcd (digits)"]),
        (["runs", "study:01", "show"],
         ["dnn: study:01 must not precede show", "  dnn runs show --help shows the order of arguments"]),
        (["runs", "study:01", "nope"], ["dnn: unknown command: dnn runs nope", "  did you mean dnn runs note?"]),
        (["runs", "rm", "study:01"],
         ["dnn: study:01 names the runs of a study, and this command needs runs by id or name",
          "  dnn runs study:01 lists the runs"]),
        (["watch", "study:77"], ["dnn: no study 77", "  use one of 0123abcd (digits)"]),
        (["evaluate", "study:01", "--best"],
         ["dnn: --best and study:01 cannot be combined", "  omit --best, or name one run"]),
        (["evaluate", "study:01", "new.csv"],
         ["dnn: new.csv and study:01 cannot be combined", "  omit new.csv, or name one run"]),
        (["evaluate", "study:01", "data.path=x"],
         ["dnn: data.path=x and study:01 cannot be combined", "  omit data.path=x, or name one run"]),
    ],
)  # fmt: skip
def test_wrong_words_are_reported(dnn, words, lines):
    done = dnn(*words)
    assert (done.returncode, done.stderr.splitlines(), done.stdout) == (2, lines, "")


def test_comparison_uses_the_final_runs_with_tuned_settings(dnn, ids):
    done = dnn("compare", "study:01")
    assert done.stderr.splitlines() == [SELECTED]
    assert "6 completed runs of 2 experiments" in done.stdout
    (caveat,) = [line for line in done.stdout.splitlines() if line.startswith("!")]
    assert caveat.startswith("! the settings were chosen by scores of the tuning half")
    lines = dnn("compare", "study:01", "--by", "study.value", "--csv").stdout.splitlines()
    assert {line.split(",")[lines[0].split(",").index("id")] for line in lines[1:]} == set(ids["tuned"])


def test_condition_selects_other_runs(dnn):
    done = dnn("compare", "study:01", "--where", "study.arm = default")
    assert (done.stderr, "6 completed runs of 2 experiments" in done.stdout) == ("", True)


def test_report_and_plot_use_the_same_runs(dnn, tmp_path):
    """With an option of comparisons, the report is that of runs; without, it is the page of the study."""
    done = dnn("report", "study:01", "--metric", "val_accuracy", "-o", str(tmp_path / "report.html"))
    assert (done.stderr.splitlines(), "  6 runs, " in done.stdout) == ([SELECTED], True)
    curves = parse_json_output(dnn("plot", "study:01", "--json"))
    assert len(curves["runs"]) == 6


def test_details_of_a_run_have_its_role(dnn, ids):
    roles = {kind: dnn("runs", "show", ids[kind][0]).stdout for kind in ids}
    assert "digits 0123abcd, trial 0 of sgd: optimizer=sgd" in roles["tuning"]
    assert "digits 0123abcd, final run of sgd with defaults: optimizer=sgd" in roles["default"]
    assert "digits 0123abcd, final run of sgd with the settings of trial 0: optimizer=sgd" in roles["tuned"]


@pytest.fixture
def evaluated(study_runs, monkeypatch):
    """Make a study whose evaluations take no time, and return the list of evaluated runs."""
    study_runs.add_study(build_plan())
    evaluated = []

    def evaluate(run, record, model, split, overrides, reporter, origin, code_directory, cache):
        evaluated.append(record.id)
        scores = {"loss": 0.5, "accuracy": 0.75 + record.results.last["val_accuracy"] / 8}
        evaluation = Evaluation(at="2027-01-01T00:00:00+00:00", split=split, examples=8, scores=scores)
        return FinishedEvaluation(None, None, evaluation)

    monkeypatch.setattr(study_evaluation, "evaluate_split", evaluate)
    return evaluated


def test_each_run_reads_the_test_set_once(study_runs, evaluated):
    store = Store(study_runs.root)
    assert study_evaluation.evaluate_on_test_set(store.list_runs()[:2], Reporter(), ORIGIN) == evaluated
    assert len(evaluated) == 2
    assert study_evaluation.evaluate_on_test_set(store.list_runs()[:2], Reporter(), ORIGIN) == []
    assert [len(run.record.evaluated) for run in store.list_runs()[:3]] == [1, 1, 0]


def test_study_reads_no_test_set_beyond_the_limit_of_one_run(study_runs, evaluated):
    """A run that `dnn evaluate --best` has evaluated is still to be evaluated, but its limit is reached."""
    first, second = Store(study_runs.root).list_runs()[:2]
    first.run.config.write_text(first.run.config.read_text() + "\n", encoding="utf-8")
    text = first.run.config.read_text().replace("dataset: digits", "dataset: digits\n  test_reads: 1")
    first.run.config.write_text(text, encoding="utf-8")
    read = Evaluation(at="2027-01-01T00:00:00+00:00", split="test", examples=8, scores={"loss": 1}, model="best.keras")
    record_evaluation(first.run, read, ReadOrigin("dnn evaluate --best", ""), print)
    runs = [item for item in Store(study_runs.root).list_runs() if item.run in (first.run, second.run)]
    with pytest.raises(
        UsageError, match=r"read once, by dnn evaluate --best on .*, and data\.test_reads is 1"
    ) as error:
        study_evaluation.evaluate_on_test_set(runs, Reporter(), ORIGIN)
    assert evaluated == []
    assert "dnn evaluate study:01 --force reads the test set again" in error.value.suggestion
    forced = study_evaluation.evaluate_on_test_set(runs, Reporter(), ORIGIN._replace(force=True))
    assert forced == evaluated and len(forced) == 2


def test_test_scores_are_printed_by_value(study_runs, evaluated, tmp_path):
    study_evaluation.evaluate_on_test_set(Store(study_runs.root).list_runs(), Reporter(), ORIGIN)
    done = forked_cli.run_command(tmp_path, "evaluate", "study:01")
    assert [line.split()[:3] for line in done.stdout.splitlines()[2:]] == [
        ["adam", "3", "0.8502"],
        ["sgd", "3", "0.8502"],
    ]
    assert done.stderr == ("study:01: 6 final runs with tuned settings; 6 runs evaluated before, and not again\n")
    document = json.loads(forked_cli.run_command(tmp_path, "evaluate", "study:01", "--json").stdout)
    assert document["evaluated"] == []
    assert [(item["value"], len(item["runs"])) for item in document["values"]] == [("adam", 3), ("sgd", 3)]


def test_continued_run_stays_in_its_study_and_a_longer_run_leaves(study_runs):
    from dnn_cli.config.digests import compute_outcome_digest
    from dnn_cli.config.loading import load_experiment

    role, sweep, new = build_membership("a" * 16), build_membership(None, id="aaaaaaaa"), build_membership("b" * 16)
    study_runs.add("seed=1", sweeps=(role, sweep))
    (run_info,) = Store(study_runs.root).list_runs()
    experiment = load_experiment(str(run_info.run.config), []).experiment
    longer = load_experiment(str(run_info.run.config), ["epochs=9"]).experiment
    record = run_info.record.model_copy(update={"experiment": compute_outcome_digest(experiment)})
    assert select_memberships(record, experiment, (role, new)) == (role, sweep, new)
    assert select_memberships(record, longer, ()) == (sweep,)
