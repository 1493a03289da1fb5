"""The plan of a study, `study.yaml`: everything that decides its verdicts, written before the first training.

The file lies in the directory of the study, `studies/NAME-ID` within the directory of runs.
"""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dnn_cli.config.identifiers import make_slug
from dnn_cli.config.loading import ConfigDumper
from dnn_cli.config.yaml_reader import read_yaml
from dnn_cli.errors import ConfigError, RunError, UsageError
from dnn_cli.runs.atomic_write import write_text
from dnn_cli.runs.study_roles import PLAN_FILE, STUDIES_DIRECTORY, compute_plan_digest

_HEADER = """\
# Plan of a study, written before its first training. The record of each run has the digest of the plan.
# To change the plan, change the command: a plan that was changed after a training is reported with the verdict.
"""


class _PlanModel(BaseModel):
    """Part of a plan: an immutable pydantic model that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Value(_PlanModel):
    """Value of the question: a label, and the overrides that set the value."""

    label: str
    """Short text of the value, such as `adam` or `units=50`."""

    settings: dict[str, str]
    """Text of each key of the question as the user typed it, such as `{"optimizer": "adam"}`."""


class Halves(_PlanModel):
    """Halves of the validation set: their sizes, and a digest of the indices of their examples."""

    tuning: int
    reporting: int
    digest: str


class StudyTask(_PlanModel):
    """Task of a study: one config, on which each value of the question is tuned and judged."""

    name: str
    config: str
    """Path of the config, as the user typed it. The digest of the plan leaves it out."""

    experiment: str
    """Outcome digest of the experiment with the first value of the question."""

    score: str
    """Score of the tuning half by which settings are selected, such as `val_accuracy`."""

    epochs: int
    examples: int
    """Number of training examples."""

    halves: tuple[Halves, ...]
    """Halves of the validation set, one entry for each fold of a cross-validation."""

    search_spaces: dict[str, dict[str, str]]
    """Range of each tuned key, by the label of the value, before any range has grown."""


class Revision(_PlanModel):
    """Change of the plan after trainings: the digest of the earlier plan, and what changed."""

    plan: str
    runs: int
    """Number of finished runs of the study, when the plan was changed."""

    changes: tuple[str, ...]


class Plan(_PlanModel):
    """Plan of a study."""

    version: Literal[1] = 1
    study: str = Field(pattern=r"^[0-9a-f]{8}$")
    """Id of the study."""

    question: tuple[str, ...]
    """Keys that vary: one, or several whose values belong together."""

    values: tuple[Value, ...]
    fixed: tuple[str, ...]
    """Overrides that apply to all runs."""

    trials: int
    """Number of settings that are tried for each value, before any range grows."""

    tuning_seed: int
    """Seed of the trials."""

    finalists: int
    """Number of the best trials of each value that are trained again with `finalist_seeds`."""

    finalist_seeds: tuple[int, ...]
    """Seeds of the finalists, by whose mean score the setting of a value is chosen."""

    final_seeds: tuple[int, ...]
    """Seeds of the final runs, which are paired over the values."""

    repetitions: int | None = None
    """Number of repetitions of a cross-validation."""

    selection: str = (
        "finalist with the best mean score over the finalist seeds, on the tuning half at the end of the training; of "
        "equal scores, the better trial"
    )
    edges: str = (
        "a best trial in the outer tenth of a range adds one decade there, at most twice; all values get equally "
        "many extra trials"
    )
    level: float = 0.05
    """Probability of a false verdict in each arm, over all pairs of values (Holm)."""

    target: str = "auto"
    """Score of the tuning half to which epochs, steps and seconds are counted."""

    sampler: Literal["scrambled Halton"] = "scrambled Halton"
    sampler_seed: int = 0
    tuned_keys: tuple[str, ...] = ()
    """Keys with ranges from the option `--tune`, which replace the catalogue of search spaces."""

    points: tuple[tuple[float, ...], ...]
    """Unit points of the trials and of extra trials, the same for all values.

    Coordinates belong to the tuned keys in their order."""

    tasks: tuple[StudyTask, ...]
    revisions: tuple[Revision, ...] = ()
    """Changes of the plan after trainings. The digest of the plan leaves them out."""

    @property
    def digest(self) -> str:
        """Digest of everything in the plan that decides verdicts: 16 hex digits."""
        return compute_plan_digest(self.model_dump(mode="json"))

    @property
    def name(self) -> str:
        """Names of the tasks, joined by commas."""
        return ", ".join(task.name for task in self.tasks)

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of the values, in the order of the question."""
        return tuple(value.label for value in self.values)

    @property
    def question_text(self) -> str:
        """Keys of the question as text, such as `optimizer`."""
        return ", ".join(self.question)


