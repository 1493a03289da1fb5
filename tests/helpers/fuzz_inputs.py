"""Random and mutated configs and overrides, and the check of what the loader does with them."""

import json
import re
import signal
from pathlib import Path
from random import Random
from typing import Any

import yaml

from dnn_cli.config.experiment import Experiment
from dnn_cli.config.loading import load_experiment, to_yaml
from dnn_cli.config.registry import CLASSES_BY_KIND, NAMES_BY_KIND
from dnn_cli.errors import DnnError, LocatedIssue, SourceLocation
from dnn_cli.report.text import replace_control_chars
from tests.helpers.settings import ROOT

SECONDS = 2
"""Processor time after which an input has failed."""

CONFIG_DIRECTORY = ROOT / "configs"
CONFIGS = sorted(path.name for path in CONFIG_DIRECTORY.glob("*.yaml"))
ENCODING = ("utf-8", "surrogatepass")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

NASTY_TEXTS = [
    "", "~", "true", "no", "0", "-1", "1", "7", "0.5", "10.0", "1e-3", "1e3", "1e400", "-1e308", ".nan", "-.inf", "010",
    "0x1F", "1_000", "1:30", "2026-13-45", "9" * 18, "9" * 5000, "1" + "0" * 300 + ".5", "''", '"10"', '"\\0"',
    '"\\e[31m"', '"\\ud800"', '"\\uFEFF"', '"\\u202e"', '"a\\nb"', "'[/red]'", "../../etc", "a/b", "-x", "é", "패션",
    "👩\u200d🔬", "x" * 300, "a.b", "..", "*", "&", "!", "|", ">", "%", "@", "`", "- -", "? ?", ": :", "#", "[]", "{}",
    "[[]]", "[~]", "{~: ~}", "{[]: 1}", "{a: 1, a: 2}", "[1, 2", "{a", "&a [*a]", "&a {b: *a}", "*a", "&a x", "&a",
    "<<: {a: 1}", "!!python/object:os.system {}", "!!binary AAAA", "!!set {b}", "!!int 3", "!x y", "!!str", "! 1",
    "[" * 60 + "]" * 60, "{a: " * 60 + "}" * 60, "[" + "[0, 0, 0]," * 40 + "]", "---", "...", "--- 1", "\t", "\x00",
    "\x1b[31m", "\x85", "\u2028", "\ufeff", "\ud800", "\udcff", *sorted(set().union(*NAMES_BY_KIND.values())),
]  # fmt: skip
PARTS = [Experiment, *(cls for table in CLASSES_BY_KIND.values() for cls in table.values())]
KEYS = sorted({"layers", "dataset", "path", "flatten", "extends", "0", "9"}.union(*(cls.model_fields for cls in PARTS)))
Input = tuple[bytes, tuple[str, ...]]
"""A config and its overrides."""

TOKENS = [*"{}[]:,-?!&*|>'\"#%\n\n  ", ": ", "- ", "\n  ", "\n- ", "key: ", "&a ", "*a", *KEYS, *NASTY_TEXTS]


def generate_noise(random: Random) -> Input:
    """Generate random bytes or pieces of YAML."""
    length = random.randrange(60)
    return random.choice([random.randbytes(length), "".join(random.choices(TOKENS, k=length)).encode(*ENCODING)]), ()


def mutate_bytes(random: Random) -> Input:
    """Replace, drop, double or insert bytes of a valid config."""
    raw = bytearray(read_random_config(random).encode())
    for _ in range(random.choice([1, 1, 1, 2, 5])):
        start = random.randrange(len(raw) + 1)
        at = slice(start, start + random.choice([0, 1, 1, 3, 20]))
        raw[at] = random.choice([b"", random.randbytes(1), raw[at] * 2, random.choice(TOKENS).encode(*ENCODING)])
    return bytes(raw), ()


def mutate_lines(random: Random) -> Input:
    """Drop, double, swap or indent lines of a valid config, or change their keys and values."""
    lines = [line for line in read_random_config(random).splitlines() if not line.startswith("#")]
    for _ in range(random.choice([1, 1, 1, 2, 5])):
        at, other = random.choices(range(len(lines)), k=2)
        key = re.sub(r"\w+(?=:)", lambda _: random.choice(KEYS), lines[at], count=1)
        value = re.sub(r"(?<=: )[^,}]+", lambda _: random.choice(NASTY_TEXTS), lines[at], count=random.choice([0, 1]))
        indented = random.choice([" ", "  ", "\t"]) + lines[at]
        lines[at] = random.choice(["", lines[other], f"{lines[at]}\n{lines[other]}", indented, key, value, value])
    return "\n".join(lines).encode(*ENCODING), ()


