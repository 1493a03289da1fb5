import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnn_cli.config import loading
from dnn_cli.config.experiment import Experiment
from dnn_cli.config.loading import load_experiment, to_yaml
from dnn_cli.config.yaml_reader import parse_yaml
from dnn_cli.errors import ConfigError
from tests.helpers.fuzz_inputs import CONFIG_DIRECTORY, generate_input, try_input
from tests.helpers.settings import RUN_ALL_CASES

PARENT = """\
model:
  layers:
    - Flatten
    - {type: Dense, units: 20, activation: relu, name: hidden}
    - {type: Dense, units: 10, activation: softmax, name: output}
data: {dataset: digits, split_seed: 7}
optimizer: {type: adam, beta_1: 0.8}
epochs: 3
"""


def list_issues(file, *overrides):
    with pytest.raises(ConfigError) as refused:
        load_experiment(file, overrides)
    return [str(issue).replace(f"{file}:", "") for issue in refused.value.issues]


def test_all_issues_are_listed_in_file_order(config):
    file = config(
        "epoch: 5\n"
        "seed: no\n"
        "data: {dataset: digit, flatten: yes, validation_size: 1.5}\n"
        "optimizer: {type: adam, momentum: 0.9, learning_rate: -1}\n"
        "model:\n"
        "  layers:\n"
        "    - relu\n"
        "    - {type: Dense, units: 10.0, activation: rleu}\n"
        "    - {type: Dense, unit: 3, name: a/b}\n"
        "batch_size: 010\n"
        "batch_size: 3\n"
    )
    assert list_issues(file) == [
        "1:1  epoch  is not a key of a config  (did you mean epochs?)",
        "2:1  seed  needs a whole number, not the text 'no'",
        "3:8  data.dataset  'digit' is not a dataset  (did you mean digits?)",
        "3:24  data.flatten  needs true or false, not the text 'yes'  (did you mean true?)",
        "3:38  data.validation_size  needs a number < 1, not 1.5",
        "4:25  optimizer.momentum  is not an argument of adam  (sgd, rmsprop, muon have this argument)",
        "4:40  optimizer.learning_rate  needs a number > 0, not -1",
        "7:7  model.layers.0  'relu' is not a layer  (write {type: Activation, activation: relu})",
        "8:21  model.layers.1.units  needs a whole number, not 10.0  (did you mean 10?)",
        "8:34  model.layers.1.activation  'rleu' is not an activation  (did you mean relu?)",
        "9:21  model.layers.2.unit  is not an argument of Dense  (did you mean units?)",
        "9:30  model.layers.2.name  Keras does not accept / in a name: use _ or -",
        "10:1  batch_size  needs a whole number, not the text '010'  (did you mean 10?)",
        "11:1  batch_size  duplicate key, first used in line 10  (keep one of the two)",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "is empty", id="empty file"),
        pytest.param("# only a comment\n", "is empty", id="only a comment"),
        pytest.param("just text", "not a mapping", id="a word"),
        pytest.param("- a\n- b", "not a mapping", id="a list"),
    ],
)
def test_file_without_mapping_is_refused(config, text, message):
    (issue,) = list_issues(config(text))
    assert message in issue


def test_child_changes_only_its_own_keys(config):
    config(PARENT, "parent.yaml")
    child = load_experiment(
        config("extends: parent.yaml\ndata: {flatten: true}\noptimizer: {beta_2: 0.9}\n")
    ).experiment
    assert child.name == "digits"
    assert (child.data.split_seed, child.data.flatten, child.epochs) == (7, True, 3)
    assert (child.optimizer.beta_1, child.optimizer.beta_2) == (0.8, 0.9)


@pytest.mark.parametrize("optimizer", ["sgd", "{type: sgd}", "{type: sgd, momentum: 0.5}"])
def test_other_optimizer_inherits_no_arguments(config, optimizer):
    config(PARENT, "parent.yaml")
    assert load_experiment(config(f"extends: parent.yaml\noptimizer: {optimizer}\n")).experiment.optimizer.type == "sgd"


@pytest.mark.parametrize("child", ["sgd", "{type: sgd}"])
def test_naming_the_type_resets_all_arguments(config, child):
    config(PARENT.replace("{type: adam, beta_1: 0.8}", "{type: sgd, momentum: 0.9}"), "parent.yaml")
    assert load_experiment(config(f"extends: parent.yaml\noptimizer: {child}\n")).experiment.optimizer.momentum == 0


def test_alias_in_child_keeps_its_location(config):
    config(PARENT, "parent.yaml")
    (issue,) = list_issues(config("extends: parent.yaml\nloss: &x {split_seed: 1}\ndata: *x\n"))
    assert issue.startswith("2:7  loss.split_seed" if "loss.split_seed" in issue else "2:1  loss")


def test_locations_after_a_removed_layer_are_kept(config):
    file = config(PARENT.replace("units: 20", "units: -1"))
    assert list_issues(file, "~layers.0") == ["4:21  model.layers.0.units  needs a number > 0, not -1"]


