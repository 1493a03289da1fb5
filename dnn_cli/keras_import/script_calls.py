"""Calls in a program: objects and models of Keras, methods of models, and a few functions of Python."""

import ast
from collections.abc import Mapping
from typing import Any

from dnn_cli.errors import LocatedIssue, SourceLocation
from dnn_cli.keras_import.data_pipelines import (
    PIPELINE_FUNCTIONS,
    DataPipeline,
    PipelineMethod,
    apply_method,
    build_pipeline,
    join_pipelines,
)
from dnn_cli.keras_import.dataset_loading import (
    IMAGE_KIND,
    build_arrays,
    find_data_file,
    find_dataset,
    find_image_directory,
    record_method,
    split_arrays,
)
from dnn_cli.keras_import.example_counts import round_count
from dnn_cli.keras_import.keras_program import INPUT_CLASSES, MODEL_CLASSES, PROGRAM_MODULE, KerasObject
from dnn_cli.keras_import.script_builtins import BuiltinReader
from dnn_cli.keras_import.script_operators import are_scalars
from dnn_cli.keras_import.script_values import (
    BalancedWeights,
    DatasetValue,
    ListMethod,
    LoadedDataset,
    ModelMethod,
    PartialCall,
    Reference,
    ScriptClass,
    ScriptFunction,
    ScriptModel,
    Tensor,
)
from dnn_cli.keras_import.written_code import find_image_keys, is_standardized_loss

_PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "compile": ("optimizer", "loss", "loss_weights", "metrics"),
    "fit": ("x", "y", "batch_size", "epochs", "verbose", "callbacks", "validation_split", "validation_data"),
}
"""Names of the arguments of methods of a model, in Keras's order."""

_FACTORY_MODULES = ("regularizers", "initializers", "constraints")
"""Modules of Keras whose functions, such as `l2`, build objects."""

_STACK_HINT = "import a model in which each layer has one input and one output"
_FOLD_CLASSES = ("KFold", "StratifiedKFold", "RepeatedKFold", "RepeatedStratifiedKFold")
_MIXED_POLICIES = ("mixed_float16", "mixed_bfloat16")
_SPLIT_KEYS = {"test_size": "size", "random_state": "split_seed", "stratify": "stratify"}