def mutate_values(random: Random) -> Input:
    """Replace, wrap, tag, anchor, move, remove or add values of a valid config."""
    tree = {"config": yaml.safe_load(read_random_config(random))}
    for _ in range(random.choice([1, 1, 1, 2, 5])):
        path, holder = random.choice(list_value_paths(tree) or [(("config",), tree)])
        value = holder.pop(path[-1]) if isinstance(holder, list) else holder.pop(path[-1], None)
        tagged = random.choice(["!!str ", "!!python/name:x ", "&a ", "! "]) + json.dumps(value)
        text = random.choice([random.choice(NASTY_TEXTS), random.choice(NASTY_TEXTS), tagged]).encode(*ENCODING)
        changed = random.choice([f"raw:{text.hex()}", [value], {random.choice(KEYS): value}, value])
        new = random.choice([{}, {path[-1]: changed}, {path[-1]: changed}, {random.choice(KEYS): changed}])
        if isinstance(holder, dict):
            holder.update(new)
        else:
            holder[path[-1] : path[-1]] = new.values()
    dumped = yaml.safe_dump(tree.get("config"), default_flow_style=random.choice([True, False, None]), width=10_000)
    return re.sub(rb"raw:([0-9a-f]*)", lambda hidden: bytes.fromhex(hidden[1].decode()), dumped.encode()), ()


def mutate_by_overrides(random: Random) -> Input:
    """Generate overrides of a valid config, most of them of its own keys."""
    name = random.choice(CONFIGS)
    resolved = load_experiment(str(CONFIG_DIRECTORY / name)).experiment.model_dump(mode="json")
    values_by_key = {".".join(map(str, path)): holder[path[-1]] for path, holder in list_value_paths(resolved)}
    overrides = []
    for _ in range(random.choice([1, 1, 1, 2, 5])):
        key = random.choice([*random.choices(list(values_by_key), k=6), random.choice(KEYS), random.choice(TOKENS)])
        key += random.choice([""] * 9 + [f".{random.choice(KEYS)}"])
        same, other = (json.dumps(values_by_key.get(each)) for each in (key, random.choice(list(values_by_key))))
        value = random.choice(
            [same, same, same, other, random.choice(NASTY_TEXTS), f"{{type: {random.choice(NASTY_TEXTS)}}}"]
        )
        overrides.append(random.choice([f"{key}={value}"] * 9 + [f"~{key}"]))
    return (CONFIG_DIRECTORY / name).read_bytes(), tuple(overrides)


def generate_input(number: int) -> Input:
    """Generate the input with a number."""
    random = Random(number)
    return random.choice([generate_noise, mutate_bytes, *[mutate_lines, mutate_values, mutate_by_overrides] * 2])(
        random
    )


def read_random_config(random: Random) -> str:
    """Read one of the example configs."""
    return (CONFIG_DIRECTORY / random.choice(CONFIGS)).read_text(encoding="utf-8")


def list_value_paths(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[tuple[Any, ...], Any]]:
    """List the path of every value in a tree, with the list or mapping that holds the value."""
    steps = tree if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    return [item for step in steps for item in (((*path, step), tree), *list_value_paths(tree[step], (*path, step)))]


def try_input(raw: bytes, overrides: tuple[str, ...], directory: Path) -> tuple[bool, str]:
    """Return whether the loader accepts an input in a copy of `CONFIG_DIRECTORY`, and a problem of its answer."""
    file = directory / "fuzz.yaml"
    file.write_bytes(raw)
    signal.signal(signal.SIGPROF, raise_timeout)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        experiment = load_experiment(str(file), overrides, to_train=bool(overrides)).experiment
        file.write_text(to_yaml(experiment), encoding="utf-8")
        return True, "" if load_experiment(str(file)).experiment == experiment else "resolved, it is another experiment"
    except DnnError as error:
        issues = getattr(error, "issues", ()) or [LocatedIssue(SourceLocation(str(file)), "", error.message)]
        return False, next(filter(None, (find_problem(issue, overrides, directory) for issue in issues)), "")
    except Exception as error:
        return False, f"{type(error).__name__}: {error}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def raise_timeout(*_: object) -> None:
    """Report an input that takes too long."""
    raise AssertionError(f"takes more than {SECONDS} s of the processor")


def find_problem(issue: LocatedIssue, overrides: tuple[str, ...], directory: Path) -> str:
    """Describe what is wrong with an issue as it is printed; an empty text if nothing is."""
    line, location = replace_control_chars(issue), issue.location
    if CONTROL.search(line) or not issue.message:
        return f"not one printable line: {line!r}"
    is_known = location.source in overrides or Path(location.source).is_relative_to(directory)
    if is_known and location.line is not None:
        raw = Path(location.source).read_bytes()
        lines = raw.decode("utf-8", "replace").splitlines()
        is_known = 0 < location.line <= len(lines) + 2 and 0 < (location.column or 0) <= len(raw) + 1
    return "" if is_known else f"there is no such place: {line}"
