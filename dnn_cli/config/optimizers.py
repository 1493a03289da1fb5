"""Config classes of the Keras optimizers: the arguments and defaults of each, and the memory that its state takes.

To add an optimizer, write a class in this file.
"""

import math
import re
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Len
from pydantic import Field, Strict

from dnn_cli.config.base import (
    BelowOne,
    Finite,
    Fraction,
    KerasConfig,
    NotNegative,
    Positive,
    Shape,
)
from dnn_cli.config.schedules import LearningRate, Steps

DEFAULT_OPTIMIZER = "rmsprop"
"""Keras's default optimizer, for configs that do not name an optimizer."""


_WeightPathPattern = Annotated[str, Field(pattern=r"^\^?[\w./-]+\$?$", max_length=100)]
"""Pattern that selects weights by path: `hidden` matches any part of a path, `^hidden` its start, `kernel$` its end.

Other regular expressions are refused, because the search for some of them never ends.
"""


OPTIMIZER_CLASSES: dict[str, type["BaseOptimizer"]] = {}
"""Optimizers by their `type`, in the order of their definitions.

Defining a class with a `keras_name` adds the class.
"""


class BaseOptimizer(KerasConfig):
    """Base class of optimizers, with the arguments that all optimizers of Keras have."""

    type: str
    learning_rate: LearningRate = 0.001
    weight_decay: NotNegative | None = None
    clipnorm: Positive | None = None
    clipvalue: Positive | None = None
    global_clipnorm: Positive | None = None
    use_ema: bool = False
    ema_momentum: Fraction = 0.99
    ema_overwrite_frequency: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    loss_scale_factor: Positive | None = None
    gradient_accumulation_steps: Annotated[int, Field(ge=2, le=1_000_000)] | None = None

    slots_per_number: ClassVar[int] = 2
    """Number of values, such as moving averages, that the optimizer keeps for every trainable parameter."""

    lane_obstacle: ClassVar[str | None] = None
    """Reason why one program cannot train several models with the optimizer; `None` for optimizers without a reason."""

    starts_from_weights: ClassVar[bool] = False
    """Whether the state of the optimizer begins with the weights, so that it must be built before the first step."""

    min_keras_version: ClassVar[tuple[int, int]] = (3, 12)
    """First version of Keras with this optimizer and these defaults. Version 3.12 is the last for Python 3.10."""

    search_center: ClassVar[float | None] = None
    """Learning rate in the middle of the range that a study searches; `None` for the default learning rate."""

    @classmethod
    def __pydantic_init_subclass__(cls, **arguments: Any) -> None:
        super().__pydantic_init_subclass__(**arguments)
        if "keras_name" in vars(cls):
            OPTIMIZER_CLASSES[cls.model_fields["type"].default] = cls

    def count_slots(self, path: str, shape: Shape) -> int:
        """Return the number of values that the optimizer keeps for one trainable weight.

        Args:
            path: The path of the weight, such as `hidden/kernel`.
            shape: The shape of the weight.
        """
        return self.slots_per_number * math.prod(shape)

    def compute_memory(self, weights: list[tuple[str, Shape]]) -> int:
        """Return the number of bytes that the optimizer keeps between steps, as float32.

        The step counter and the learning rate, a few bytes in all, are left out.

        Args:
            weights: The path, such as `hidden/kernel`, and the shape of every trainable weight.
        """
        extra = int(self.use_ema) + int(self.gradient_accumulation_steps is not None)
        return 4 * sum(self.count_slots(path, shape) + extra * math.prod(shape) for path, shape in weights)

    def find_argument_conflict(self) -> tuple[str, str] | None:
        """Return an argument that conflicts with another argument, and the reason; `None` without a conflict.

        Keras refuses the combination of such arguments.
        """
        clips = [name for name in ("clipnorm", "clipvalue", "global_clipnorm") if getattr(self, name) is not None]
        return (
            (clips[1], f"cannot be combined with {clips[0]}: Keras clips in one way only") if len(clips) > 1 else None
        )


