"""Random tables with typed columns whose values are known: numbers, categories, booleans and dates, with gaps.

A table has odd names, delimiters and line ends inside its cells, and columns of targets, weights, groups and times.
"""

import codecs
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from random import Random
from typing import Any

from dnn_cli.formats.table_columns import MISSING_CELLS

EPOCH = datetime(1970, 1, 1)

_NAMES = (
    "type", "missing", "format", "a.b", ".a", "a.", "..", "x=y", "=", 'say "hi"', "it's", "a'b\"c", "[1]", "]", "{a}",
    "#", "# n", "a #b", "a: b", "a:", "- a", "? a", "yes", "No", "on", "null", "Null", "true", "~", "~x", "-", "*",
    "&a", "!t", "@", "|", ">", "%", "`", "\\", "\\n", "<<", "1", "2.5", "1e3", "0x1F", ".inf", "NaN", "-1", "010",
    "12:30", "2024-05-31", "$HOME", "$(x)", "a,b", "a;b", "tab\there", "two\nlines", "größe", "나이", "😀", "e\u0301",
    "é", "z\ufeff", "a\u200bb", "a\u2028b", "a\xa0b", "lr", "optimizer", "data", "layers.0", "Id",
    "customerID", "weight", "y", "class", "x" * 300, "Ärger-2", "a/b", "a+b", "o'", "--data", "data.columns",
)  # fmt: skip

_WORDS = (
    "red", "Red", "RED", "blue", "1", "01", "1.0", "-9", "yes", "no", "true", "a,b", "a;b", "a|b", "a\tb",
    "two\nlines", "two\r\nlines", 'a "quote"', '"', "it's", "#5", "a: b", "x=y", "größe", "나이", "😀", "e\u0301", "é",
    "other", "missing", "(missing)", "NONE", "na", "-", "2024-05-31", "inf", "a\u2028b", "x\x85y", "x" * 300, "null ",
    "%", "$5", "1,5",
)  # fmt: skip

_DATE_FORMATS = (
    None, "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%y", "%d %B %Y", "%Y%m%d", "%Y-%m-%dT%H:%M:%S%z", "%d-%b-%Y %I:%M %p",
    "%Y년 %m월 %d일", "%b %d, %Y", "%Y/%m/%d %H:%M", "%d.%m.%Y %H:%M:%S",
)  # fmt: skip

_BOOLEANS = {1: ("yes", "Yes", "TRUE", "true", "t", "Y", "1", "1.0"), 0: ("no", "NO", "False", "false", "F", "n", "0")}


@dataclass
class TypedColumn:
    """A column of a table: its name, type and options, the written cells, and the values that they mean."""

    name: str
    type: str
    cells: list[str]
    values: list[Any]
    """Number, category, or days since 1970-01-01 of each cell; `None` for a missing cell."""

    options: dict[str, Any] = field(default_factory=dict)
    """Options in the config, without the type."""

    role: str = "input"

    def take(self, rows: Sequence[int]) -> "TypedColumn":
        """Return the column with some rows of the table."""
        return replace(self, cells=[self.cells[row] for row in rows], values=[self.values[row] for row in rows])


@dataclass
class TypedTable:
    """A written table: its columns in the order of the file, the keys of `data`, and the path."""

    columns: list[TypedColumn]
    keys: dict[str, Any]
    path: Path
    missing: tuple[str, ...]
    """Texts of missing cells."""

    @property
    def inputs(self) -> list[TypedColumn]:
        """The input columns in the order of the file."""
        return [column for column in self.columns if column.role == "input"]

    def get_role(self, role: str) -> TypedColumn:
        """Return the column with a role, such as `target`."""
        return next(column for column in self.columns if column.role == role)

    @property
    def used_rows(self) -> list[int]:
        """The rows with a target."""
        return [row for row, value in enumerate(self.get_role("target").values) if value is not None]


