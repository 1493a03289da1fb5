from dnn_cli.report.test_read_text import OtherReads, format_test_read_note, format_test_read_notes, format_test_reads
from dnn_cli.runs.evaluations import Evaluation


def build_reads(*commands, forced=False):
    return [
        Evaluation(at=f"2027-01-{day:02}T12:30:00+00:00", split="test", examples=8, scores={}, command=command,
                   forced=forced)
        for day, command in enumerate(commands, 1)
    ]  # fmt: skip


def test_reads_are_counted_by_command():
    assert format_test_reads([]) == "never read"
    assert format_test_reads(build_reads("dnn evaluate")) == "read once, by dnn evaluate on 2027-01-01 12:30 UTC"
    reads = build_reads("dnn evaluate", "dnn study --test", "dnn evaluate")
    expected = "read 3 times, by dnn evaluate (twice) and dnn study --test, last on 2027-01-03 12:30 UTC"
    assert format_test_reads(reads) == expected


def test_forced_reads_and_reads_of_earlier_versions_are_named():
    text = format_test_reads([*build_reads(None), *build_reads("dnn evaluate", forced=True)])
    assert text.startswith("read twice, by an earlier version of dnn and dnn evaluate --force, last on")


def test_many_commands_are_counted():
    text = format_test_reads(build_reads(*(f"dnn evaluate {name}.csv" for name in "abcde")))
    assert "by dnn evaluate a.csv, dnn evaluate b.csv, dnn evaluate c.csv and 2 other commands, last" in text


def test_notes_after_an_evaluation_name_reads_for_other_runs():
    first, *others = format_test_read_notes(build_reads("dnn evaluate"), OtherReads(0, 0))
    assert (first, others) == ("first evaluation on the test set of this run; run.json records it", [])
    again = format_test_read_notes(build_reads("dnn evaluate", "dnn evaluate"), OtherReads(2, 3))
    assert again == [
        "the test set of this run was read twice, by dnn evaluate (twice), last on 2027-01-02 12:30 UTC: do not choose "
        "models by these scores",
        "the same test set was read 3 times for 2 other runs",
    ]


def test_note_counts_the_runs_of_a_comparison(scored_runs):
    scored_runs.add("adam", (0.8, 0.9), evaluated=tuple(build_reads("dnn evaluate", "dnn evaluate --best")))
    scored_runs.add("sgd", (0.7, 0.6), "optimizer=sgd")
    records = [row.record for row in scored_runs.compare().run_scores]
    expected = "test set: read 4 times for 2 of 4 runs, by dnn evaluate (twice) and dnn evaluate --best (twice)"
    assert format_test_read_note(records) == expected
    assert format_test_read_note([record for record in records if not record.test_reads]) == ""