def get_study_directory(root: Path, plan: Plan) -> Path:
    """Return the directory of a study within a directory of runs."""
    return root / STUDIES_DIRECTORY / f"{make_slug(plan.tasks[0].name)}-{plan.study}"


def write_plan(directory: Path, plan: Plan) -> None:
    """Write a plan to `study.yaml`, unless the file has this plan already.

    Raises:
        RunError: the file cannot be written.
    """
    path = directory / PLAN_FILE
    content = plan.model_dump(mode="json")
    text = _HEADER + yaml.dump(
        content, Dumper=_PlanDumper, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None
    )
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text("utf-8") != text:
            write_text(path, text)
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror}", "check permissions and free disk space") from None


class _PlanDumper(ConfigDumper):
    """Writer of YAML without references to equal values."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def read_plan(directory: Path) -> Plan | None:
    """Read the plan of a study; `None` without the file.

    Raises:
        UsageError: the file is not a plan.
    """
    path = directory / PLAN_FILE
    if not path.exists():
        return None
    try:
        return Plan.model_validate(read_yaml(str(path)).value)
    except ConfigError as error:
        reason = error.issues[0].message
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        reason = ": ".join(filter(None, [".".join(map(str, first["loc"])), first["msg"]]))
    raise UsageError(f"{path} is not the plan of a study: {reason}", "delete the file to plan the study again")


_COMPARED_FIELDS = (
    ("trials", "trials"),
    ("finalists", "finalists"),
    ("finalist_seeds", "finalist seeds"),
    ("final_seeds", "seeds"),
    ("repetitions", "repetitions"),
    ("target", "target"),
    ("sampler_seed", "sampler seed"),
    ("tuned_keys", "tuned keys"),
    ("tuning_seed", "tuning seed"),
)
"""Fields of a plan that a change names, each with its title."""


def _describe_changes(earlier: Plan, plan: Plan) -> tuple[str, ...]:
    """Return the differences between two plans as texts, such as `trials 20 → 40`."""
    changes = [
        f"{title} {_format_field(getattr(earlier, field))} → {_format_field(getattr(plan, field))}"
        for field, title in _COMPARED_FIELDS
        if getattr(earlier, field) != getattr(plan, field)
    ]
    spaces = [
        {
            (task.name, label, key): text
            for task in item.tasks
            for label, space in task.search_spaces.items()
            for key, text in space.items()
        }
        for item in (earlier, plan)
    ]
    changes += [
        f"range of {key} for {label} {spaces[0].get((name, label, key), 'none')} → "
        f"{spaces[1].get((name, label, key), 'none')}"
        for name, label, key in dict.fromkeys([*spaces[0], *spaces[1]])
        if spaces[0].get((name, label, key)) != spaces[1].get((name, label, key))
    ]
    if any(task.halves != other.halves for task, other in zip(earlier.tasks, plan.tasks, strict=False)):
        changes.append("another split of the validation set")
    return tuple(changes or ["other rules"])


def _format_field(value: Any) -> str:
    """Return the value of a field as text; a sequence is counted if its elements are numbers."""
    if isinstance(value, tuple) and value and all(isinstance(item, int) for item in value):
        return str(len(value))
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def revise_plan(earlier: Plan | None, plan: Plan, completed_runs: int) -> Plan:
    """Return a plan with the revisions of the earlier plan, and another revision if the plan has changed after runs.

    Args:
        earlier: The plan in the directory of the study; `None` for a new study.
        plan: The plan of this command.
        completed_runs: The number of finished runs of the study.
    """
    if earlier is None:
        return plan
    revisions: Sequence[Revision] = earlier.revisions
    if earlier.digest != plan.digest and completed_runs:
        changes = _describe_changes(earlier, plan)
        revisions = [*revisions, Revision(plan=earlier.digest, runs=completed_runs, changes=changes)]
    return plan.model_copy(update={"revisions": tuple(revisions)})


def find_similar_studies(root: Path, plan: Plan) -> list[str]:
    """Return the ids of other studies of the same question and the same config names, in alphabetical order.

    Such a study had other overrides, or its config has changed. Files that are not plans are left out.
    """
    ids = []
    for directory in sorted((root / STUDIES_DIRECTORY).glob(f"{make_slug(plan.tasks[0].name)}-*")):
        with suppress(UsageError, OSError):
            other = read_plan(directory)
            if other is not None and other.study != plan.study and _get_question(other) == _get_question(plan):
                ids.append(other.study)
    return ids


def _get_question(plan: Plan) -> tuple[object, ...]:
    """Return the names of the tasks, the keys of the question and the labels of its values."""
    return plan.name, plan.question, plan.labels