def test_data_path_is_relative_to_its_file(config, tmp_path, monkeypatch):
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    own = PARENT.replace("{dataset: digits, split_seed: 7}", "{path: own}")
    file = config(own)
    assert load_experiment(file).experiment.data.path == str(tmp_path / "own")
    assert load_experiment(file, ["data.path=own"]).experiment.data.path == str(tmp_path / "sub" / "own")


def test_issue_in_parent_is_located_in_parent(config):
    config(PARENT.replace("0.8", "8"), "parent.yaml")
    (issue,) = list_issues(config("extends: parent.yaml\nepochs: 1\n"))
    assert "parent.yaml:7:25  optimizer.beta_1  needs a number < 1, not 8" in issue


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("extends: digits.yaml", "forms a cycle", id="itself"),
        pytest.param("extends: nowhere.yaml", "does not exist", id="missing parent"),
        pytest.param("extends: list.yaml", "is not a mapping of keys", id="parent that is a list"),
        pytest.param("extends: [a, b]", "needs the name of one config", id="two parents"),
    ],
)
def test_invalid_extends_is_refused(config, text, message):
    config("- 1\n", "list.yaml")
    (issue,) = list_issues(config(text))
    assert "1:1  extends" in issue
    assert message in issue


@pytest.mark.parametrize(
    ("override", "read"),
    [
        pytest.param("epochs=7", lambda e: e.epochs == 7, id="plain key"),
        pytest.param("layers.hidden.units=30", lambda e: e.model.layers[1].units == 30, id="layer by name"),
        pytest.param("model.layers.1.units=30", lambda e: e.model.layers[1].units == 30, id="layer by index"),
        pytest.param("layers.0.name=flat", lambda e: e.model.layers[0].name == "flat", id="argument of a bare name"),
        pytest.param("optimizer=sgd", lambda e: e.optimizer.type == "sgd", id="another optimizer"),
        pytest.param("optimizer={type: sgd, momentum: 0.9}", lambda e: e.optimizer.momentum == 0.9, id="mapping"),
        pytest.param("optimizer.learning_rate=1e-2", lambda e: e.optimizer.learning_rate == 0.01, id="float"),
        pytest.param("~optimizer", lambda e: e.optimizer.type == "rmsprop", id="removed: Keras's default"),
        pytest.param("layers.flatten.name=flat", lambda e: e.model.layers[0].name == "flat", id="by automatic name"),
        pytest.param("~layers.1", lambda e: len(e.model.layers) == 2, id="layer removed"),
        pytest.param("name=a=b", lambda e: e.name == "a=b", id="value with an equals sign"),
        pytest.param("data.flatten=true", lambda e: e.data.flatten, id="nested key"),
    ],
)
def test_override_changes_one_value(config, override, read):
    assert read(load_experiment(config(PARENT), [override]).experiment)


def test_class_weights_replace_balanced(config):
    parent = config(PARENT + "class_weight: balanced\n", "parent.yaml")
    assert load_experiment(parent, ["class_weight.3=2"]).experiment.class_weight == {"3": 2.0}
    child = config("extends: parent.yaml\nclass_weight: {3: 2}\n")
    assert load_experiment(child).experiment.class_weight == {"3": 2.0}


def test_learning_rate_alone_changes_the_default_optimizer(config):
    file = config(PARENT.replace("optimizer: {type: adam, beta_1: 0.8}\n", ""))
    assert load_experiment(file, ["optimizer.learning_rate=0.5"]).experiment.optimizer.type == "rmsprop"


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("epochs", "epochs  is not an override  (write KEY=VALUE, or ~KEY to remove a key)"),
        ("=3", "=3  is not an override  (write KEY=VALUE, or ~KEY to remove a key)"),
        ("~a=3", "~a=3  is not an override  (write KEY=VALUE, or ~KEY to remove a key)"),
        ("epoch=3", "epoch=3  epoch  is not a key of a config  (did you mean epochs?)"),
        ("epochs=x", "epochs=x  epochs  needs a whole number, not the text 'x'"),
        ("epochs=[", "epochs=[  is not valid YAML: while parsing a flow node, did not find expected node content"),
        (
            "layers.0000000009.units=1",
            "layers.0000000009.units=1  model.layers has no 0000000009; indices are 0 to 2, "
            "names are flatten, hidden, output",
        ),
        ("metrics.accuracy=1", "metrics.accuracy=1  metrics  needs a list, not {accuracy: 1}"),
        (
            "data={dataset: digits, dataset: iris}",
            "data={dataset: digits, dataset: iris}  data.dataset  duplicate key, first used in line 1  "
            "(keep one of the two)",
        ),
        ("optimizer.type=adm", "optimizer.type=adm  optimizer  'adm' is not an optimizer  (did you mean adam?)"),
        (
            "optimizer.type=",
            "optimizer.type=  optimizer  needs a name, not an empty value  (use one of sgd, rmsprop, adagrad, adam, "
            "adamw, adadelta, adamax, nadam, ftrl, lion, lamb, adafactor, muon, schedule_free_adamw)",
        ),
        (
            "extends=base.yaml",
            "extends=base.yaml  extends  is a key for config files only  (write extends in the config file)",
        ),
        (
            "layers=Flatten",
            "layers=Flatten  model.layers  needs a list, not the text 'Flatten'  (did you mean [Flatten]?)",
        ),
        (
            "optimizer.learning_rate.type=Cosine",
            "optimizer.learning_rate.type=Cosine  optimizer.learning_rate  'Cosine' is not a schedule  "
            "(did you mean CosineDecay?)",
        ),
        ("name=\udcff", "name=\udcff  contains the control character U+DCFF  (delete the character)"),
        ("\udcff=1", "\udcff=1  contains the control character U+DCFF  (delete the character)"),
        ("a." * 60 + "a=1", "a." * 60 + "a=1  is nested more than 50 levels deep"),
        ("data.path=''", "data.path=''  data.path  has 0 characters  (write at least 1)"),
        ("~seed", "~seed  seed does not exist"),
        ("epochs.a=1", "epochs.a=1  epochs is a plain value and has no keys"),
    ],
    ids=lambda text: text if len(text) < 20 else "",
)
def test_invalid_override_is_refused(config, override, line):
    assert list_issues(config(PARENT), override) == [line]


