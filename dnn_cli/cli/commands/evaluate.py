"""Command `dnn evaluate`: scores of a saved model on a split or a file, overall and for each class."""

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from dnn_cli.cli.completers import build_fixed_completer, complete_run_then_keys
from dnn_cli.cli.console import print_json
from dnn_cli.cli.evaluation_details import build_details_document, print_details
from dnn_cli.cli.evaluation_origin import build_evaluation_origin
from dnn_cli.cli.evaluation_output import (
    EvaluationOutput,
    build_evaluation_document,
    draw_evaluated_reliability,
    print_evaluation,
    print_read_notes,
)
from dnn_cli.cli.fold_output import build_fold_documents, find_several_runs, print_fold_evaluations
from dnn_cli.cli.group_evaluation_output import evaluate_group
from dnn_cli.cli.options import AllowCodeOption, HeldOutSplit, JsonOption, RunsDirOption, get_code_directory
from dnn_cli.cli.picture_files import check_picture_path
from dnn_cli.cli.run_selection import (
    BestOption,
    resolve_completed_run,
    select_saved_model,
    split_addresses_and_overrides,
)
from dnn_cli.cli.study_evaluation_output import evaluate_study, is_study_address
from dnn_cli.errors import UsageError

if TYPE_CHECKING:
    from dnn_cli.runs.record import Record
    from dnn_cli.runs.run_info import RunInfo
    from dnn_cli.runs.saved_models import SavedModel


class _ThresholdCriterion(str, Enum):
    """Value of `--threshold`: the score that the threshold maximizes, or its removal."""

    f1 = "f1"
    balanced_accuracy = "balanced_accuracy"
    off = "off"


def evaluate(
    arguments: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN|FILE|KEY=VALUE",
            autocompletion=complete_run_then_keys,
            help="A run, then a table, .npz, X.npy or image directory with targets, or data.path=… for moved data. "
            "Or several runs or folds, such as sweep:ID. Or study:ID.",
        ),
    ],
    split: Annotated[
        HeldOutSplit | None,
        typer.Option(
            metavar="SPLIT",
            autocompletion=build_fixed_completer("test", "validation"),
            help="Split to evaluate: test or validation. Default: test.",
        ),
    ] = None,
    best: BestOption = False,
    resize: Annotated[bool, typer.Option("--resize", help="Resize images to the size of the training images.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Read the test set beyond data.test_reads; run.json records it.")
    ] = False,
    allow_code: AllowCodeOption = False,
    runs_dir: RunsDirOption = Path("runs"),
    as_json: JsonOption = False,
    as_markdown: Annotated[bool, typer.Option("--md", help="Print the scores as a Markdown table.")] = False,
    temperature: Annotated[
        bool | None,
        typer.Option(
            "--temperature/--no-temperature",
            help="Fit a temperature on the validation set and store it with the run, or remove it.",
        ),
    ] = None,
    threshold: Annotated[
        _ThresholdCriterion | None,
        typer.Option(
            metavar="SCORE",
            autocompletion=build_fixed_completer("f1", "balanced_accuracy", "off"),
            help="Choose the threshold of two classes with the best f1 or balanced_accuracy on the validation set, and "
            "store it with the run; off removes it.",
        ),
    ] = None,
    reliability: Annotated[
        bool, typer.Option("--reliability", help="Draw the reliability diagram: accuracy over confidence.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="With --reliability, write a .svg, .png or .pdf file."),
    ] = None,
) -> None:
    """Evaluate networks on the test set or a file, or several folds.

    The command prints scores with 95% intervals, and results for each class or, for a regression, errors. Other
    commands do not read the test set. Of several runs, such as sweep:ID, each is evaluated once, and mean scores have
    intervals over seeds. For folds, it prints mean scores and the joined validation predictions. For study:ID, it
    evaluates the final runs with tuned settings, once each.

    The calibration compares probabilities with shares of correct predictions. --temperature and --threshold are chosen
    on the validation set, never on the test set, and dnn predict uses both.

    Later, dnn runs show RUN prints the scores of a run. dnn runs --columns test_accuracy lists the scores of all runs;
    best.test_accuracy lists the scores of evaluations with --best.
    """
    from dnn_cli.runs.store import Store
    from dnn_cli.terminal.progress import open_screen

    if as_json and as_markdown:
        raise UsageError("--json and --md exclude each other", "use one of them")
    if output is not None:
        if not reliability:
            raise UsageError("-o applies only to --reliability", "add --reliability, or omit -o")
        check_picture_path(output, force=None)
    addresses, overrides = split_addresses_and_overrides(arguments)
    given_options = [
        name
        for name, is_given in (
            ("--best", best),
            ("--resize", resize),
            ("--split validation", split == "validation"),
            ("--md", as_markdown),
            ("--temperature", temperature is not None),
            ("--threshold", threshold is not None),
            ("--reliability", reliability),
        )
        if is_given
    ]
    if is_study_address(addresses):
        option = next(iter(given_options), "")
        evaluate_study(
            addresses, next(iter(overrides), option), runs_dir, get_code_directory(allow=allow_code), force=force,
            as_json=as_json,
        )  # fmt: skip
        return
    several_runs = find_several_runs(addresses, runs_dir)
    if several_runs and several_runs[0].details.fold is None:
        if option := next((name for name in given_options if name not in ("--best", "--md")), ""):
            raise UsageError(
                f"{option} and several runs cannot be combined",
                f"omit {option}, or name one run; dnn compare compares validation scores",
            )
        evaluate_group(
            several_runs, addresses, overrides, runs_dir, get_code_directory(allow=allow_code),
            best=best, force=force, as_json=as_json, as_markdown=as_markdown,
        )  # fmt: skip
        return
    if several_runs:
        _check_fold_options(several_runs, overrides, given_options, split)
        if as_json:
            print_json({"cross_validations": build_fold_documents(several_runs, build_details_document)})
        else:
            print_fold_evaluations(several_runs, print_details)
        return
    address, *files = addresses
    if len(files) > 1:
        raise UsageError("evaluate accepts one run and at most one file", "for example: dnn evaluate @1 new.csv")
    split_name: Literal["test", "validation"] | None = None if files else (split or HeldOutSplit.test).value
    if files and (overrides or split):
        extra = overrides[0] if overrides else "--split"
        raise UsageError(
            f"{extra} and a file cannot be combined: the file is prepared like the training data", f"omit {extra}"
        )
    if resize and not files:
        raise UsageError("--resize applies only to the images of a FILE", "omit --resize")
    adjustment_options = [name for name in given_options if name in ("--temperature", "--threshold")]
    if files and adjustment_options:
        option = adjustment_options[0]
        raise UsageError(
            f"{option} is chosen on the validation set, not on {files[0]}",
            f"omit {files[0]}, and evaluate it afterwards",
        )
    run, record = resolve_completed_run(address, runs_dir)
    model: SavedModel | None = None
    if record.is_baseline:
        _check_evaluable_baseline(record, files, adjustment_options, best=best)
    else:
        model = select_saved_model(run, record, best=best)

    from dnn_cli.execution.adjustment_fitting import check_probability_options, update_adjustment
    from dnn_cli.execution.evaluation import evaluate_file, evaluate_split, record_evaluation
    from dnn_cli.execution.preparation import ProcessCache
    from dnn_cli.execution.test_reads import count_other_reads

    code_directory = get_code_directory(allow=allow_code)
    options = _list_recorded_options(best=best, resize=resize, temperature=temperature, threshold=threshold)
    origin = build_evaluation_origin(files, [record.id, *files], overrides, options, record.code_options, force=force)
    if probability_options := [name for name in given_options if name in _PROBABILITY_OPTIONS]:
        check_probability_options(run, record, probability_options)
    cache = ProcessCache()
    with open_screen() as screen:
        if model is not None and adjustment_options:
            update_adjustment(
                run, record, model, overrides, screen, origin, code_directory, cache,
                is_test=split_name == "test", temperature=temperature,
                criterion=threshold.value if threshold else None,
            )  # fmt: skip
            record = run.read_record()
        if model is None:
            from dnn_cli.execution.baseline_evaluation import evaluate_baseline

            finished = evaluate_baseline(run, record, split_name or "test", overrides, screen, origin)
        elif split_name is None:
            finished = evaluate_file(run, record, model, files[0], screen, origin, code_directory, resize=resize)
        else:
            finished = evaluate_split(run, record, model, split_name, overrides, screen, origin, code_directory, cache)
        earlier_evaluations = record_evaluation(run, finished.evaluation, origin, screen.report_line)
        test_reads = run.read_raw_record().test_reads
        other_reads = count_other_reads(Store(runs_dir), record.id, finished.evaluation)
    file = files[0] if files else None
    finished_output = EvaluationOutput(run, record, model, finished, earlier_evaluations, test_reads, other_reads, file)
    if as_json:
        print_json(build_evaluation_document(finished_output))
    else:
        print_evaluation(finished_output, as_markdown=as_markdown)
    if reliability and (output is not None or not as_json):
        draw_evaluated_reliability(finished_output, output)
    if not as_json:
        print_read_notes(finished_output)


