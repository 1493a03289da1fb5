"""Planning of a study: questions, seeds, halves, and what a study refuses."""

import numpy as np
import pytest

from dnn_cli.errors import ConfigError, DnnError, UsageError
from dnn_cli.execution.study_planning import StudyOptions, parse_seeds, parse_target, plan_study
from dnn_cli.study.plan import Plan
from tests.helpers.digits import QUICK_YAML

LOSSES = QUICK_YAML + "metrics: []\n"
OTHER_TASK = QUICK_YAML.replace("epochs: 2", "epochs: 3")
ONE_VALIDATED = QUICK_YAML.replace("dataset: digits", "dataset: digits, validation_size: 1")


@pytest.fixture
def plan(config):
    """Return a function that plans a study of digits, or of other texts of a config."""

    def plan(*words, texts=(QUICK_YAML,), tune=(), trials=2, **options) -> Plan:
        files = [config(text, f"task{number}.yaml") for number, text in enumerate(texts)]
        return plan_study(files, words, StudyOptions(tune=tune, trials=trials, **options)).plan

    return plan


def test_a_plan_says_what_is_tried_and_judged(plan):
    planned = plan("optimizer=sgd,{type: sgd, momentum: 0.9, nesterov: true}", "epochs=3")
    assert planned.question == ("optimizer",)
    assert planned.labels == ("sgd", "sgd momentum=0.9 nesterov=true")
    assert planned.fixed == ("epochs=3", "data.reporting_half=true")
    assert planned.final_seeds == tuple(range(1, 11))
    (task,) = planned.tasks
    assert (task.name, task.score, task.epochs, task.examples) == ("digits", "val_accuracy", 3, 1437)
    assert [(half.tuning, half.reporting) for half in task.halves] == [(180, 180)]
    assert set(task.search_spaces) == set(planned.labels)


def test_more_trials_and_seeds_keep_the_study_and_its_points(plan):
    few, many = plan("optimizer=sgd,adam"), plan("optimizer=sgd,adam", trials=5, seeds=12)
    assert few.study == many.study and few.digest != many.digest
    assert many.points[:2] == few.points[:2]
    assert many.final_seeds[:10] == few.final_seeds
    others = [plan("optimizer=sgd,rmsprop"), plan("optimizer=sgd,adam", "epochs=3")]
    assert len({few.study, *(other.study for other in others)}) == 3


def test_final_seeds_leave_out_the_seeds_of_the_tuning(plan):
    planned = plan("optimizer=sgd,adam", seeds=3, texts=[QUICK_YAML + "seed: 2\n"])
    assert planned.tuning_seed == 2
    assert not {2, *planned.finalist_seeds} & set(planned.final_seeds)
    more = plan("optimizer=sgd,adam", seeds=5, texts=[QUICK_YAML + "seed: 2\n"])
    assert more.finalist_seeds == planned.finalist_seeds and more.final_seeds[:3] == planned.final_seeds


def test_halves_are_those_of_the_training(plan):
    first, again = plan("optimizer=sgd,adam"), plan("loss=mse,mae", texts=[QUICK_YAML + "metrics: [accuracy]\n"])
    other = plan("optimizer=sgd,adam", "data.split_seed=1")
    digests = [planned.tasks[0].halves[0].digest for planned in (first, again, other)]
    assert digests[0] == digests[1] != digests[2]


def test_each_fold_has_its_halves(plan):
    halves = plan("optimizer=sgd,adam", folds=3).tasks[0].halves
    assert [(half.tuning, half.reporting) for half in halves] == [(300, 299)] * 3
    assert len({half.digest for half in halves}) == 3
    assert len(plan("optimizer=sgd,adam", folds=3, repetitions=2).tasks[0].halves) == 6
    assert len(plan("optimizer=sgd,adam", "data.folds=3", "data.fold=2").tasks[0].halves) == 1


def test_zipped_values_are_one_question(plan):
    planned = plan(zips=("optimizer=sgd,adam", "batch_size=32,64"))
    assert planned.question == ("optimizer", "batch_size")
    assert planned.labels == ("optimizer=sgd batch_size=32", "optimizer=adam batch_size=64")


def test_several_tasks(plan):
    planned = plan("optimizer=sgd,adam", texts=[QUICK_YAML, OTHER_TASK.replace("name: digits", "name: 숫자, 둘")])
    assert [task.name for task in planned.tasks] == ["digits", "숫자, 둘"]


def test_ranges_of_tune_replace_the_default_keys(plan):
    planned = plan("optimizer=sgd,adam", tune=("lr=log(1e-3,1e-1)", "optimizer.beta_2=1-log(1e-3,0.5)"))
    assert planned.tasks[0].search_spaces == {
        "sgd": {"optimizer.learning_rate": "log(0.001, 0.1)"},
        "adam": {"optimizer.learning_rate": "log(0.001, 0.1)", "optimizer.beta_2": "1-log(0.001, 0.5)"},
    }
    assert {len(point) for point in planned.points} == {2}


