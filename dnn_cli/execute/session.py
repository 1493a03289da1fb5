"""What a process keeps from one training to the next: the examples, and compiled networks."""

from functools import cached_property
from typing import TYPE_CHECKING

from dnn_cli.data.examples import Examples, Split, load_examples, split_examples
from dnn_cli.formats.watcher import Watcher, quiet
from dnn_cli.spec.data import Data

if TYPE_CHECKING:
    from dnn_cli.training.network import Networks


class Session:
    """The trainings of one process, one after the other."""

    def __init__(self) -> None:
        self.loaded: tuple[Data, Examples, Split] | None = None

    def examples(self, data: Data, watch: Watcher = quiet) -> tuple[Examples, Split]:
        """The examples and their split, loaded once as long as no others are wanted.

        Raises:
            DataError: the data is not to be had.
        """
        if self.loaded is None or self.loaded[0] != data:
            self.loaded = None  # two of them need not fit into memory
            examples = load_examples(data, watch)
            self.loaded = data, examples, split_examples(data, examples)
        return self.loaded[1:]

    def prime(self, data: Data, examples: Examples, split: Split) -> None:
        """Take examples that somebody else has loaded; equal ones that are there already stay."""
        if self.loaded is None or self.loaded[0] != data:
            self.loaded = data, examples, split

    @cached_property
    def networks(self) -> "Networks":
        """Those that can be trained again."""
        from dnn_cli.training.network import Networks

        return Networks()