class SGD(BaseOptimizer):
    """Stochastic gradient descent, optionally with momentum."""

    keras_name: ClassVar[str] = "optimizers.SGD"
    type: Literal["sgd"] = "sgd"
    learning_rate: LearningRate = 0.01
    momentum: Fraction = 0.0
    nesterov: bool = False

    def count_slots(self, path: str, shape: Shape) -> int:
        return (self.momentum != 0) * math.prod(shape)


class RMSprop(BaseOptimizer):
    """Gradient descent that divides each gradient by a moving average of its size; Tieleman and Hinton 2012."""

    keras_name: ClassVar[str] = "optimizers.RMSprop"
    type: Literal["rmsprop"] = "rmsprop"
    rho: Fraction = 0.9
    momentum: Fraction = 0.0
    epsilon: Positive = 1e-7
    centered: bool = False

    def count_slots(self, path: str, shape: Shape) -> int:
        return (1 + (self.momentum > 0) + self.centered) * math.prod(shape)


class Adagrad(BaseOptimizer):
    """Gradient descent with rates that shrink as the sum of squared gradients grows; Duchi et al. 2011."""

    keras_name: ClassVar[str] = "optimizers.Adagrad"
    type: Literal["adagrad"] = "adagrad"
    slots_per_number: ClassVar[int] = 1
    initial_accumulator_value: NotNegative = 0.1
    epsilon: Positive = 1e-7


class AdamFamily(BaseOptimizer):
    """Optimizer that keeps moving averages of the gradient and of its square."""

    beta_1: BelowOne = 0.9
    beta_2: BelowOne = 0.999
    epsilon: Positive = 1e-7


class Adam(AdamFamily):
    """Momentum combined with a learning rate for each parameter; Kingma and Ba 2015."""

    keras_name: ClassVar[str] = "optimizers.Adam"
    type: Literal["adam"] = "adam"
    amsgrad: bool = False

    def count_slots(self, path: str, shape: Shape) -> int:
        return (2 + self.amsgrad) * math.prod(shape)


class AdamW(AdamFamily):
    """Adam with weight decay that is separate from the gradient; Loshchilov and Hutter 2019."""

    keras_name: ClassVar[str] = "optimizers.AdamW"
    type: Literal["adamw"] = "adamw"
    weight_decay: NotNegative = 0.004
    amsgrad: bool = False

    def count_slots(self, path: str, shape: Shape) -> int:
        return (2 + self.amsgrad) * math.prod(shape)


class Adadelta(BaseOptimizer):
    """Adagrad over a moving window of gradients; Zeiler 2012 (with learning rate 1.0)."""

    keras_name: ClassVar[str] = "optimizers.Adadelta"
    type: Literal["adadelta"] = "adadelta"
    # The range around 0.1 contains Keras's default, 0.001, and the rate of the paper, 1.0.
    search_center: ClassVar[float | None] = 0.1
    rho: Fraction = 0.95
    epsilon: Positive = 1e-7


class Adamax(AdamFamily):
    """Adam with the infinity norm; Kingma and Ba 2015."""

    keras_name: ClassVar[str] = "optimizers.Adamax"
    type: Literal["adamax"] = "adamax"


class Nadam(AdamFamily):
    """Adam with Nesterov momentum; Dozat 2016."""

    keras_name: ClassVar[str] = "optimizers.Nadam"
    type: Literal["nadam"] = "nadam"


class Ftrl(BaseOptimizer):
    """Follow-the-regularised-leader, with L1 and L2 penalties; McMahan et al. 2013."""

    keras_name: ClassVar[str] = "optimizers.Ftrl"
    type: Literal["ftrl"] = "ftrl"
    learning_rate_power: Annotated[float, Field(le=0, ge=-100)] = -0.5
    initial_accumulator_value: NotNegative = 0.1
    l1_regularization_strength: NotNegative = 0.0
    l2_regularization_strength: NotNegative = 0.0
    l2_shrinkage_regularization_strength: NotNegative = 0.0
    beta: NotNegative = 0.0


