import pytest

from dnn_cli.config.loading import load_experiment
from dnn_cli.config.network_summary import format_bytes, format_layer_flow, summarize_network
from dnn_cli.report.network_tables import build_columns_table, build_summary_document, format_summary_table

FASHION = """\
model:
  layers:
    - Flatten
    - {type: Dense, units: 100, activation: relu}
    - {type: Dense, units: 10, activation: softmax}
optimizer: adam
"""


def test_summary_of_textbook_network(config):
    summary = summarize_network(load_experiment(config(FASHION)).experiment)
    assert [(row.name, row.output_shape, row.parameters, row.formula) for row in summary.layers] == [
        ("flatten", (784,), 0, ""),
        ("dense", (100,), 78_500, "784 × 100 + 100"),
        ("dense_1", (10,), 1_010, "100 × 10 + 10"),
    ]
    assert (summary.total, summary.trainable, summary.non_trainable) == (79_510, 79_510, 0)
    assert format_bytes(summary.bytes) == "310.59 KB"
    assert summary.optimizer_bytes == 2 * summary.bytes
    assert summary.multiply_adds == 784 * 100 + 100 * 10
    assert summary.depth == 2


def test_summary_of_convolution_and_normalization(config):
    layers = (
        "[{type: Reshape, target_shape: [28, 28, 1]}, {type: Conv2D, filters: 8, kernel_size: 3, strides: 2},"
        " BatchNormalization, Flatten, {type: Dense, units: 10, use_bias: false, trainable: false}]"
    )
    summary = summarize_network(load_experiment(config(FASHION), [f"layers={layers}"]).experiment)
    assert [row.formula for row in summary.layers] == ["", "3 × 3 × 1 × 8 + 8", "4 × 8", "", "1352 × 10"]
    assert summary.trainable == 80 + 16
    assert summary.non_trainable == 16 + 13_520
    assert summary.multiply_adds == 13 * 13 * 8 * 9 + 13_520
    assert summary.depth == 2


RECURRENT = (
    "layers=[{type: LSTM, units: 32, return_sequences: true}, {type: Bidirectional, layer: {type: GRU, units: 16}}, "
    "{type: SpectralNormalization, layer: {type: Dense, units: 10}}]"
)


def test_formula_of_both_directions_is_written_once(config):
    rows = summarize_network(load_experiment(config(FASHION), [RECURRENT]).experiment).layers
    assert rows[1].formula == "2 × (32 × 48 + 16 × 48 + 2 × 48)"
    assert rows[1].parameters == 2 * (32 * 48 + 16 * 48 + 2 * 48)


def test_long_formulas_are_below_their_rows(config):
    lines = format_summary_table(summarize_network(load_experiment(config(FASHION), [RECURRENT]).experiment), 60)
    assert max(map(len, lines)) <= 60
    assert lines[0].split() == ["layer", "type", "output", "shape", "parameters"]
    assert lines[2].split()[:2] == ["lstm", "LSTM"]
    assert lines[2].endswith(" 7,808")
    assert lines[3].strip() == "= 28 × 128 + 32 × 128 + 128"


def test_formulas_are_in_their_rows_on_a_wide_terminal(config):
    lines = format_summary_table(summarize_network(load_experiment(config(FASHION), [RECURRENT]).experiment), 140)
    assert len(lines) == 5
    assert lines[2].endswith("28 × 128 + 32 × 128 + 128 = 7,808")


@pytest.mark.parametrize("width", [40, 60, 80, 140])
def test_names_and_types_of_layers_are_never_cut(config, width):
    layers = (
        "layers=[{type: Reshape, target_shape: [28, 28, 1]}, {residual: [{type: SeparableConv2D, filters: 8, "
        "kernel_size: 3, padding: same, name: separable_convolution_of_the_first_block}]}, GlobalAveragePooling2D, "
        "{type: Dense, units: 10}]"
    )
    text = "\n".join(
        format_summary_table(summarize_network(load_experiment(config(FASHION), [layers]).experiment), width)
    )
    assert "\n  separable_convolution_of_the_first_block" in text
    assert {"global_average_pooling2d", "GlobalAveragePooling2D", "SeparableConv2D"} <= {*text.split()}


def test_summary_counts_the_inputs_of_each_column(config, tmp_path):
    (tmp_path / "a.csv").write_text("kind,size,when,y\na,1,2024-01-01,u\na,,2024-01-02,v\nb,2,2024-01-03,u\n")
    columns = "data.columns={kind: category, size: number, when: date}"
    text = FASHION.replace("  layers:\n    - Flatten\n", "  layers:\n").replace("units: 10", "units: 2")
    path = f"data.path={tmp_path / 'a.csv'}"
    loaded = load_experiment(config(text), ["data.dataset=csv", path, columns])
    summary = summarize_network(loaded.experiment)
    assert summary.input_shape == (8,)
    document = build_summary_document(summary)
    assert document["columns"] == [
        {"name": "kind", "type": "category", "inputs": 2}, {"name": "size", "type": "number", "inputs": 2},
        {"name": "when", "type": "date", "inputs": 4},
    ]  # fmt: skip
    assert build_columns_table(summary).columns[2].header == "inputs"


def test_layer_flow_in_one_line(config):
    assert (
        format_layer_flow(load_experiment(config(FASHION)).experiment) == "Flatten → Dense 100 relu → Dense 10 softmax"
    )


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (1023, "1023 B"), (1024, "1.00 KB"), (5 * 1024**3, "5.00 GB")], ids=str
)
def test_format_bytes(size, text):
    assert format_bytes(size) == text