REFUSALS = {
    "two questions": (
        ["optimizer=sgd,adam", "batch_size=32,64"], {},
        "a study has one question, but optimizer, batch_size vary",
        "give all but one a single value, or use --zip for values that belong together",
    ),
    "zip and a question": (
        ["batch_size=32,64"], {"zips": ("optimizer=sgd,adam", "epochs=1,2")},
        "a study has one question, but batch_size, optimizer and epochs vary",
        "give all but one a single value, or use --zip for values that belong together",
    ),
    "a range": (
        ["learning_rate=log(1e-3,1e-1)"], {},
        "the question of a study needs values, and optimizer.learning_rate=log(0.001, 0.1) is a range",
        "to tune optimizer.learning_rate, use --tune 'optimizer.learning_rate=log(0.001, 0.1)'",
    ),
    "seeds": (
        ["optimizer=sgd,adam", "seed=1..3"], {},
        "a study chooses its seeds itself", "remove seed=1..3, and use --seeds N for the number of final seeds",
    ),
    "one seed": (
        ["seed=7", "optimizer=sgd,adam"], {},
        "a study chooses its seeds itself", "remove seed=7, and use --seeds N for the number of final seeds",
    ),
    "the reporting half": (
        ["optimizer=sgd,adam", "data.reporting_half=false"], {},
        "a study divides the validation examples itself", "remove data.reporting_half=false",
    ),
    "equal values": (
        ["optimizer=adam,sgd,{type: adam}"], {},
        "adam and {type: adam} are one experiment", "remove one of the two values",
    ),
    "names": (["name=a,b"], {}, "a and b are one experiment", "remove one of the two values"),
    "another split": (
        ["data.split_seed=1,2"], {},
        "split_seed=1 and split_seed=2 have different validation examples, so that their scores cannot be compared",
        "use the same data.validation_size and data.split_seed for all values",
    ),
    "other scores": (
        ["metrics=[accuracy],[sparse_top_k_categorical_accuracy]"], {},
        "the values have different scores: val_accuracy, val_sparse_top_k_categorical_accuracy",
        "set the same first metric for all values",
    ),
    "losses as scores": (
        ["loss=sparse_categorical_crossentropy,categorical_focal_crossentropy"], {"texts": (LOSSES,)},
        "sparse_categorical_crossentropy and categorical_focal_crossentropy have different losses, so that their "
        "losses cannot be compared", "set metrics=[accuracy]",
    ),
    "no validation": (
        ["optimizer=sgd,adam", "data.validation_size=0"], {},
        "a study needs two validation examples or more: one to choose settings, and one to judge them",
        "set data.validation_size=0.2",
    ),
    "one validation example": (
        ["optimizer=sgd,adam"], {"texts": (ONE_VALIDATED,)},
        "a study needs two validation examples or more: one to choose settings, and one to judge them",
        "set data.validation_size=0.2",
    ),
    "no tuned key": (
        ["learning_rate=0.1,0.2"], {},
        "the question varies optimizer.learning_rate, and no other key is tuned by default",
        "name a key to tune, for example --tune 'optimizer.weight_decay=log(1e-6, 1e-2)'",
    ),
    "the question is tuned": (
        ["learning_rate=0.1,0.2"], {"tune": ("lr=log(1e-3,1)",)},
        "--tune optimizer.learning_rate=log(0.001, 1): optimizer.learning_rate is the question of the study",
        "tune another key",
    ),
    "a list is tuned": (
        ["optimizer=sgd,adam"], {"tune": ("lr=0.1,0.2",)},
        "--tune lr=0.1,0.2: is a list of values, and a study draws from a range",
        "write --tune 'optimizer.learning_rate=uniform(0.1, 0.2)'",
    ),
    "an unknown key is tuned": (
        ["optimizer=sgd,adam"], {"tune": ("learnin_rate=log(1e-3,1)",)},
        "--tune learnin_rate=log(0.001, 1): no value of the question has the key learnin_rate",
        "did you mean optimizer.learning_rate?",
    ),
    "equal tasks": (
        ["optimizer=sgd,adam"], {"texts": (QUICK_YAML, QUICK_YAML.replace("name: digits", "name: digits_2"))},
        "digits and digits_2 are one task", "remove one of the two configs",
    ),
    "too many runs": (
        ["batch_size=1,2,3,4"], {"trials": 3000, "seeds": 100},
        "the study has 12,992 runs; the maximum is 10,000", "use fewer values, trials or seeds",
    ),
    "two configs with one name": (
        ["optimizer=sgd,adam"], {"texts": (QUICK_YAML, OTHER_TASK)},
        "two configs have the name digits", "set another name in DIR/task1.yaml, for example name: digits_2",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("words", "options", "message", "suggestion"), REFUSALS.values(), ids=REFUSALS)
def test_refused_studies(plan, tmp_path, words, options, message, suggestion):
    with pytest.raises(UsageError) as error:
        plan(*words, **options)
    assert error.value.message == message
    assert error.value.suggestion.replace(str(tmp_path), "DIR") == suggestion


FOLLOWED = {
    "two questions": (["optimizer=sgd,adam", "batch_size=32"], {}),
    "zip and a question": ([], {"zips": ("optimizer=sgd,adam", "epochs=1,2", "batch_size=32,64")}),
    "a range": (["optimizer=sgd,adam"], {"tune": ("optimizer.learning_rate=log(0.001, 0.1)",)}),
    "seeds": (["optimizer=sgd,adam"], {"seeds": 3}),
    "the reporting half": (["optimizer=sgd,adam"], {}),
    "equal values": (["optimizer=adam,sgd"], {}),
    "losses as scores": (
        ["loss=sparse_categorical_crossentropy,categorical_focal_crossentropy", "metrics=[accuracy]"],
        {"texts": (LOSSES,)},
    ),
    "no validation": (["optimizer=sgd,adam", "data.validation_size=0.2"], {}),
    "one validation example": (["optimizer=sgd,adam", "data.validation_size=0.2"], {"texts": (ONE_VALIDATED,)}),
    "no tuned key": (["learning_rate=0.1,0.2"], {"tune": ("optimizer.weight_decay=log(1e-6, 1e-2)",)}),
    "a list is tuned": (["optimizer=sgd,adam"], {"tune": ("optimizer.learning_rate=uniform(0.1, 0.2)",)}),
    "an unknown key is tuned": (["optimizer=sgd,adam"], {"tune": ("optimizer.learning_rate=log(1e-3,1)",)}),
    "two configs with one name": (
        ["optimizer=sgd,adam"], {"texts": (QUICK_YAML, OTHER_TASK.replace("name: digits", "name: digits_2"))}
    ),
}  # fmt: skip


@pytest.mark.parametrize(("words", "options"), FOLLOWED.values(), ids=FOLLOWED)
def test_suggestions_work(plan, words, options):
    assert len(plan(*words, **options).values) == 2


def test_a_study_needs_a_question(config):
    path = config()
    for words, options in (([], {}), (["optimizer=sgd"], {}), ([], {"folds": 3})):
        with pytest.raises(UsageError) as error:
            plan_study([path], words, StudyOptions(**options))
        assert error.value.message == "nothing varies in this study"
        assert error.value.suggestion.startswith(f"for example: dnn study {path} ")
        assert error.value.suggestion.endswith("optimizer=sgd,adam")
        assert "reporting_half" not in error.value.suggestion


def test_a_config_named_twice(config):
    path = config()
    with pytest.raises(UsageError, match="two configs have the name digits") as error:
        plan_study([path, path], ["optimizer=sgd,adam"], StudyOptions())
    assert error.value.suggestion == f"write {path} once"


def test_a_sweep_file_is_no_config(config):
    config()
    path = config("base: digits.yaml\nparameters: {optimizer: [sgd, adam]}\n", "sweep.yaml")
    with pytest.raises(UsageError, match=r"sweep\.yaml is a sweep file, and a study needs a config"):
        plan_study([path], [], StudyOptions())


def test_issues_of_all_values_are_listed(plan):
    with pytest.raises(ConfigError) as error:
        plan("optimizer=adan,sdg")
    assert [issue.message for issue in error.value.issues] == [
        "'adan' is not an optimizer",
        "'sdg' is not an optimizer",
    ]


def test_groups_that_cannot_be_divided(tmp_path):
    rng = np.random.default_rng(0)
    rows = [f"{rng.normal():.3f},{number % 4},{number % 2}" for number in range(40)]
    (tmp_path / "table.csv").write_text("\n".join(["x,patient,y", *rows, ""]))
    (tmp_path / "table.yaml").write_text(
        "data: {dataset: csv, path: table.csv, target: y, group: patient, validation_size: 1}\n"
        "model: {layers: [{type: Dense, units: 2, activation: softmax}]}\nloss: sparse_categorical_crossentropy\n"
    )
    with pytest.raises(DnnError, match="they are of one patient") as error:
        plan_study([str(tmp_path / "table.yaml")], ["optimizer=sgd,adam"], StudyOptions(trials=2))
    assert (error.value.suggestion, error.value.exit_code) == ("use a larger data.validation_size", 2)
    words = ["optimizer=sgd,adam", "data.validation_size=2"]
    halves = plan_study([str(tmp_path / "table.yaml")], words, StudyOptions(trials=2)).plan.tasks[0].halves
    assert [(half.tuning, half.reporting) for half in halves] == [(10, 10)]


@pytest.mark.parametrize("text", ["2", "0", "-1", "3.5", "1001", "many", "３", ""])
def test_numbers_of_seeds_that_are_refused(text):
    with pytest.raises(UsageError) as error:
        parse_seeds(text)
    assert error.value.message == f"--seeds {text} is not a number of seeds from 3 to 1,000"


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e400", "high", ""])
def test_targets_that_are_refused(text):
    with pytest.raises(UsageError) as error:
        parse_target(text)
    assert error.value.message == f"--target {text} is not a score"


def test_seeds_and_targets():
    assert [parse_seeds(text) for text in ("auto", "3", "1000")] == [None, 3, 1000]
    assert [parse_target(text) for text in ("auto", "0.880", "-1", "1e-3")] == ["auto", "0.88", "-1.0", "0.001"]
