import csv
import io

import pytest

from dnn_cli.report.formats import csv_text, latex_text, markdown_text

HEADERS = ["name", "best score"]
ROWS = [["a, b", '0.5"'], ["패션\nmodel", "\x1b[31m"]]


def test_csv_is_read_back_by_python():
    text = csv_text(HEADERS, ROWS)
    assert text.count("\n") == 3
    assert list(csv.reader(io.StringIO(text))) == [HEADERS, ["a, b", '0.5"'], ["패션�model", "�[31m"]]


def test_markdown_is_a_table_with_numbers_on_the_right():
    assert markdown_text(HEADERS, [["relu_adam", "0.5"], ["a|b *c* _d_ `e` <f>", "–"]], right=["best score"]) == (
        "| name | best score |\n| --- | ---: |\n| relu_adam | 0.5 |\n| a\\|b \\*c\\* \\_d\\_ \\`e\\` \\<f\\> | – |\n"
    )


def test_latex_is_a_tabular_with_rules():
    assert latex_text(HEADERS, [["relu_adam", "0.5"], ["[b]", "–"]], right=["best score"]) == (
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
def test_no_character_means_something_else_in_latex(letter):
    row = latex_text(["x"], [[f"a{letter}b"]]).splitlines()[5]
    assert row != f"a{letter}b \\\\"
    assert row.startswith("a\\")


@pytest.mark.parametrize("text", [csv_text, markdown_text, latex_text])
def test_no_control_character_gets_through(text):
    assert not set("\x1b\u009b\u202e") & set(text(["\x1b"], [["\x1b[31m\u009b\u202e"]]))


@pytest.mark.parametrize("text", [csv_text, markdown_text, latex_text])
def test_there_need_be_no_rows(text):
    assert "name" in text(HEADERS, [])