class CallReader(BuiltinReader):
    """Reader of calls. Models, datasets and issues of the program are its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.models: list[ScriptModel] = []
        self.seed: int | None = None
        self.has_mixed_precision = False
        self.issues: list[tuple[Any, LocatedIssue]] = []
        """Issues of parts of the program, each with its model or layer; `None` for an object that is not a stack."""

    def add_issue(self, owner: Any, location: SourceLocation, message: str, suggestion: str) -> None:
        """Add an issue of a model or a layer that a config cannot contain."""
        self.issues.append((owner, LocatedIssue(location, "", message, suggestion)))

    def run_function(self, function: ScriptFunction, positional: list[Any], arguments: dict[str, Any]) -> Any:
        """Return the result of a function of the program; subclasses read its statements."""
        raise NotImplementedError

    def evaluate_call(self, node: ast.Call) -> Any:
        """Return the result of a call."""
        target = self.evaluate(node.func)
        positional = list(self._iter_items(node.args))
        arguments: dict[str, Any] = {}
        for keyword in node.keywords:
            value = self.evaluate(keyword.value)
            if keyword.arg is not None:
                arguments[keyword.arg] = value
            elif isinstance(value, dict):
                arguments |= {str(key): inner for key, inner in value.items()}
        return self._apply(target, positional, arguments, node)

    def _apply(self, target: Any, positional: list[Any], arguments: dict[str, Any], node: ast.Call) -> Any:
        """Return the result of a call of a value with arguments."""
        if isinstance(target, PartialCall):
            return self._apply(
                target.target, [*target.positional, *positional], {**target.arguments, **arguments}, node
            )
        if isinstance(target, ScriptFunction):
            keys = find_image_keys(target.node)
            if keys is not None and positional and isinstance(positional[0], str):
                self._add_file(LoadedDataset(IMAGE_KIND, target.location, positional[0], keys))
                return DatasetValue(self.locate(node), ast.unparse(node))
            return self.run_function(target, positional, arguments)
        if isinstance(target, ScriptClass):
            if target.warmup is not None:
                return KerasObject("Warmup", target.warmup, self.locate(node))
            return KerasObject(target.name, arguments, self.locate(node), tuple(positional), module=PROGRAM_MODULE)
        if isinstance(target, ModelMethod):
            return self._call_model(target, positional, arguments, node)
        if isinstance(target, ListMethod):
            return self.call_list(target, positional, node)
        if isinstance(target, PipelineMethod):
            return self._call_pipeline(target, positional, arguments, node)
        if isinstance(target, KerasObject | ScriptModel):
            return self._add_to_tensor(target, positional, node)
        if isinstance(target, Reference):
            return self._call_reference(target, positional, arguments, node)
        if isinstance(target, BalancedWeights):
            return target
        if isinstance(target, DatasetValue) and isinstance(node.func, ast.Attribute) and self.datasets:
            record_method(self.datasets[-1], node.func.attr, positional, arguments)
        return self._combine_data(node, *positional, target)

    def _call_reference(
        self, target: Reference, positional: list[Any], arguments: dict[str, Any], node: ast.Call
    ) -> Any:
        """Return the result of a call of an imported name."""
        location, path = self.locate(node), target.keras_path
        head, _, name = target.path.rpartition(".")
        if (count := round_count(target.path, positional, node)) is not None:
            return count
        if target.path == "builtins.dict.fromkeys" and positional and are_scalars(positional[0]):
            return dict.fromkeys(positional[0], *positional[1:2])
        if head == "builtins":
            return self.call_builtin(name, positional, arguments, node)
        if target.path == "functools.partial" and positional:
            return PartialCall(positional[0], tuple(positional[1:]), arguments)
        if name in ("set_random_seed", "set_seed") and positional and isinstance(positional[0], int):
            self.seed = positional[0]
        if name in ("set_global_policy", "set_policy") and positional and positional[0] in _MIXED_POLICIES:
            self.has_mixed_precision = True
        if data := find_dataset(target, location):
            self.datasets.append(data)
            return build_arrays(data, name, ast.unparse(node))
        if data := find_data_file(target, positional, location):
            self._add_file(data)
            return DatasetValue(location, ast.unparse(node))
        if name == "image_dataset_from_directory" and (data := find_image_directory(positional, arguments, location)):
            self._add_file(data)
            return DataPipeline(
                location, ast.unparse(node), batch_size=arguments.get("batch_size", 32), is_shuffled=True
            )
        if name == "train_test_split":
            for data in self.datasets[-1:]:
                data.splits.append({key: arguments[old] for old, key in _SPLIT_KEYS.items() if old in arguments})
            return split_arrays(positional, arguments, DatasetValue(location, ast.unparse(node)))
        if target.path in PIPELINE_FUNCTIONS:
            return build_pipeline(positional, arguments, ast.unparse(node), location)
        if name == "compute_class_weight" and "balanced" in (*positional, *arguments.values()):
            return BalancedWeights(location, ast.unparse(node))
        if name in _FOLD_CLASSES and self.datasets:
            self.datasets[-1].fold_class = name
        if name == "StandardScaler" and head.startswith("sklearn.") and self.datasets:
            self.datasets[-1].is_standardized = True
        if path is None:
            is_own_class = target.is_class and not any(isinstance(value, DatasetValue) for value in positional)
            part = KerasObject(name, arguments, location, tuple(positional), module=head)
            return part if is_own_class else self._combine_data(node, *positional, *arguments.values())
        if name in MODEL_CLASSES:
            return self._build_model(name, positional, arguments, node)
        if name in INPUT_CLASSES:
            part = KerasObject(name, arguments, location, tuple(positional))
            return Tensor((part,)) if name == "Input" else part
        if name == "clone_model" and positional and isinstance(positional[0], ScriptModel):
            return self._add_model(ScriptModel(location, list(positional[0].layers)))
        if target.is_class or any(module in path.split(".") for module in _FACTORY_MODULES):
            return KerasObject(name, arguments, location, tuple(positional))
        return self._combine_data(node, *positional, *arguments.values())

    def _add_file(self, file: LoadedDataset) -> None:
        """Add a file to the datasets of the program. The first file has the training examples."""
        first = self.datasets[-1] if self.datasets else None
        if first is not None and first.path is not None:
            first.other_paths += [file.path] if file.path not in (None, first.path) else []
        else:
            self.datasets.append(file)

    def _build_model(self, name: str, positional: list[Any], arguments: dict[str, Any], node: ast.Call) -> Any:
        """Return a model of a list of layers, or of inputs and outputs."""
        model = ScriptModel(self.locate(node), name=arguments.get("name"))
        if name == "Sequential":
            layers = positional[0] if positional else arguments.get("layers")
            model.name = positional[1] if len(positional) > 1 else model.name
            for layer in layers if isinstance(layers, list | tuple) else [] if layers is None else [layers]:
                _add_layer(model, layer)
            return self._add_model(model)
        outputs = arguments.get("outputs", positional[1] if len(positional) > 1 else None)
        outputs = outputs[0] if isinstance(outputs, list | tuple) and len(outputs) == 1 else outputs
        if not isinstance(outputs, Tensor):
            message = "the layers of this model are not a stack, or are not known"
            self.add_issue(None, model.location, message, _STACK_HINT)
            return self.make_unknown(node)
        model.layers = list(outputs.layers)
        return self._add_model(model)

    def _add_model(self, model: ScriptModel) -> ScriptModel:
        """Add a model to the models of the program, and return the model."""
        model.seed = self.seed
        model.dataset = self.datasets[-1] if self.datasets else None
        self.models.append(model)
        return model

    def _add_to_tensor(self, target: KerasObject | ScriptModel, positional: list[Any], node: ast.Call) -> Any:
        """Return the output of a layer for a tensor; the output of a model has all of its layers."""
        if len(positional) == 1 and isinstance(positional[0], Tensor):
            layers = tuple(target.layers) if isinstance(target, ScriptModel) else (target,)
            return Tensor((*positional[0].layers, *layers))
        values = positional[0] if len(positional) == 1 and isinstance(positional[0], list | tuple) else positional
        if sum(isinstance(value, Tensor) for value in values) > 1:
            name = target.class_name if isinstance(target, KerasObject) else "a model"
            self.add_issue(None, self.locate(node), f"{name} takes several inputs", _STACK_HINT)
        return self._combine_data(node, *positional)

    def _call_model(self, method: ModelMethod, positional: list[Any], arguments: dict[str, Any], node: ast.Call) -> Any:
        """Add a layer, or the arguments of `compile` or `fit`, to a model."""
        model = method.model
        if method.name == "add":
            for layer in [*positional, *arguments.values()][:1]:
                _add_layer(model, layer)
        elif method.name == "pop" and model.layers:
            model.layers.pop()
        elif method.name in _PARAMETERS:
            named = {**dict(zip(_PARAMETERS[method.name], positional, strict=False)), **arguments}
            if method.name == "compile":
                loss = named.get("loss")
                if isinstance(loss, ScriptFunction) and is_standardized_loss(loss.node):
                    named["loss"] = self.scopes[-1].get("loss")
                # Keras 2 has the metrics in the place of the weights of losses, which are numbers.
                weights = named.get("loss_weights")
                if len(positional) > 2 and isinstance(weights, str | list | tuple) and not _has_numbers(weights):
                    named["metrics"] = named.pop("loss_weights")
                model.compile_arguments, model.compile_location = named, self.locate(node)
            else:
                model.fit_arguments = named
                model.dataset = self.datasets[-1] if self.datasets else None
                model.fit_locations.append(self.locate(node))
        return self.make_unknown(node)

    def _call_pipeline(
        self, method: PipelineMethod, positional: list[Any], arguments: dict[str, Any], node: ast.Call
    ) -> DataPipeline:
        """Return the pipeline that a method of a pipeline returns."""
        function = arguments.get("map_func", positional[0] if positional else None)
        if method.name != "flat_map" or not isinstance(function, ScriptFunction):
            return apply_method(method, positional, arguments, self.locate(node))
        epoch = self.run_function(function, [], {})
        return join_pipelines(method.pipeline, epoch, self.locate(node))


def _has_numbers(value: Any) -> bool:
    """Return whether a value is a list with a number."""
    return isinstance(value, list | tuple) and any(isinstance(item, int | float) for item in value)


def _add_layer(model: ScriptModel, layer: Any) -> None:
    """Add a layer to a model; of another model, all of its layers; of an input, its declaration."""
    if isinstance(layer, ScriptModel | Tensor):
        model.layers.extend(layer.layers)
    else:
        model.layers.append(layer)
