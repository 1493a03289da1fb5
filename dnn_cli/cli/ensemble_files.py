"""Export of an ensemble in `dnn ensemble`: the `.keras` file, and the `.json` file that describes it."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dnn_cli
from dnn_cli.cli.export_files import check_export_path, format_export_size, replace_atomically
from dnn_cli.errors import UsageError
from dnn_cli.export.export_formats import EXPORT_FORMATS
from dnn_cli.export.obstacles import check_export_support

if TYPE_CHECKING:
    from dnn_cli.compare.ensemble_members import EnsembleMember
    from dnn_cli.export.ensemble_export import EnsembleCheck

_FORMAT = EXPORT_FORMATS["keras"]


@dataclass(frozen=True)
class WrittenEnsemble:
    """Exported ensemble: the path of its file, the content of the `.json` file, and the lines for the screen."""

    path: Path
    document: dict[str, Any]
    lines: tuple[str, ...]

    def to_document(self) -> dict[str, Any]:
        """Return the content of the `.json` file with the paths of both files."""
        return {**self.document, "path": os.fspath(self.path), "sidecar": os.fspath(_get_sidecar(self.path))}


def _get_sidecar(path: Path) -> Path:
    """Return the path of the `.json` file that describes an exported ensemble."""
    return path.parent / f"{path.name}.json"


def check_ensemble_path(path: Path, *, force: bool) -> None:
    """Check that an ensemble can be written to a path, before scores are computed.

    Raises:
        UsageError: the suffix is wrong, the directory is missing, or a file exists without `force`.
    """
    check_export_path(path, _get_sidecar(path), _FORMAT, force=force)


def check_members(members: "Sequence[EnsembleMember]", code_directory: str | None) -> None:
    """Check that the networks of all members can be exported, before scores are computed.

    Raises:
        UsageError: a model is missing, or custom layers need `--allow-code`.
        RunError: a layer cannot be exported.
    """
    from dnn_cli.config.custom_code import check_code_permission
    from dnn_cli.config.loading import load_resolved_experiment

    for member in members:
        run = member.run_info.run
        if not run.model.is_file():
            raise UsageError(f"{member.label} has no {run.model.name}", f"omit {member.record.id}")
        experiment = load_resolved_experiment(str(run.config))
        check_export_support(experiment, _FORMAT.name)
        check_code_permission(experiment, code_directory)


def write_ensemble(members: "Sequence[EnsembleMember]", path: Path, code_directory: str | None) -> WrittenEnsemble:
    """Write an ensemble as one `.keras` file with a `.json` file, and check the outputs of the file.

    Args:
        members: The members, which `check_members` has checked.
        path: The path of the `.keras` file.
        code_directory: The directory of custom layers; `None` without permission to run their code.

    Raises:
        RunError: a run is damaged, the file cannot be written, or its outputs are wrong.
    """
    from dnn_cli.config.custom_code import list_custom_layers
    from dnn_cli.data.run_context import load_run_context
    from dnn_cli.execution.preparation import import_layers_of_user
    from dnn_cli.host.output_redirect import redirect_output
    from dnn_cli.metrics.averaged_predictions import build_ensemble_experiment
    from dnn_cli.report.export_summary import (
        build_interface_document,
        format_exported_input,
        format_exported_output,
    )
    from dnn_cli.terminal.progress import open_screen
    from dnn_cli.training.tensorflow_startup import import_tensorflow_in_background

    sidecar = _get_sidecar(path)
    with open_screen() as screen, replace_atomically(path, sidecar) as (temporary_path, temporary_sidecar):
        with screen.open_progress(1, 1) as progress, redirect_output(), import_tensorflow_in_background() as wait:
            progress("starting TensorFlow")
            contexts = [load_run_context(member.run_info.run, member.record, progress) for member in members]
            wait()
            for run_context in contexts:
                import_layers_of_user(run_context.experiment, code_directory, screen)
            from dnn_cli.export.ensemble_export import ExportedMember, export_ensemble

            exported = [
                ExportedMember(member.run_info.run.model, member.record, run_context)
                for member, run_context in zip(members, contexts, strict=True)
            ]
            check = export_ensemble(exported, temporary_path, progress)
        experiment, profile = build_ensemble_experiment(contexts[0].experiment), contexts[0].input_profile
        custom_types = dict.fromkeys(
            layer.type for run_context in contexts for layer in list_custom_layers(run_context.experiment)
        )
        document = {
            "runs": [{"run": member.record.id, "name": member.record.name} for member in members],
            "format": _FORMAT.name,
            **build_interface_document(experiment, profile, scaling=True),
            **({"custom_objects": list(custom_types)} if custom_types else {}),
            "checked": asdict(check),
            "versions": {**members[0].record.versions, "dnn": dnn_cli.__version__},
        }
        text = json.dumps({"schema_version": 1, **document}, ensure_ascii=False, indent=2, allow_nan=False)
        temporary_sidecar.write_text(text + "\n", encoding="utf-8")
    lines = (
        f"{path}  {format_export_size(path)}, ensemble of {len(members)} runs as {_FORMAT.name}",
        f"  input    {format_exported_input(experiment, profile, scaling=True)}",
        f"  output   {format_exported_output(experiment)}",
        *(f"  code     loading needs the class {name} in custom_objects" for name in custom_types),
        *_format_check_lines(check),
        f"  details  {sidecar}",
    )
    return WrittenEnsemble(path, document, lines)


def _format_check_lines(check: "EnsembleCheck") -> list[str]:
    """Return lines that report how closely the outputs of an exported ensemble match the mean of its members."""
    size = "" if check.output <= 1 else f" in outputs up to {check.output:.3g}"
    return [
        f"  checked  in {check.runtime} on {check.source}:",
        f"           largest difference from the mean of the members {check.difference:.1e}{size}",
    ]
