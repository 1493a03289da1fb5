import csv
import io

import pytest

from dnn_cli.report.table_formats import format_csv, format_latex, format_markdown

HEADERS = ["name", "best score"]
ROWS = [["a, b", '0.5"'], ["패션\nmodel", "\x1b[31m"]]


def test_csv_is_read_back_by_python():
    text = format_csv(HEADERS, ROWS)
    assert text.count("\n") == 3
    assert list(csv.reader(io.StringIO(text))) == [HEADERS, ["a, b", '0.5"'], ["패션�model", "�[31m"]]


def test_markdown_numbers_are_right_aligned():
    assert format_markdown(HEADERS, [["relu_adam", "0.5"], ["a|b *c* _d_ `e` <f>", "–"]], right=["best score"]) == (
        "| name | best score |\n| --- | ---: |\n| relu_adam | 0.5 |\n| a\\|b \\*c\\* \\_d\\_ \\`e\\` \\<f\\> | – |\n"
    )


def test_latex_is_a_tabular_with_rules():
    assert format_latex(HEADERS, [["relu_adam", "0.5"], ["[b]", "–"]], right=["best score"]) == (
        "% needs \\usepackage{booktabs}\n"
        "\\begin{tabular}{lr}\n"
        "\\toprule\n"
        "name & best score \\\\\n"
        "\\midrule\n"
        "relu\\_adam & 0.5 \\\\\n"
        "{}[b] & -- \\\\\n"
        "\\bottomrule\n"
        "\\end{tabular}\n"
    )


@pytest.mark.parametrize("letter", "&%$#_{}~^\\<>|")
def test_special_characters_are_escaped_in_latex(letter):
    row = format_latex(["x"], [[f"a{letter}b"]]).splitlines()[5]
    assert row != f"a{letter}b \\\\"
    assert row.startswith("a\\")


def test_mathematical_characters_are_commands_in_latex():
    row = format_latex(["x"], [["−0.74 ± 0.10"], ["≥ 4 ×"]]).splitlines()[5:7]
    assert row == [r"$-$0.74 $\pm$ 0.10 \\", r"$\geq$ 4 $\times$ \\"]


@pytest.mark.parametrize("text", [format_csv, format_markdown, format_latex])
def test_control_characters_are_replaced(text):
    assert not set("\x1b\u009b\u202e") & set(text(["\x1b"], [["\x1b[31m\u009b\u202e"]]))


@pytest.mark.parametrize("text", [format_csv, format_markdown, format_latex])
def test_table_without_rows(text):
    assert "name" in text(HEADERS, [])