def test_a_bare_name_is_the_same_experiment_as_a_mapping(config):
    bare = load_experiment(config(PARENT), ["optimizer=sgd"]).experiment
    assert bare == load_experiment(config(PARENT), ["optimizer={type: sgd}"]).experiment
    assert (
        bare == load_experiment(config(PARENT), ["optimizer={type: sgd, learning_rate: 0.01, momentum: 0}"]).experiment
    )


@given(st.text(min_size=1, max_size=20) | st.sampled_from(["no", "1e3", "010", "~", "null", "a: b", "#x", "- x"]))
@settings(max_examples=300 if RUN_ALL_CASES else 50, deadline=None)
def test_accepted_names_survive_a_yaml_round_trip(name):
    plain = {"name": name, "model": {"layers": ["Flatten", {"type": "Dense", "units": 10}]}}
    try:
        experiment = Experiment.model_validate(plain)
    except ValueError:
        return
    assert Experiment.model_validate(parse_yaml(to_yaml(experiment), "f").value) == experiment


@pytest.mark.parametrize(
    "optimizer",
    [
        "{type: adafactor, weight_decay: null, relative_step: false}",
        "{type: adam, learning_rate: {type: PiecewiseConstantDecay, boundaries: [3], values: [0.1, 1e-7]}}",
        "{type: ftrl, l1_regularization_strength: 0.001, clipnorm: 1}",
    ],
)
def test_a_resolved_config_is_the_same_experiment(config, tmp_path, optimizer):
    experiment = load_experiment(config(PARENT), [f"optimizer={optimizer}"]).experiment
    again = tmp_path / "again.yaml"
    again.write_text(to_yaml(experiment), encoding="utf-8")
    assert load_experiment(str(again)).experiment == experiment


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("".join(f"k{i}: 1\n" for i in range(20_000)), id="unknown keys"),
        pytest.param("a: 1\n" * 20_000, id="one key again and again"),
        pytest.param(f"model: {{layers: [{', '.join(['Danse'] * 20_000)}]}}", id="unknown layers"),
    ],
)
def test_number_of_listed_issues_is_limited(config, text):
    assert 50 < len(list_issues(config(text))) < 250


def test_large_child_is_merged_in_one_walk(config, monkeypatch):
    """Places were once searched for every key: 82 s for a file of 100 kB."""
    lines = "".join(f"k{number}: [1]\n" for number in range(3000))
    config(lines, "parent.yaml")
    walked = []
    monkeypatch.setattr(loading, "iter_inner_paths", lambda value, path: walked.append(path) or iter(()))
    assert list_issues(config(f"extends: parent.yaml\n{lines}"))
    assert len(walked) == 2 * 3000


@pytest.mark.parametrize("pattern", ["(a+)+$", "(", "[[a]", "a{99999999999}"], ids=str)
def test_muon_refuses_unsafe_patterns(config, pattern):
    (issue,) = list_issues(config(PARENT), f"optimizer={{type: muon, exclude_layers: ['{pattern}']}}")
    assert "exclude_layers.0" in issue


def test_loader_handles_fuzzed_inputs(tmp_path):
    shutil.copytree(CONFIG_DIRECTORY, tmp_path, dirs_exist_ok=True)
    answers = [try_input(*generate_input(number), tmp_path) for number in range(500)]
    assert {number: wrong for number, (_, wrong) in enumerate(answers) if wrong} == {}
    assert any(accepted for accepted, _ in answers)
