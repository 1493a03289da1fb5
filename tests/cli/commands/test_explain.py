"""`dnn explain`: one run as text, two runs as a table, JSON, and one line for anything that is not a run."""

import json
import re
import shlex

import pytest

from dnn_cli.config.loading import load_experiment
from dnn_cli.runs.diagnostics_csv import LayerState, format_diagnostics_csv
from tests.helpers import forked_cli
from tests.helpers.cli_output import parse_json_output

SIGMOIDS = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2]
RELUS = [2e-3, 1e-3, 2e-3, 3e-3, 4e-3]


def build_deep_overrides(activation):
    """A config whose layers have their names."""
    return [
        f"layers=[Flatten, {{repeat: 4, name: body, layers: [{{type: Dense, units: 20, activation: {activation}, "
        "name: hidden}]}, {type: Dense, units: 10, activation: softmax, name: output}]",
        f"name=deep_{activation}",
    ]


@pytest.fixture
def pair(make_run):
    """A deep stack of sigmoids and one of relu, as they are when they have been trained for two epochs."""
    for number, (activation, gradients) in enumerate({"sigmoid": SIGMOIDS, "relu": RELUS}.items(), 1):
        share = {"saturated": 0.01} if activation == "sigmoid" else {"dead": 0.05}
        run = make_run(
            *build_deep_overrides(activation),
            digits=f"0000000{number}",
            curve=(0.1, 0.1) if number == 1 else (0.5, 0.8),
        )
        names = ["hidden_1", "hidden_2", "hidden_3", "hidden_4", "output"]
        states = [
            LayerState(epoch, name, 256, gradient=gradient, weight=0.1, update=0.1 if epoch else None,
                       since=0 if epoch else None, **(share if name != "output" else {}))
            for epoch in (0, 2)
            for name, gradient in zip(names, gradients, strict=True)
        ]  # fmt: skip
        run.diagnostics.write_text(format_diagnostics_csv(states), encoding="utf-8")


def test_two_runs_are_explained_side_by_side(dnn, pair):
    done = dnn("explain", "deep_sigmoid", "deep_relu")
    assert (done.returncode, done.stderr) == (0, "")
    first = done.stdout.splitlines()[0]
    assert first.split() == ["deep_sigmoid", "00000001", "deep_relu", "00000002"]
    (row,) = [line for line in done.stdout.splitlines() if line.startswith("hidden_1")]
    bars = re.findall(r"[█▉▊▋▌▍▎▏]+", row)
    assert len(bars) == 4
    assert [len(bar) for bar in bars[:2]] == [1, 1]
    assert min(len(bar) for bar in bars[2:]) > 5, "on one scale, so that they can be compared"
    assert "! the gradient vanishes, from the start" in done.stdout
    assert done.stdout.count("the gradient vanishes") == 1
    assert "\x1b" not in done.stdout


def test_suggested_commands_are_valid(dnn, pair, tmp_path):
    done = dnn("explain", "deep_sigmoid")
    assert "the gradient of hidden_1 is 1/10,000 of that of output (1e-06 and 0.01 after epoch 2)" in done.stdout
    commands = [
        line.strip().split(maxsplit=1)[1] for line in done.stdout.splitlines() if re.match(r" +(try|or) ", line)
    ]
    assert commands
    for command in commands:
        name, verb, config, *overrides = shlex.split(command)
        assert (name, verb) == ("dnn", "train")
        experiment = load_experiment(str(tmp_path / config), overrides).experiment
        assert {layer.activation for layer in experiment.model.stack[1:-1]} == {"relu"}


def test_json_has_findings_and_layers(dnn, pair):
    results = parse_json_output(dnn("explain", "deep_relu", "deep_sigmoid", "--json"))["runs"]
    assert [result["id"] for result in results] == ["00000002", "00000001"]
    (sigmoid,) = [result for result in results if result["name"] == "deep_sigmoid"]
    assert sigmoid["findings"][0]["kind"] == "vanishing_gradient"
    assert sigmoid["findings"][0]["figures"]["ratio"] == pytest.approx(1e-4)
    assert len(sigmoid["layers"]) == 10
    assert sigmoid["unseen"] is None
    assert shlex.split(sigmoid["findings"][0]["commands"][0])[:2] == ["dnn", "train"]


