"""Examples whose typed columns are encoded into inputs, after the split. Other examples need no encoding."""

from dataclasses import replace

from dnn_cli.config.data import Data
from dnn_cli.data.encoding_fit import fit_encoding
from dnn_cli.data.examples import Examples, Split, load_examples, load_test_examples, split_examples
from dnn_cli.formats.dataset_contents import ReadProgress, ignore_progress
from dnn_cli.formats.table_encoding import TableEncoding


def encode_examples(data: Data, examples: Examples, split: Split) -> Examples:
    """Encode the typed columns of a table, fitted to the training examples. Other examples are returned unchanged.

    Args:
        data: The data of an experiment.
        examples: The examples of all splits, from `load_examples`.
        split: The split of the examples.
    """
    if not examples.categories:
        return examples
    encoding = fit_encoding(data.info.columns, examples.inputs[split.train], examples.categories)
    return _apply_encoding(encoding, examples)


def _apply_encoding(encoding: TableEncoding | None, examples: Examples) -> Examples:
    """Encode the typed columns of a table with an encoding. Other examples are returned unchanged."""
    if encoding is None or not examples.categories:
        return examples
    inputs = encoding.encode(examples.inputs, examples.categories)
    encoded = replace(examples, inputs=inputs, categories=(), encoding=encoding)
    # The digest identifies the data, whatever split has determined the encoding.
    encoded.__dict__["digest"] = examples.digest
    return encoded


def load_encoded_examples(data: Data, report_progress: ReadProgress = ignore_progress) -> tuple[Examples, Split]:
    """Load the examples of an experiment, split them, and encode typed columns.

    Raises:
        DataError: the dataset cannot be loaded, or has another shape than expected.
    """
    examples = load_examples(data, report_progress)
    split = split_examples(data, examples)
    return encode_examples(data, examples, split), split


def select_test_examples(
    data: Data, examples: Examples, split: Split, report_progress: ReadProgress = ignore_progress
) -> Examples:
    """Return the encoded test examples: those that are split off, or those of a separate test set.

    Args:
        data: The data of an experiment.
        examples: The encoded examples of all splits.
        split: The split of the examples.
        report_progress: The function that receives the progress of reading a separate test set.

    Raises:
        DataError: the dataset has no test examples, or cannot be read.
    """
    if len(split.test):
        return examples[split.test]
    return _apply_encoding(examples.encoding, load_test_examples(data, report_progress))
