from dnn_cli.execution.evaluation import record_evaluation
from dnn_cli.execution.test_reads import ReadOrigin
from dnn_cli.report.study_view import build_score_cells
from dnn_cli.runs.evaluations import Evaluation
from dnn_cli.runs.store import Store
from tests.helpers.study_reports import add_judged_study, build_judged_plan, read_result
from tests.helpers.untrained_studies import RATES

HEADERS = ["value", "tuned", "with defaults", "tuning adds", "chosen setting"]


def test_tuning_gain_gives_way_to_test_scores(study_runs):
    add_judged_study(study_runs, build_judged_plan(), RATES)
    cells = build_score_cells(read_result(study_runs.root).tasks[0])
    assert cells.headers == HEADERS
    assert cells.build_fitting_table(80).headers == HEADERS

    scores = {"loss": 0.5, "accuracy": 0.75}
    evaluation = Evaluation(at="2027-01-01T00:00:00+00:00", split="test", examples=8, scores=scores)
    for run_info in Store(study_runs.root).list_runs():
        record_evaluation(run_info.run, evaluation, ReadOrigin("dnn study --test", ""), print)
    cells = build_score_cells(read_result(study_runs.root).tasks[0])
    assert cells.headers == [*HEADERS[:-1], "test_accuracy", HEADERS[-1]]
    assert cells.build_fitting_table(80).headers == [*HEADERS[:3], "test_accuracy", HEADERS[-1]]
