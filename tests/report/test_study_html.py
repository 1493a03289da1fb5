"""The HTML report of a study: verdicts first, then scores, tuning, plan and final runs."""

import re

import pytest

from dnn_cli.report.study_text import format_headline
from dnn_cli.study.plan import Revision
from tests.helpers.study_reports import add_judged_study, build_judged_plan, read_result, render
from tests.helpers.untrained_studies import RATES

HOSTILE = "<img src=x onerror=hacked=1>\x1b[31m"


def list_plain_texts(page):
    """The texts of a page without markup."""
    return [text.strip() for text in re.sub(r"<(style|script).*?</\1>|<[^>]+>", "\n", page, flags=re.S).split("\n")]


@pytest.fixture
def judged_root(study_runs):
    """The directory of a complete study of sgd and adam, in which sgd is better."""
    add_judged_study(study_runs, build_judged_plan(), RATES)
    return study_runs.root


def test_page_begins_with_the_verdicts(judged_root):
    result = read_result(judged_root)
    texts = [text for text in list_plain_texts(render(judged_root)) if text]
    headline = format_headline(result, result.tasks[0], "tuned")
    assert headline.startswith("tuned with 2 trials each, sgd is better than adam by 8.00 points")
    first = texts.index("T" + headline[1:] + ".")
    assert texts[first - 1] == "Verdict"
    assert texts[first + 1].startswith("With defaults, sgd is better than adam")
    assert "optimizer: sgd, adam" in texts


def test_page_shows_tuning_plan_and_final_runs(judged_root):
    page = render(judged_root)
    texts = list_plain_texts(page)
    assert page.count('class="ring"') == 2
    assert "0.0001 to 1" in texts
    assert "importance is unknown for sgd, adam: a single key is tuned" in texts
    assert texts.count("chosen") == 3  # a header and a trial of each value
    assert build_judged_plan().digest in texts
    assert len(re.findall(r"<td>(?:tuned|with defaults)</td>", page)) == 24
    assert len(re.findall(r'<article id="run-', page)) == 2
    assert "0.8500" in texts  # the reporting half of sgd, tuned, with an odd seed


def test_colours_of_values_are_the_same_in_all_parts(judged_root):
    page = render(judged_root)
    for label, css in (("sgd", "c0 d0"), ("adam", "c1 d0")):
        assert set(re.findall(rf'<line class="(c\d d\d)"[^>]*/></svg>\s*(?:<span>)?{label}\b', page)) == {css}


def test_incomplete_study_has_no_verdict_of_an_incomplete_arm(study_runs):
    add_judged_study(study_runs, build_judged_plan(), RATES, arms=("default",))
    texts = list_plain_texts(render(study_runs.root))
    assert any(text.startswith("The study is not complete: 12 runs still to train") for text in texts)
    assert any(text.startswith("dnn study digits.yaml optimizer=sgd,adam --trials 2 --seeds 6") for text in texts)
    assert not any(text.startswith("Tuned with") for text in texts)
    assert "Values with defaults" in texts
    assert "Tuned values" not in texts


def test_study_without_runs_of_its_plan_has_a_page(study_runs):
    plan = build_judged_plan(revisions=(Revision(plan="0" * 16, runs=3, changes=("trials 1 → 2",)),))
    study_runs.write_plan(plan)
    texts = list_plain_texts(render(study_runs.root))
    assert "the plan was changed after 3 finished runs: trials 1 → 2" in texts
    assert any(text.startswith("The study is not complete") for text in texts)


def test_several_tasks_have_sections_and_profiles(study_runs):
    add_judged_study(study_runs, build_judged_plan(tasks=("one", "two", "three")), RATES)
    page = render(study_runs.root)
    assert re.findall(r'<section id="([^"]+)"', page.partition('id="runs"')[0]) == [
        "verdict", "profiles", "task-1", "task-2", "task-3", "plan", "table",
    ]  # fmt: skip
    assert page.count('class="lede"') == 3
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_texts_are_escaped(study_runs):
    labels = (HOSTILE, "adam")
    add_judged_study(
        study_runs, build_judged_plan(labels, tasks=(HOSTILE,)), dict(zip(labels, RATES.values(), strict=True))
    )
    page = render(study_runs.root)
    assert HOSTILE not in page
    assert "<img src=x" not in page
    assert "\x1b" not in page
    assert "style=" not in page


def test_command_writes_the_page_of_a_study(dnn, judged_root, tmp_path):
    path = tmp_path / "report.html"
    assert dnn("report", "study:0123").stdout.startswith("report.html  28 runs, ")
    assert "Tuned keys" in path.read_text("utf-8")
    assert "only the final runs with tuned settings" in dnn("report", "study:0123", "--at", "best").stderr
    assert "Tuned keys" not in path.read_text("utf-8")


def test_study_without_its_plan_has_the_report_of_its_tuned_runs(dnn, judged_root):
    (path,) = judged_root.glob("studies/*/study.yaml")
    path.write_text("trials: 3\n")
    refused = dnn("report", "study:0123")
    assert refused.returncode == 2
    assert refused.stderr.splitlines()[0].endswith("is not the plan of a study: study: Field required")
    path.unlink()
    assert dnn("report", "study:0123").stdout.startswith("report.html  12 runs, ")


@pytest.mark.parametrize("command", ["report", "compare"])
def test_all_runs_are_compared_without_tuning_runs(dnn, judged_root, command):
    done = dnn(command)
    assert "24 " in done.stdout
    assert "left out: 4 tuning runs of studies" in done.stderr
