"""Real null studies; `python -m tests.stress study_error_rate train` measures how often they name a winner."""

from tests.helpers.digits import QUICK_YAML
from tests.helpers.null_studies import StudySize, plan_independent_study, read_outcome, train_study
from tests.helpers.study_programs import FabricatedRuns, InProcessExecutor

QUESTION = "optimizer={type: adam, ema_momentum: 0.98},{type: adam, ema_momentum: 0.97}"
SIZE = StudySize(trials=2, finalists=1, finalist_seeds=2, final_seeds=3)


def complete_study(directory, number):
    """Complete a study with scores that depend on the number of the run; return the study and its tasks."""
    directory.mkdir()
    study = plan_independent_study(directory, QUESTION, SIZE, number, QUICK_YAML)
    runs = FabricatedRuns(lambda membership: 0.8 + 0.001 * (7 * len(runs.trained) % 31))
    train_study(study, InProcessExecutor(lambda task: runs.train(task)))
    return study, runs.trained


def test_values_and_studies_train_with_own_seeds_and_are_paired_by_seeds_of_the_plan(tmp_path):
    trained_seeds = {}
    for number in range(2):
        study, tasks = complete_study(tmp_path / str(number), number)
        for task in tasks:
            label = task.sweeps[0].study.value
            trained_seeds.setdefault((number, label), set()).add(task.loaded.experiment.seed)
        (result,) = study.build_result().tasks
        for comparison in result.arms.values():
            (difference,) = [item.difference for item in comparison.verdict_set.verdicts if item.difference]
            assert (difference.design, difference.seed_counts) == ("paired", (3, 3))
        assert set(read_outcome(study.build_result()).winners) == {"default", "tuned"}
    groups = list(trained_seeds.values())
    assert len(groups) == 4 and len(set.union(*groups)) == sum(map(len, groups))
