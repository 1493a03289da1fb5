"""Tables for pandas, which `dnn` uses only where it is installed."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dnn_cli.errors import UsageError

if TYPE_CHECKING:
    import pandas


def build_frame(rows: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> "pandas.DataFrame":
    """Return a table from its columns by name, or from rows that have values by the names of columns.

    Raises:
        UsageError: pandas is not installed.
    """
    try:
        import pandas
    except ImportError:
        raise UsageError("to_pandas needs pandas, which is not installed: pip install pandas") from None
    return pandas.DataFrame(rows)
