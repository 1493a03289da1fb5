"""Check of the data of an experiment: the issues of all its examples, without a network."""

from collections.abc import Iterator

from dnn_cli.config.data import Data
from dnn_cli.data.all_examples import AllExamples
from dnn_cli.data.data_advice import list_example_issues
from dnn_cli.data.data_issues import DataIssue
from dnn_cli.data.duplicates import list_duplicate_issues


def list_data_issues(data: Data, all_examples: AllExamples) -> list[DataIssue]:
    """List the issues of the examples of all splits, the gravest kinds first."""
    return [*_find_issues(data, all_examples)]


def _find_issues(data: Data, all_examples: AllExamples) -> Iterator[DataIssue]:
    """Yield the issues of the examples of all splits."""
    example_issues = list_example_issues(data, all_examples.examples, all_examples.split)
    yield from example_issues
    # Other issues follow from equal inputs.
    if any(issue.kind == "equal_inputs" for issue in example_issues):
        return
    yield from list_duplicate_issues(data, all_examples)