class Lion(BaseOptimizer):
    """Gradient descent along the sign of a momentum; Chen et al. 2023."""

    keras_name: ClassVar[str] = "optimizers.Lion"
    type: Literal["lion"] = "lion"
    slots_per_number: ClassVar[int] = 1
    beta_1: Annotated[float, Field(gt=0, le=1)] = 0.9
    beta_2: Fraction = 0.99


class Lamb(AdamFamily):
    """Adam with steps that are scaled for each layer, for large batches; You et al. 2020."""

    keras_name: ClassVar[str] = "optimizers.Lamb"
    is_known_by_type: ClassVar[bool] = False
    type: Literal["lamb"] = "lamb"


class Adafactor(BaseOptimizer):
    """Adam with one row and one column of averaged squared gradients per matrix; Shazeer and Stern 2018."""

    keras_name: ClassVar[str] = "optimizers.Adafactor"
    type: Literal["adafactor"] = "adafactor"
    beta_2_decay: Annotated[float, Field(le=0, ge=-100)] = -0.8
    epsilon_1: Positive = 1e-30
    epsilon_2: Positive = 0.001
    clip_threshold: Positive = 1.0
    relative_step: bool = True

    def count_slots(self, path: str, shape: Shape) -> int:
        # Keras keeps the whole average of squared gradients and its factors. The paper keeps the factors alone.
        factors = math.prod(shape[:-1]) + math.prod((*shape[:-2], shape[-1])) if len(shape) > 1 else 0
        return math.prod(shape) + factors


class Muon(BaseOptimizer):
    """Orthogonalised momentum for matrices, and Adam for all other weights; Jordan et al. 2024."""

    keras_name: ClassVar[str] = "optimizers.Muon"
    type: Literal["muon"] = "muon"
    min_keras_version: ClassVar[tuple[int, int]] = (3, 13)
    adam_beta_1: BelowOne = 0.9
    adam_beta_2: BelowOne = 0.999
    adam_weight_decay: NotNegative | None = 0.004
    epsilon: Positive = 1e-7
    weight_decay: NotNegative | None = 0.004
    exclude_layers: Annotated[tuple[_WeightPathPattern, ...], Strict(False), Len(0, 100)] | None = None
    exclude_embeddings: bool = True
    muon_a: Finite = 3.4445
    muon_b: Finite = -4.775
    muon_c: Finite = 2.0315
    adam_lr_ratio: NotNegative = 1.0
    momentum: Fraction = 0.95
    ns_steps: Annotated[int, Field(ge=1, le=100)] = 5
    nesterov: bool = True
    rms_rate: NotNegative | None = 0.2

    def count_slots(self, path: str, shape: Shape) -> int:
        excluded = (self.exclude_embeddings and "embedding" in path.lower()) or any(
            re.search(pattern, path) for pattern in self.exclude_layers or ()
        )
        return (1 if len(shape) == 2 and not excluded else 2) * math.prod(shape)


class ScheduleFreeAdamW(AdamFamily):
    """AdamW that averages weights over steps and needs no learning rate schedule; Defazio et al. 2024."""

    keras_name: ClassVar[str] = "optimizers.ScheduleFreeAdamW"
    is_known_by_type: ClassVar[bool] = False
    lane_obstacle: ClassVar[str | None] = "on TensorFlow, Keras reads its momentum after the update"
    starts_from_weights: ClassVar[bool] = True
    type: Literal["schedule_free_adamw"] = "schedule_free_adamw"
    min_keras_version: ClassVar[tuple[int, int]] = (3, 14)
    learning_rate: LearningRate = 0.0025
    epsilon: Positive = 1e-8
    warmup_steps: Steps = 0