def test_ascii_output_has_ascii_bars(dnn, pair):
    done = dnn("explain", "deep_relu", PYTHONIOENCODING="ascii")
    assert re.search(r"^hidden_1 +#+ +2\.0e-03", done.stdout, re.MULTILINE)
    assert "internal error" not in done.stderr


def test_run_without_diagnostics_is_explained_by_its_curves(dnn, make_run):
    make_run("diagnostics=false", curve=(0.5, 0.7))
    done = dnn("explain", "digits")
    assert "the loss still fell at the end of the training" in done.stdout
    assert "the layers were not measured: the config contains diagnostics: false" in done.stdout
    assert re.search(r"try  dnn train runs/\S+/config\.yaml diagnostics=true$", done.stdout, re.MULTILINE)


def test_commands_for_another_runs_directory_name_it(dnn, make_run, tmp_path):
    run = make_run(curve=(0.5, 0.7))
    (tmp_path / "elsewhere").mkdir()
    run.directory.rename(tmp_path / "elsewhere" / run.directory.name)
    done = dnn("explain", "digits", "--runs-dir", "elsewhere")
    assert re.search(r"dnn train elsewhere/\S+ diagnostics=true --runs-dir elsewhere$", done.stdout, re.MULTILINE)
    assert re.search(r"dnn resume elsewhere/\S+ epochs=4$", done.stdout, re.MULTILINE)


def test_control_characters_are_not_printed(dnn, make_run):
    run = make_run()
    record = json.loads(run.record.read_text())
    run.record.write_text(json.dumps({**record, "name": "evil\x1b[2J", "reason": "\x1b[31m", "status": "failed"}))
    run.diagnostics.write_text(format_diagnostics_csv([LayerState(2, "\x1b[2Jlayer", 256, gradient=1.0)]))
    done = dnn("explain", "@1")
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    assert "layer" in done.stdout


WRONG = {
    "no such run": (["nothing"], 2, "no run nothing"),
    "no run at all": ([], 2, "Missing argument"),
}


@pytest.mark.parametrize(("words", "code", "message"), WRONG.values(), ids=WRONG.keys())
def test_unknown_run_is_one_line(dnn, make_run, words, code, message):
    make_run()
    done = dnn("explain", *words)
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) <= 2


def test_large_targets_are_a_cause_of_divergence(tmp_path):
    rows = [f"{number},{number * 7 % 13},{150_000 + 900 * number}" for number in range(60)]
    (tmp_path / "houses.csv").write_text("\n".join(["a,b,price", *rows, ""]))
    (tmp_path / "houses.yaml").write_text(
        "data: {dataset: csv, path: houses.csv, target: price}\n"
        "model: {layers: [{type: Dense, units: 1}]}\n"
        "optimizer: {type: sgd, learning_rate: 100}\nloss: mse\nmetrics: [mae]\nepochs: 5\nengine: keras\n"
    )
    done = forked_cli.run_command(tmp_path, "train", "houses.yaml")
    assert "diverged" in done.stdout
    assert "next  dnn train houses.yaml data.standardize=true data.standardize_target=true" in done.stdout
    output = forked_cli.run_command(tmp_path, "explain", "name:houses").stdout
    assert "the mean of the targets is 1.7" in output
    assert re.search(r"try  dnn train \S+ data\.standardize=true data\.standardize_target=true", output)


def test_filters_of_a_dense_layer_on_images(workspace):
    done = workspace.dnn("explain", workspace.digits_document["id"], "--filters", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    (kernel,) = document["kernels"]
    assert kernel["shape"] == [64, 16]
    assert kernel["initial"] != kernel["trained"]
    assert document["maps"] == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--filters", "--example", "9999"], "--example 9999 does not exist"),
        (["--filters", "--layer", "typo"], "the network has no layer typo"),
        (["--filters", "--layer", "output"], "layer output has no kernel that is an image"),
        (["--filters", "--json", "-o", "filters.png"], "--json and -o cannot be combined"),
        (["--layer", "hidden"], "--layer applies only to --filters"),
    ],
)
def test_wrong_options_of_filters_are_one_line(workspace, words, message):
    done = workspace.dnn("explain", workspace.digits_document["id"], *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
