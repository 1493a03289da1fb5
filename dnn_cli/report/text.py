"""Formats of numbers and text in output."""

from collections.abc import Sequence

from dnn_cli.host.control_characters import is_control_character

_SPARKLINE_BLOCKS = "▁▂▃▄▅▆▇█"

UNLIMITED_WIDTH = 10_000
"""Width of output that is not a terminal: lines and tables are as long as their content."""


def replace_control_chars(text: object) -> str:
    """Return a text in one line, with a replacement character for each control character.

    Control characters in text that was read from a file or a command line could control the terminal.
    """
    text = str(text)
    if text.isprintable():
        return text
    return "".join("�" if is_control_character(character) else character for character in text)


def format_score(value: float | None) -> str:
    """Format a score with four decimals, and a very small or large score with three significant digits."""
    if value is None:
        return "–"
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e5 else f"{value:.3g}"


def format_interval(interval: tuple[float, float] | None) -> str:
    """Format an interval of a score, such as `0.8612 to 0.9187`, or `–` without an interval."""
    return "–" if interval is None else " to ".join(map(format_score, interval))


def format_mean(mean: float, deviation: float | None) -> str:
    """Return a mean score with the standard deviation of the scores, such as `0.8831 ± 0.0021`.

    Args:
        mean: The mean.
        deviation: The standard deviation; `None` for a mean of one score.
    """
    return format_score(mean) + ("" if deviation is None else f" ± {format_score(deviation)}")


def format_duration(seconds: float | None) -> str:
    """Format a duration, such as `14.2 s`, `3 min 05 s` or `2 h 10 min`."""
    if seconds is None:
        return "–"
    if seconds < 60:
        # One decimal would show an epoch of 40 ms as 0.0 s.
        return f"{seconds:.2f} s" if 0 < seconds < 0.095 else f"{seconds:.1f} s"
    minutes, remaining_seconds = divmod(round(seconds), 60)
    return f"{minutes} min {remaining_seconds:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def format_sparkline(values: Sequence[float], low: float, high: float, width: int = 12) -> str:
    """Return a small curve of block characters in one line of at most `width` characters.

    `low` and `high` are the values that the lowest and the highest block character represent.
    """
    if len(values) > width:
        values = [values[round(i * (len(values) - 1) / (width - 1))] for i in range(width)]
    span = high - low
    return "".join(
        _SPARKLINE_BLOCKS[round((value - low) / span * (len(_SPARKLINE_BLOCKS) - 1)) if span else 0] for value in values
    )


def format_count(number: int, noun: str) -> str:
    """Format a number with its noun, such as `1 epoch` or `5 epochs`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def format_clock_time(seconds: float) -> str:
    """Format a remaining time, such as `0:05`, `12:30` or `1:02:03`."""
    minutes, remaining_seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{remaining_seconds:02d}" if hours else f"{minutes}:{remaining_seconds:02d}"