class _TableBuilder:
    """Builder of the columns of one table. All columns have the same missing texts and decimal character."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.rows = random.choice([2, 3, *[random.randrange(4, 15)] * 3, *[random.randrange(15, 70)] * 5])
        self.decimal = random.choice([".", ".", ","])
        self.custom_missing = random.random() < 0.2
        texts = random.sample(["", "-9", "n.a.", "NA", " none ", "999", "unknown"], random.randrange(1, 5))
        self.missing = tuple(text.strip() for text in texts) if self.custom_missing else MISSING_CELLS
        self.missing_key = texts

    def draw_missing_cell(self) -> str:
        """Return a text of a missing cell, possibly with spaces around it."""
        spaces = ["", " ", "  "]
        return self.random.choice(spaces) + self.random.choice(self.missing) + self.random.choice(spaces)

    def build_column(self, name: str) -> TypedColumn:
        """Build an input column of a random type, with gaps."""
        build, kind = self.random.choice(
            [(self._draw_number, "number"), (self._draw_category, "category"), (self._draw_boolean, "boolean"),
             (self._draw_date, "date")]
        )  # fmt: skip
        draw, options = build()
        share = self.random.choice([0.0, 0.0, 0.1, 0.5, 1.0 if self.random.random() < 0.2 else 0.1])
        cells: list[str] = []
        values: list[Any] = []
        for _ in range(self.rows):
            cell, value = (self.draw_missing_cell(), None) if self.random.random() < share else draw()
            cells.append(cell)
            values.append(None if cell.strip() in self.missing else value)
        if kind != "category":
            method = self.random.choice(["median", "mean", "error", ""])
            if None in values and method == "error":
                method = "mean"
            options |= {"missing": method} if method else {}
        return TypedColumn(name, kind, cells, values, options)

    def _draw_number(self) -> tuple[Callable[[], tuple[str, Any]], dict[str, Any]]:
        """Return a function that draws a number with its cell, and the options of the column."""
        random = self.random
        forms: list[Callable[[], str]] = [
            lambda: f"{random.uniform(-9, 9):.3f}", lambda: str(random.randrange(90)),
            lambda: f"{random.gauss(0, 1):e}", lambda: str(random.choice([3.4028234e38, -3e38, 1e-320, -0.0, 0.1])),
            lambda: f"+{random.randrange(9)}",
            lambda: f".{random.randrange(10)}", lambda: "7", lambda: str(random.randrange(10**12)),
        ]  # fmt: skip
        form = random.choice(forms)

        def draw() -> tuple[str, float]:
            text = form()
            space = random.choice(["", "", " "])
            return f"{space}{text.replace('.', self.decimal)}{space}", float(text)

        return draw, {}

    def _draw_category(self) -> tuple[Callable[[], tuple[str, Any]], dict[str, Any]]:
        """Return a function that draws a category with its cell, and the options of the column."""
        random = self.random
        words = random.sample(_WORDS, random.choice([1, 2, 3, 6, 20]))
        if random.random() < 0.2:
            words = [f"{random.choice(words)}{number}" for number in range(self.rows)]
        weights = [random.random() ** 3 + 1e-9 for _ in words]

        def draw() -> tuple[str, str]:
            word = random.choices(words, weights)[0]
            return random.choice(["", "", " "]) + word + random.choice(["", "", " "]), word.strip()

        options = {
            "min_frequency": random.choice([None, 1, 2, 3, 5]),
            "max_categories": random.choice([None, None, 2, 3, 10]),
        }
        return draw, {name: value for name, value in options.items() if value is not None}

    def _draw_boolean(self) -> tuple[Callable[[], tuple[str, Any]], dict[str, Any]]:
        """Return a function that draws 1 or 0 with its cell, and the options of the column."""
        random = self.random
        position = random.choice([None, 0, 2, 6])

        def draw() -> tuple[str, float]:
            value = random.randrange(2)
            texts = _BOOLEANS[value]
            text = random.choice(texts) if position is None else texts[position]
            return text.replace(".", self.decimal), float(value)

        return draw, {}

    def _draw_date(self) -> tuple[Callable[[], tuple[str, Any]], dict[str, Any]]:
        """Return a function that draws days since 1970-01-01 with their cell, and the options of the column."""
        random = self.random
        date_format = random.choice(_DATE_FORMATS)
        has_time, last_day = random.random() < 0.4, random.choice([12, 28])
        first_year, years = random.choice([(1969, 68), (2020, 3), (2024, 1), *([] if date_format else [(1, 9998)])])
        first_year, years = (1970, 60) if "%y" in (date_format or "") else (first_year, years)

        def draw() -> tuple[str, float]:
            moment = datetime(
                first_year + random.randrange(years), random.randrange(1, 13), random.randrange(1, last_day + 1)
            )
            if has_time or (date_format and "%H" in date_format):
                moment += timedelta(minutes=random.randrange(24 * 60))
            offset = timezone(timedelta(minutes=random.choice([0, 90, -300, 540])))
            if date_format is None:
                text = moment.isoformat(random.choice(" T")) if has_time else moment.date().isoformat()
                if has_time and first_year > 1 and random.random() < 0.3:
                    text, moment = f"{text}Z", moment.replace(tzinfo=timezone.utc)
                elif has_time and first_year > 1 and random.random() < 0.3:
                    moment = moment.replace(tzinfo=offset)
                    text = moment.isoformat()
            else:
                moment = moment.replace(tzinfo=offset) if "%z" in date_format else moment
                text = moment.strftime(date_format)
                moment = datetime.strptime(text, date_format)
            if moment.tzinfo is not None:
                moment = moment.astimezone(timezone.utc).replace(tzinfo=None)
            return text, (moment - EPOCH) / timedelta(days=1)

        return draw, {} if date_format is None else {"format": date_format}

    def build_other_column(self, name: str, role: str) -> TypedColumn:
        """Build a column of weights, groups or times, or a column that is ignored."""
        random = self.random
        draws: dict[str, Callable[[int], str]] = {
            "weight": lambda row: str(random.randrange(1, 9)),
            "group": lambda row: random.choice(["a", "b", "c", "d e", "1", "01", "größe"]),
            "time": lambda row: f"2024-05-{random.randrange(1, 29):02}",
            "ignored": lambda row: f"P{row:04}",
        }
        cells = [draws[role](row) for row in range(self.rows)]
        return TypedColumn(name, role, cells, list(cells), role=role)

    def build_target(self, name: str) -> TypedColumn:
        """Build a column of classes or of numbers, in which a few targets may be missing."""
        random, kind = self.random, self.random.choice(["words", "numbers"])
        values: list[Any] = []
        cells = []
        for _ in range(self.rows):
            if random.random() < 0.05:
                cell, value = random.choice(["", "NA", "?", " "]), None
            elif kind == "words":
                cell = value = random.choice(["ant", "bee", "c,d"])
            else:
                value = round(random.uniform(1, 9), 3) + 0.0001
                cell = f"{value:.4f}".replace(".", self.decimal)
                value = float(f"{value:.4f}")
            cells.append(cell)
            values.append(value)
        return TypedColumn(name, kind, cells, values, role="target")


def write_typed_table(random: Random, directory: Path) -> TypedTable:
    """Write a random table with typed columns."""
    builder = _TableBuilder(random)
    roles = [role for role, share in (("weight", 0.1), ("group", 0.15), ("time", 0.15), ("ignored", 0.3))
             if random.random() < share]  # fmt: skip
    if "group" in roles and "time" in roles:
        roles.remove("time")
    count = random.choice([1, 2, 4, 8])
    names = random.sample(_NAMES, count + len(roles) + 1)
    if random.random() < 0.03:
        names[-1] = random.choice(["x\x85y", "x\x7f", "\x01x"])
    columns = [builder.build_column(name) for name in names[:count]]
    columns += [builder.build_other_column(name, role) for name, role in zip(names[count:], roles, strict=False)]
    columns.append(builder.build_target(names[-1]))
    random.shuffle(columns)
    table = TypedTable(columns, {}, directory / f"typed{random.randrange(10**9)}.csv", builder.missing)
    keys: dict[str, Any] = {"dataset": "csv", "path": str(table.path), "drop_unlabelled": True}
    keys |= {column.role: column.name for column in columns if column.role not in ("input", "ignored")}
    if "ignored" in roles:
        keys["ignore"] = [column.name for column in columns if column.role == "ignored"]
    keys["columns"] = {
        column.name: {"type": column.type, **column.options}
        for column in table.inputs
        # Other columns are numbers without missing cells.
        if column.type != "number" or None in column.values or random.random() < 0.8 or count == 1
    }
    if not keys["columns"]:
        keys["columns"] = {table.inputs[0].name: {"type": "number"}}
    if builder.custom_missing:
        keys["missing"] = builder.missing_key
    if builder.decimal != ".":
        keys["decimal"] = builder.decimal
    keys |= {"validation_size": random.choice([0.2, 0.4, 1]), "test_size": random.choice([0.0, 0.0, 0.2])}
    if random.random() < 0.15:
        keys |= {"folds": random.choice([2, 3]), "fold": random.choice([1, 2])}
    delimiter = random.choice([",", ",", ";", "\t", "|"])
    if random.random() < 0.6:
        keys["delimiter"] = delimiter
    encoding = random.choice(["utf-8", "utf-8", "utf-8-sig", "utf-16", "cp949", "cp1252"])
    try:
        write_columns(random, table.path, columns, delimiter, encoding)
        if encoding.startswith("cp"):
            keys["encoding"] = encoding
    except UnicodeEncodeError:
        write_columns(random, table.path, columns, delimiter)
    table.keys = keys
    return table


def write_columns(
    random: Random, path: Path, columns: Sequence[TypedColumn], delimiter: str, encoding: str = "utf-8"
) -> None:
    """Write columns as a table with random quotes and line ends."""
    line_end, share = random.choice(["\n", "\n", "\r\n", "\r"]), random.choice([0.0, 0.0, 0.3, 1.0])

    def quote(cell: str) -> str:
        # A number sign at the start of a line begins a comment.
        needs_quotes = cell.startswith("#") or any(character in cell for character in f'{delimiter}"\r\n')
        return '"' + cell.replace('"', '""') + '"' if needs_quotes or random.random() < share else cell

    rows = [[column.name for column in columns], *zip(*(column.cells for column in columns), strict=True)]
    text = "".join(delimiter.join(map(quote, row)) + line_end for row in rows)
    path.write_bytes(codecs.encode(text, encoding))


def split_day(days: float) -> tuple[int, int, int]:
    """Return year, month and day of week of days since 1970-01-01."""
    day = EPOCH + timedelta(days=math.floor(days))
    return day.year, day.month, day.weekday()
