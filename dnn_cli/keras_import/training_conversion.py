"""Conversion of the arguments of `compile` and `fit` into keys of a config."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dnn_cli.config.callbacks import CALLBACK_CLASSES, BaseCallback, ModelCheckpoint
from dnn_cli.config.score_names import lower_is_better
from dnn_cli.errors import SourceLocation
from dnn_cli.keras_import.keras_program import PROGRAM_MODULE, KerasName, KerasObject, KerasProgram
from dnn_cli.keras_import.part_conversion import PartConverter, describe_argument

_IGNORED_COMPILE_ARGUMENTS = ("run_eagerly", "steps_per_execution", "auto_scale_loss")
_IGNORED_FIT_ARGUMENTS = (
    "x", "y", "verbose", "shuffle", "validation_data", "validation_steps", "validation_batch_size", "validation_freq",
    "workers", "use_multiprocessing", "max_queue_size",
)  # fmt: skip
"""Arguments that do not change the weights of a training, or that `data` of a config replaces."""

_FIT_KEYS = {key: key for key in ("epochs", "batch_size", "class_weight")} | {"validation_split": "validation_size"}
"""Keys of a config by arguments of `fit`. The key `validation_size` belongs to `data`."""

_IGNORED_CALLBACKS = {
    "TensorBoard": "dnn train --tensorboard writes its log",
    "CSVLogger": "every run has metrics.csv",
    "History": "every run has metrics.csv",
    "ProgbarLogger": "dnn shows the progress",
    "BackupAndRestore": "dnn resume continues a run",
    "TerminateOnNaN": "every training ends at a loss that is not a finite number",
}
"""Callbacks that a config does not need, with what `dnn` has in their place."""

_CALLBACK_HINTS = {
    "LearningRateScheduler": "write a schedule such as ExponentialDecay as the learning_rate of the optimizer, "
    "leave LearningRateScheduler out, and import again"
}
"""What to write in place of callbacks whose work is another key of a config."""

_CALLBACKS_BY_NAME: dict[str, type[BaseCallback]] = {
    cls.keras_name.rpartition(".")[2]: cls for cls in CALLBACK_CLASSES.values()
}
_ACCURACY_CLASSES = ("Accuracy", "BinaryAccuracy", "CategoricalAccuracy", "SparseCategoricalAccuracy")
_ACCURACY_NAMES = ("accuracy", "acc")
_LEAVE_OUT = "leave it out of the program, and import again"


class TrainingConverter:
    """Converter of the arguments of `compile` and `fit`. Issues are added to the converter of parts."""

    def __init__(self, program: KerasProgram, converter: PartConverter) -> None:
        self.program = program
        self.converter = converter
        self.remarks: list[str] = []

    def convert_settings(self) -> dict[str, Any]:
        """Return the keys of a config that the arguments of `compile` and `fit` determine."""
        settings = self._convert_compile_arguments() | self._convert_fit_arguments()
        if self.program.seed is not None:
            settings["seed"] = self.program.seed
        return settings

    def get_location(self, value: Any, method: str) -> SourceLocation:
        """Return the location of a value in the program, or of the call of `compile` or `fit` that has the value."""
        default = self.program.call_locations.get(method, SourceLocation(self.program.source))
        location: SourceLocation = getattr(value, "location", default)
        return location

    def _convert_compile_arguments(self) -> dict[str, Any]:
        """Return optimizer, loss and metrics."""
        arguments = self.program.compile_arguments
        if arguments is None:
            return {}
        settings: dict[str, Any] = {"metrics": []}
        for key, value in arguments.items():
            if key in _IGNORED_COMPILE_ARGUMENTS or value is None:
                continue
            if key in ("optimizer", "loss"):
                issue_count = len(self.converter.issues)
                converted = self.converter.convert_value(self._unwrap_part(value, key), key, key)
                if len(self.converter.issues) == issue_count:
                    settings[key] = converted
            elif key in ("metrics", "weighted_metrics"):
                settings["metrics"] += self._convert_metrics(value)
            elif key == "jit_compile":
                settings |= {"jit": True} if value is True else {}
            elif value not in ({}, [], False):
                message = f"is {describe_argument(value)}, and a config has no such key"
                self.converter.add_issue(self.get_location(value, "compile"), f"compile, {key}", message, _LEAVE_OUT)
        return settings

    def _unwrap_part(self, value: Any, key: str) -> Any:
        """Return the optimizer within a LossScaleOptimizer, the only item of a list, and any other value unchanged."""
        if isinstance(value, KerasObject) and value.class_name == "LossScaleOptimizer":
            self.converter.has_mixed_precision = True
            return value.arguments.get("inner_optimizer", value.positional[0] if value.positional else None)
        if isinstance(value, list | tuple) and len(value) == 1:
            return value[0]
        if isinstance(value, list | tuple | Mapping):
            message = f"has {len(value)} values, and a network of dnn has one output"
            self.converter.add_issue(
                self.get_location(value, "compile"), key, message, f"write one {key}, and import again"
            )
            return None
        return value

    def _convert_metrics(self, value: Any) -> list[Any]:
        """Return metrics. Keras 2 saves them as a list for each output of the model."""
        if isinstance(value, Mapping):
            message = "are given by the name of an output, and a network of dnn has one output"
            self.converter.add_issue(
                self.get_location(value, "compile"), "metrics", message, "write a list, and import again"
            )
            return []
        if not isinstance(value, list | tuple):
            return [self._convert_metric(value)]
        return [metric for item in value if item is not None for metric in self._list_metrics(item)]

    def _list_metrics(self, item: Any) -> list[Any]:
        """Return the metrics of one item of a list."""
        return self._convert_metrics(item) if isinstance(item, list | tuple) else [self._convert_metric(item)]

    def _convert_metric(self, metric: Any) -> Any:
        """Return a metric. A class of accuracy with the name `accuracy` becomes the metric `accuracy`."""
        name = metric.arguments.get("name") if isinstance(metric, KerasObject) else None
        if isinstance(metric, KerasObject) and metric.class_name == "MeanMetricWrapper":
            function = metric.arguments.get("fn")
            metric = "accuracy" if name in _ACCURACY_NAMES else function
        elif isinstance(metric, KerasObject) and metric.class_name in _ACCURACY_CLASSES and name in _ACCURACY_NAMES:
            metric = "accuracy"
        return self.converter.convert_value(metric, "metric", "metrics")

    def _convert_fit_arguments(self) -> dict[str, Any]:
        """Return epochs, batch size, callbacks and the share of validation examples."""
        settings: dict[str, Any] = {}
        for key, value in (self.program.fit_arguments or {}).items():
            if value is None or key in _IGNORED_FIT_ARGUMENTS or (key == "initial_epoch" and value == 0):
                continue
            if key in _FIT_KEYS:
                converted = self.converter.convert_value(value, "", f"fit, {key}")
                settings |= {} if converted is None else {_FIT_KEYS[key]: converted}
            elif key == "callbacks":
                settings |= dict(self._iter_callbacks(value if isinstance(value, list | tuple) else [value]))
            else:
                message = f"is {describe_argument(value)}, and a config has no such key"
                self.converter.add_issue(self.get_location(value, "fit"), f"fit, {key}", message, _LEAVE_OUT)
        return settings

    def _iter_callbacks(self, callbacks: Sequence[Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the key and the arguments of each callback that a config has."""
        for callback in callbacks:
            name = getattr(callback, "class_name", getattr(callback, "name", None))
            if isinstance(callback, KerasName) and name is not None:
                callback = KerasObject(name, {}, callback.location)
            if name in _IGNORED_CALLBACKS:
                self.remarks.append(f"{name} is left out: {_IGNORED_CALLBACKS[name]}")
            elif isinstance(callback, KerasObject) and (cls := _CALLBACKS_BY_NAME.get(callback.class_name)):
                yield cls.key, self._convert_callback(callback, cls)
            else:
                text = name or describe_argument(callback)
                message = f"{text} is not a callback of dnn"
                hint = _CALLBACK_HINTS.get(text, f"leave {text} out, and import again")
                if getattr(callback, "module", "") == PROGRAM_MODULE:
                    message = f"{text} is a class of your own, and not a callback of dnn"
                    hint += "; dnn list schedules shows schedules of the learning rate"
                self.converter.add_issue(self.get_location(callback, "fit"), "fit, callbacks", message, hint)

    def _convert_callback(self, callback: KerasObject, cls: type[BaseCallback]) -> dict[str, Any]:
        """Return the arguments of a callback. Arguments that `dnn` decides are left out."""
        owner = f"fit, {callback.class_name}"
        arguments = self.converter.name_arguments(callback, cls.key, cls, owner)
        mode, monitor = arguments.get("mode"), arguments.get("monitor", "val_loss")
        if mode in ("min", "max") and isinstance(monitor, str) and (mode == "min") != lower_is_better(monitor):
            message = f"mode={mode} does not fit {monitor}, whose name determines whether higher or lower is better"
            self.converter.add_issue(callback.location, owner, message, _LEAVE_OUT.replace("it", "mode", 1))
        if issubclass(cls, ModelCheckpoint) and arguments.get("save_best_only") is not True:
            self.remarks.append("ModelCheckpoint: dnn saves the model of the best epoch only, and the last model")
        settings = {key: value for key, value in arguments.items() if key not in cls.key_suggestions}
        return self.converter.convert_arguments(
            KerasObject(callback.class_name, settings, callback.location), cls, cls.key, owner
        )
