"""Check of the data of an experiment: the issues of all its examples, without a network."""

from collections.abc import Iterator
from dataclasses import replace

from dnn_cli.config.data import Data
from dnn_cli.config.datasets import USER_DATA_KINDS
from dnn_cli.data.all_examples import AllExamples
from dnn_cli.data.category_advice import list_category_advice
from dnn_cli.data.class_sizes import list_class_issues
from dnn_cli.data.data_advice import list_example_issues
from dnn_cli.data.data_issues import DataIssue
from dnn_cli.data.duplicates import list_duplicate_issues
from dnn_cli.data.examples import Examples
from dnn_cli.data.group_columns import list_group_issues
from dnn_cli.data.near_duplicates import list_near_duplicate_issues
from dnn_cli.data.split_differences import list_difference_issues


def list_data_issues(data: Data, all_examples: AllExamples, encoded: Examples) -> list[DataIssue]:
    """List the issues of the examples of all splits, in an order of their kinds.

    Issues of a built-in dataset suggest only overrides, because users do not change its files.

    Args:
        data: The data of an experiment.
        all_examples: The examples of all splits, before the encoding of typed columns.
        encoded: The examples outside a separate test set, after the encoding.
    """
    issues = [*_find_issues(data, all_examples, encoded)]
    if data.dataset in USER_DATA_KINDS:
        return issues
    return [issue if issue.suggestion.startswith("data.") else replace(issue, suggestion="") for issue in issues]


def _find_issues(data: Data, all_examples: AllExamples, encoded: Examples) -> Iterator[DataIssue]:
    """Yield the issues of the examples of all splits. The arguments are those of `list_data_issues`."""
    example_issues = [
        *list_example_issues(data, encoded, all_examples.split),
        *list_category_advice(data, all_examples.examples, all_examples.split.train),
    ]
    yield from example_issues
    yield from list_class_issues(data, all_examples)
    # Equal inputs explain duplicates.
    if any(issue.kind == "equal_inputs" for issue in example_issues):
        return
    yield from list_duplicate_issues(data, all_examples)
    yield from list_near_duplicate_issues(data, all_examples)
    yield from list_group_issues(data, all_examples)
    # Inputs of different scales have different distributions.
    if not any(issue.kind == "different_scales" for issue in example_issues):
        # Later examples have later times.
        time_column = {data.time} if data.time is not None else set()
        ignored_columns = frozenset(name for issue in example_issues for name in issue.columns) | time_column
        yield from list_difference_issues(data, all_examples, ignored_columns)
