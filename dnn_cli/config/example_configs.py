"""Example configs that are installed with the program: their descriptions, and texts for copies."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import dnn_cli

_INSTALLED_DIRECTORY = Path(dnn_cli.__file__).parent / "example_configs"
"""Directory of the configs in an installed package. `pyproject.toml` copies them there."""

_DIRECTORY_OF_CLONE = Path(dnn_cli.__file__).parent.parent / "configs"
"""Directory of the configs in a clone of the repository."""

_TOPICS = ("", "textbook", "speedruns")
"""Directories of single configs, in the order in which they are listed. The first is the directory of all configs."""

_COPY_WIDTH = 120
"""Largest width of a line in the copy of a config that extends another, in characters."""


@dataclass(frozen=True)
class ExampleConfig:
    """Config that is installed with the program."""

    path: Path

    topic: str
    """Directory of the config below the directory of all configs, such as `textbook`; empty for this directory."""

    @cached_property
    def text(self) -> str:
        """Text of the config's file."""
        return self.path.read_text(encoding="utf-8")

    @property
    def name(self) -> str:
        """Path of the config below the directory of all configs without `.yaml`, such as `textbook/dropout`."""
        return f"{self.topic}/{self.path.stem}" if self.topic else self.path.stem

    @property
    def description(self) -> str:
        """First sentence of the config's header."""
        text = " ".join(_list_paragraphs(self.text)[0])
        return re.split(r"(?<=\.) (?=[A-Z`])", text)[0].removesuffix(".")

    @property
    def measurement(self) -> str:
        """Scores and seconds of the config's header; empty if the header has none."""
        lines = next((lines for lines in _list_paragraphs(self.text) if lines[0].startswith("Measured: ")), [])
        return " ".join(lines).removeprefix("Measured: ").removesuffix(".")


def find_examples_directory() -> Path:
    """Return the directory of the example configs: of the installed package, or else of the clone."""
    return _INSTALLED_DIRECTORY if _INSTALLED_DIRECTORY.is_dir() else _DIRECTORY_OF_CLONE


def list_example_configs() -> list[ExampleConfig]:
    """Return the example configs, sorted by topic and name. Sweep files are left out, because they name a config."""
    directory = find_examples_directory()
    return [ExampleConfig(path, topic) for topic in _TOPICS for path in sorted((directory / topic).glob("*.yaml"))]


def build_copy(config: ExampleConfig) -> str:
    """Return the YAML text of a copy that is complete in any directory.

    The header has the description and the measurement of the config, but not its commands, which name its path. Where
    the config extends another one, the text has the keys of both, without comments.
    """
    paragraphs = [lines for lines in _list_paragraphs(config.text) if not lines[0].startswith("dnn ")]
    header = "#\n".join("".join(f"# {line}\n" for line in lines) for lines in paragraphs)
    body = re.sub(r"\A(#.*\n)*", "", config.text)
    if re.search(r"^extends:", body, re.MULTILINE):
        import yaml

        from dnn_cli.config.loading import ConfigDumper, read_config

        body = yaml.dump(
            read_config(str(config.path)).value,
            Dumper=ConfigDumper,
            sort_keys=False,
            allow_unicode=True,
            default_flow_style=None,
            width=_COPY_WIDTH,
        )
    return header + body


def _list_paragraphs(text: str) -> list[list[str]]:
    """Return the paragraphs of a config's header, each as its lines without `#`. The first line is for editors."""
    header = re.match(r"(#.*\n)*", text)
    lines = [line[1:].strip() for line in (header[0] if header else "").splitlines()[1:]]
    paragraphs: list[list[str]] = [[]]
    for line in lines:
        if line:
            paragraphs[-1].append(line)
        elif paragraphs[-1]:
            paragraphs.append([])
    return [paragraph for paragraph in paragraphs if paragraph]
