"""Command `dnn data check`: a check of all values of data, and how `dnn` reads the files."""

import textwrap
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from dnn_cli.cli.commands.data.selection import DataArguments, format_headline, select_data
from dnn_cli.cli.console import get_output_console, has_limited_width, print_json
from dnn_cli.cli.options import JsonOption
from dnn_cli.report.text import replace_control_chars

if TYPE_CHECKING:
    from dnn_cli.config.data import Data
    from dnn_cli.data.data_issues import DataIssue
    from dnn_cli.data.example_locations import ExampleLocations
    from dnn_cli.formats.dataset_contents import Remark

_MAX_LISTED_GROUPS, _MAX_LISTED_MEMBERS = 3, 3
"""Maximum numbers of groups of an issue, and of examples of a group, that are printed."""


def check_data(arguments: DataArguments = None, as_json: JsonOption = False) -> None:
    """Check all values of data, search for duplicates and other issues, and show how the files are read.

    Issues are advice. The exit code is 2 if a file cannot be read. For images, the message lists all damaged files.
    """
    from dnn_cli.data.all_examples import AllExamples
    from dnn_cli.data.data_check import list_data_issues
    from dnn_cli.data.encoded_examples import encode_examples
    from dnn_cli.data.example_locations import list_file_locations
    from dnn_cli.data.examples import load_all_examples, split_examples
    from dnn_cli.data.reading_changes import list_check_remarks
    from dnn_cli.terminal.progress import open_screen

    data = select_data(arguments or [], "check")
    with open_screen() as screen, screen.open_read_progress() as progress:
        progress(f"loading {data.title}")
        examples, test_set = load_all_examples(data, progress)
        split = split_examples(data, examples)
        progress(f"checking {data.title}")
        encoded = encode_examples(data, examples, split)
        issues = list_data_issues(data, AllExamples(examples, test_set, split), encoded)
    remarks = list_check_remarks(data, encoded)
    counts = {
        "train": len(split.train),
        "validation": len(split.validation),
        **({"reporting": len(split.reporting)} if len(split.reporting) else {}),
        "test": len(split.test) or data.info.test_examples,
    }
    locations = list_file_locations(data) if any(issue.groups for issue in issues) else []
    if as_json:
        print_json(_build_check_document(data, counts, remarks, issues, locations))
        return
    total = data.info.examples + data.info.test_examples
    split_line = f"  {_format_split(data, counts)}"
    lines = [format_headline(data, total), split_line, *(f"data: {remark}" for remark in remarks)]
    console = get_output_console()
    width = console.width if has_limited_width(console) else None
    for issue in issues:
        lines += [*_format_issue(issue, width), *_format_groups(issue, locations)]
    for line in lines:
        console.print(replace_control_chars(line), soft_wrap=True)


def _format_issue(issue: "DataIssue", width: int | None) -> list[str]:
    """Return an issue as one line, or as several lines if a terminal has this width.

    The suggestion then has its own line, which is not divided, because it can be an override to copy.
    """
    line = f"advice: {issue}"
    if width is None or len(line) <= width:
        return [line]
    indent = " " * len("advice: ")
    lines = textwrap.wrap(
        f"advice: {issue.message}", width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    return [*lines, f"{indent}({issue.suggestion})"] if issue.suggestion else lines


def _format_groups(issue: "DataIssue", locations: "list[ExampleLocations]") -> list[str]:
    """Return the locations of the first groups of an issue, as one line for each group."""
    from dnn_cli.data.example_locations import find_location

    lines = []
    for group in issue.groups[:_MAX_LISTED_GROUPS]:
        texts = []
        for number in group[:_MAX_LISTED_MEMBERS]:
            file, index = find_location(locations, number)
            texts.append(file.format_location(index))
        more = len(group) - len(texts)
        lines.append(f"        {', '.join(texts)}{f' and {more:,} more' if more else ''}")
    if more := len(issue.groups) - len(lines):
        lines.append(f"        {more:,} more {'group' if more == 1 else 'groups'}: --json lists all")
    return lines


def _format_split(data: "Data", counts: dict[str, int]) -> str:
    """Return the numbers of examples of all splits, as one line; of a cross-validation, those of one fold."""
    fold_text = f"fold {data.used_fold} of {data.folds}: " if data.folds else ""
    reporting_text = f"{counts['reporting']:,} for reporting, " if "reporting" in counts else ""
    return (
        f"{fold_text}{counts['train']:,} for training, {counts['validation']:,} for validation, {reporting_text}"
        f"{counts['test']:,} for testing"
    )


def _build_check_document(
    data: "Data",
    counts: dict[str, int],
    remarks: "list[Remark]",
    issues: "list[DataIssue]",
    locations: "list[ExampleLocations]",
) -> dict[str, Any]:
    """Build the JSON document of a check: shape, classes, numbers of examples, remarks and issues."""
    info = data.info
    return {
        "dataset": data.dataset,
        "path": data.path,
        "input_shape": list(info.input_shape),
        "classes": list(info.classes),
        "examples": counts,
        "remarks": list(map(asdict, remarks)),
        "advice": list(map(str, issues)),
        "issues": [_build_issue_document(issue, locations) for issue in issues],
    }


def _build_issue_document(issue: "DataIssue", locations: "list[ExampleLocations]") -> dict[str, Any]:
    """Build the JSON document of an issue, with the locations of all its examples."""
    from dnn_cli.data.example_locations import find_location

    documents = []
    for group in issue.groups:
        files = [find_location(locations, number) for number in group]
        documents.append([file.build_document(index) for file, index in files])
    return {
        "kind": issue.kind,
        "message": issue.message,
        "suggestion": issue.suggestion,
        "columns": list(issue.columns),
        "groups": documents,
    }
