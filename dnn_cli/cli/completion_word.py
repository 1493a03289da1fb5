"""Words that completions offer."""

from typing import NamedTuple


class CompletionWord(NamedTuple):
    """Word that a completion offers. zsh and fish also show its meaning."""

    text: str
    meaning: str = ""
