"""`dnn compare` as it is typed."""

import io
import re
from functools import partial

import numpy as np
import pytest
from rich.console import Console

from dnn_cli.compare.comparison import compare_runs
from dnn_cli.report.comparison_view import build_comparison_view
from dnn_cli.runs.store import Store
from tests.helpers.cli_output import parse_json_output
from tests.helpers.forked_cli import run_command
from tests.helpers.untrained_runs import make_run_directory

MEANS = {"adam": 0.88, "rmsprop": 0.8795, "sgd": 0.85}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Return a directory with three optimizers, eight seeds each: one is clearly behind, two are about level."""
    directory = tmp_path_factory.mktemp("compared")
    chance = np.random.default_rng(5)
    for seed in range(1, 9):
        luck = chance.normal(0, 0.002)
        for number, (optimizer, mean) in enumerate(MEANS.items()):
            last = round(mean + luck + chance.normal(0, 0.002), 4)
            make_run_directory(
                directory, f"optimizer={optimizer}", f"seed={seed}", digits=f"{number}000000{seed}",
                curve=(0.5, 0.86, last), stamp=f"20260101-0000{seed}{number}",
            )  # fmt: skip
    return directory


@pytest.fixture
def compare(runs):
    """Return a function that runs `dnn compare` on these runs."""
    return partial(run_command, runs, "compare")


def test_verdicts_are_worse_and_indistinguishable(compare):
    lines = compare().stdout.splitlines()
    header, _, first, second, third, _, method = lines[2:9]
    assert re.search(r"compared with (adam|rmsprop)$", header)
    assert first.endswith("  the best mean")
    assert re.search(r"  indistinguishable: .\d\.\d\d points \(95% interval ", second)
    assert re.search(r"  worse by 3\.\d\d points \(95% interval 2\.\d\d to 3\.\d\d\), p = 0\.023$", third)
    assert method.startswith(
        "method: ± is the standard deviation over seeds; exact sign-flip test of 8 pairs of equal seeds"
    )
    assert "p after Holm's correction for 3 comparisons (all pairs of groups; " in method
    assert len(lines) == 9, "every mean and every verdict is printed once"


def test_verdict_wraps_inside_its_column(runs):
    """At 80 columns the table keeps scores, seeds and verdicts; other columns are dropped."""
    store = Store(runs / "runs")
    compared = compare_runs(store.with_details(store.list_runs()))
    (cells,) = build_comparison_view(compared).tables
    console = Console(width=80, file=io.StringIO(), legacy_windows=False)
    console.print(cells.build_fitting_table(80))
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert re.match(r"optimizer +val_accuracy +seeds +compared with \w+", lines[0])
    words = " ".join(lines[lines.index(next(line for line in lines if "worse by" in line)) :]).split()
    assert "p" in words and "0.023" in words


def test_runs_option_lists_runs_then_verdicts(compare):
    blocks = compare("--runs").stdout.split("\n\n")
    assert len(blocks[1].splitlines()) == 2 + 24
    assert len(blocks[2].splitlines()) == 2 + 3
    assert "worse by 3." in blocks[2]


def test_matrix_is_followed_by_verdicts_without_means(compare):
    _, matrix, verdicts = compare("--by", "optimizer.type", "--by", "batch_size").stdout.split("\n\n")
    assert "±" in matrix
    header, first, second, method = verdicts.splitlines()
    assert re.fullmatch(r"compared with \w+, 32:", header)
    assert re.fullmatch(r"\w+, 32 +indistinguishable: .*", first)
    assert re.fullmatch(r"sgd, 32 +worse by .*", second)
    assert method.startswith("method: ")


@pytest.mark.parametrize("by", [[], ["optimizer.type"], ["optimizer.type", "batch_size"]], ids=len)
def test_groups_without_a_verdict_are_counted(runs, by):
    store = Store(runs / "runs")
    all_runs = store.with_details(store.list_runs())
    limited = build_comparison_view(compare_runs(all_runs, by=by, max_groups=1))
    assert "no verdict on 1 more group, each with a lower rank: --all" in limited.paragraphs[0]
    complete = build_comparison_view(compare_runs(all_runs, by=by, max_groups=None))
    assert not any("--all" in line for lines in complete.paragraphs for line in lines)


def test_a_baseline_makes_fewer_comparisons(compare):
    result = parse_json_output(compare("--baseline", "sgd", "--json"))
    assert (result["reference"], result["comparisons"]) == ("sgd", 2)
    assert [(pair["a"], pair["b"], pair["verdict"]) for pair in result["pairs"]] == [
        ("sgd", "adam", "better"), ("sgd", "rmsprop", "better"),
    ]  # fmt: skip
    assert all(pair["difference"] < 0 and pair["interval"][0] < pair["difference"] for pair in result["pairs"])
    assert all(pair["p_value"] == pytest.approx(2 * 2 / 2**8) for pair in result["pairs"])


def test_three_seeds_decide_a_large_difference(compare):
    output = compare("--where", "seed in (1, 2, 3)").stdout
    assert re.search(r"sgd .* worse by 3\.\d\d points .*, p = 0\.0\d+$", output, re.MULTILINE)
    assert re.search(r"undecided: .\d\.\d\d points \(95% interval", output), "two are about level"
    assert "paired t-test of 3 seeds (assumes normally distributed scores); p after Holm's correction" in output


def test_two_seeds_are_undecided_and_hint_at_more(compare):
    output = compare("--where", "seed in (1, 2) and optimizer.type in (adam, sgd)").stdout
    assert "sgd compared with adam: undecided: −" in output
    assert (
        "a verdict on the settings needs at least 3 seeds of each group; 2 runs to train, about 4.0 s in total:"
        in output
    )
    assert "/config.yaml optimizer=adam,sgd seed=1..3\n" in output


def test_by_one_key_averages_and_by_two_makes_a_matrix(compare):
    assert [group["name"] for group in parse_json_output(compare("--by", "optimizer.type", "--json"))["groups"]] == [
        "adam",
        "rmsprop",
        "sgd",
    ]
    header = compare("--by", "optimizer.type", "--by", "batch_size").stdout.splitlines()[2]
    assert header.split() == ["optimizer", "\\", "batch_size", "32"]


def test_ids_of_a_query_can_be_compared(compare, runs):
    ids = run_command(runs, "runs", "--where", "seed = 3", "--ids").stdout.split()
    assert sorted(ids) == ["00000003", "10000003", "20000003"]
    assert len(parse_json_output(compare(*ids, "--json"))["rows"]) == 3


def test_at_selects_epoch_reach_or_best(compare):
    early = parse_json_output(compare("--at", "epoch=1", "--json"))
    assert {pair["verdict"] for pair in early["pairs"]} <= {"undecided", "indistinguishable"}
    assert {group["mean"] for group in early["groups"]} == {0.5}
    reached = compare("--at", "reach=0.875").stdout
    assert "val_accuracy epochs until 0.875 is reached" in reached
    assert "left out of the means: " in reached
    assert "! the best epoch was chosen by the reported validation score" in compare("--at", "best").stdout


@pytest.mark.parametrize("option", ["--md", "--latex", "--csv"])
def test_groups_as_markdown_latex_and_csv(compare, option):
    text = compare(option).stdout
    assert text.splitlines()[0].startswith({"--md": "| ", "--latex": "% needs", "--csv": "id,name,seed"}[option])
    assert "adam" in text


def test_single_models_are_compared_by_example(dnn, make_run):
    labels = np.arange(200) % 10
    for number, wrong in enumerate((20, 60), 1):
        run = make_run(f"layers.hidden.units={number}0", digits=f"0000000{number}", curve=(0.5, 1 - wrong / 200))
        outputs = np.eye(10)[(labels + (np.arange(200) < wrong)) % 10]
        np.savez(run.predictions, outputs=outputs, labels=labels, indices=np.arange(200))
    output = dnn("compare").stdout
    assert "units 20 compared with units 10: worse by 20.00 points (95% interval 16.48 to 20.00), p < 0.0001" in output
    assert "McNemar's exact test over 200 validation examples" in output
    assert "one run each: the verdict is about these trained models" in output


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        pytest.param(["--by", "optimzer.type"], "no run has the field optimzer.type", "optimizer.type", id="no field"),
        pytest.param(["--baseline", "sdg"], "--baseline sdg matches no group", "did you mean sgd?", id="no baseline"),
        pytest.param(
            ["--at", "epoch=1.5"], "needs a whole number above 0, got 1.5", "--at epoch=5", id="half an epoch"
        ),
        pytest.param(["--at", "finale"], "unknown --at value: finale", "did you mean final?", id="no view"),
        pytest.param(["--by", "optimizer,seed"], "--by accepts one key", "write --by optimizer --by seed", id="comma"),
        pytest.param(["--by", "lr"], "no run has the field lr", "mean optimizer.learning_rate?", id="short key"),
        pytest.param(["--at", "best_epoch"], "unknown --at value: best_epoch", "did you mean best?", id="best epoch"),
        pytest.param(["--where", "seed ="], "the query is incomplete", "seed =", id="no condition"),
        pytest.param(["--by", "a", "--by", "b", "--by", "c"], "--by accepts one key, or two", "", id="three keys"),
    ],
)
def test_bad_options_are_refused(compare, words, message, hint):
    done = compare(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert hint in done.stderr


def test_at_beyond_every_run_names_the_longest_run(compare):
    done = compare("--at", "epoch=99")
    assert done.stderr.splitlines()[:2] == ["no run has 99 epochs", "  the longest run has 3: --at epoch=3 or less"]
    assert "24 runs  fewer than 99 epochs" in done.stderr
    assert compare("--at", "epoch=3").stdout


def test_runs_without_the_metric_are_counted(dnn, make_run):
    for number in range(6):
        run = make_run(f"seed={number}", digits=f"0000000{number}")
        if number < 5:
            text = run.metrics.read_text(encoding="utf-8").replace("val_accuracy", "val_other")
            run.metrics.write_text(text, encoding="utf-8")
    assert "left out: 5 runs  have no val_accuracy" in dnn("compare", "--metric", "val_accuracy").stderr