_PROBABILITY_OPTIONS = ("--temperature", "--threshold", "--reliability")
"""Options that need probabilities of classes."""


def _check_fold_options(
    folds: "list[RunInfo]", overrides: list[str], options: list[str], split: HeldOutSplit | None
) -> None:
    """Check that the arguments of the command suit several folds, whose saved predictions are evaluated.

    Raises:
        UsageError: an override or option applies only to single runs.
    """
    from dnn_cli.runs.address import parse_run_id

    if split is HeldOutSplit.test:
        example = f"for example: dnn evaluate {parse_run_id(folds[0].run)} --split test"
        raise UsageError(f"--split test evaluates one run, not {len(folds)} folds", example)
    if extra := next((word for word in [*overrides, *options] if word != "--split validation"), ""):
        raise UsageError(f"{extra} and several folds cannot be combined", f"omit {extra}, or name one run")


def _list_recorded_options(
    *, best: bool, resize: bool, temperature: bool | None, threshold: _ThresholdCriterion | None
) -> list[str]:
    """Return the options of the command that `run.json` records with a test read."""
    switches = {
        "--best": best,
        "--resize": resize,
        "--temperature": temperature,
        "--no-temperature": temperature is False,
    }
    options = [name for name, is_given in switches.items() if is_given]
    return options if threshold is None else [*options, "--threshold", threshold.value]


def _check_evaluable_baseline(record: "Record", files: list[str], options: list[str], *, best: bool) -> None:
    """Check that the arguments of the command suit a baseline, which has no saved model.

    Raises:
        UsageError: a file, `--best`, `--temperature` or `--threshold` needs a saved model.
    """
    subject = f"{record.name} {record.id} is a baseline of scikit-learn, which has no saved model"
    if best:
        raise UsageError(f"{subject}, and no best.keras", "omit --best")
    if files:
        raise UsageError(
            f"{subject} to evaluate on {files[0]}", f"omit {files[0]}: dnn evaluate {record.id} --split validation"
        )
    if options:
        raise UsageError(f"{subject} for predictions", f"omit {options[0]}")
