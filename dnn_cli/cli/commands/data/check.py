"""Command `dnn data check`: a check of all values of data, and how `dnn` reads the files."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from dnn_cli.cli.commands.data.selection import DataArguments, format_headline, select_data
from dnn_cli.cli.console import get_output_console, print_json
from dnn_cli.cli.options import JsonOption
from dnn_cli.report.text import replace_control_chars

if TYPE_CHECKING:
    from dnn_cli.config.data import Data
    from dnn_cli.formats.dataset_contents import Remark


def check_data(arguments: DataArguments = None, as_json: JsonOption = False) -> None:
    """Check all values of data files, and show how the files are read.

    The exit code is 2 if a file has an issue. For images, the message lists all damaged files.
    """
    from dnn_cli.config.datasets import USER_DATA_KINDS
    from dnn_cli.data.data_advice import list_example_advice
    from dnn_cli.data.examples import check_examples, split_examples
    from dnn_cli.data.reading_changes import list_check_remarks
    from dnn_cli.terminal.progress import open_screen

    data = select_data(arguments or [], "check")
    with open_screen() as screen, screen.open_read_progress() as progress:
        progress(f"loading {data.title}")
        examples = check_examples(data, progress)
        split = split_examples(data, examples)
    remarks = list_check_remarks(data, examples)
    advice = list_example_advice(data, examples, split) if data.dataset in USER_DATA_KINDS else []
    counts = {
        "train": len(split.train),
        "validation": len(split.validation),
        "test": len(split.test) or data.info.test_examples,
    }
    if as_json:
        print_json(_build_check_document(data, counts, remarks, advice))
        return
    total = data.info.examples + data.info.test_examples
    lines = [
        format_headline(data, total),
        f"  {_format_split(data, counts)}",
        *(f"data: {remark}" for remark in remarks),
    ]
    lines += [f"advice: {line}" for line in advice]
    for line in lines:
        get_output_console().print(replace_control_chars(line), soft_wrap=True)


def _format_split(data: "Data", counts: dict[str, int]) -> str:
    """Return the numbers of examples of all splits, as one line; of a cross-validation, those of one fold."""
    fold_text = f"fold {data.used_fold} of {data.folds}: " if data.folds else ""
    return (
        f"{fold_text}{counts['train']:,} for training, {counts['validation']:,} for validation, "
        f"{counts['test']:,} for testing"
    )


def _build_check_document(
    data: "Data", counts: dict[str, int], remarks: "list[Remark]", advice: list[str]
) -> dict[str, Any]:
    """Build the JSON document of a check: shape, classes, numbers of examples, remarks and advice."""
    info = data.info
    return {
        "dataset": data.dataset,
        "path": data.path,
        "input_shape": list(info.input_shape),
        "classes": list(info.classes),
        "examples": counts,
        "remarks": list(map(asdict, remarks)),
        "advice": advice,
    }
