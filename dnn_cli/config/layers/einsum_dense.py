"""Fully connected layer whose sums are written as an equation of Einstein's notation."""

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from annotated_types import Len
from pydantic import Field, Strict

from dnn_cli.config.activations import ActivationName
from dnn_cli.config.base import Count, Shape
from dnn_cli.config.layer_base import BaseLayer, Family, LayerShapeError, WeightSpec, compute_activation_shape
from dnn_cli.config.weight_configs import Constraint, GlorotUniform, Initializer, Regularizer, Zeros

_EQUATION = re.compile(r"(\.\.\.)?([a-zA-Z]+)(\.\.\.)?,([a-zA-Z]+)->(\.\.\.)?([a-zA-Z]+)(\.\.\.)?")


class _Analysis(NamedTuple):
    """Meaning of an equation for an input shape."""

    output_shape: Shape
    kernel_shape: Shape
    bias_shape: Shape
    multiply_adds: int


class EinsumDense(BaseLayer):
    """Fully connected layer on axes that an equation chooses: activation(einsum(equation, x, kernel) + bias).

    `abc,cd->abd` multiplies the last of two axes by a kernel of shape (c, d). The first letter is the batch. `...`
    replaces all other axes: `...c,cd->...d`.
    """

    keras_name: ClassVar[str] = "layers.EinsumDense"
    family: ClassVar[Family] = "core"
    example: ClassVar[Mapping[str, Any]] = {"equation": "abc,bcd->ad", "output_shape": (5,), "bias_axes": "d"}
    example_shape: ClassVar[Shape] = (4, 3)
    supports_lanes: ClassVar[bool] = True
    is_linear: ClassVar[bool] = True
    has_kernel: ClassVar[bool] = True
    type: Literal["EinsumDense"] = "EinsumDense"
    equation: Annotated[str, Field(min_length=5, max_length=100)]
    output_shape: Count | Annotated[tuple[Count | None, ...], Strict(False), Len(1, 8)]
    activation: ActivationName | None = None
    bias_axes: Annotated[str, Field(min_length=1, max_length=8)] | None = None
    kernel_initializer: Initializer = GlorotUniform()
    bias_initializer: Initializer = Zeros()
    kernel_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    kernel_constraint: Constraint | None = None
    bias_constraint: Constraint | None = None

    def compute_output_shape(self, shape: Shape) -> Shape:
        return compute_activation_shape(self.activation, self._analyze(shape).output_shape)

    def list_weights(self, shape: Shape) -> tuple[WeightSpec, ...]:
        analysis = self._analyze(shape)
        bias = (WeightSpec("bias", analysis.bias_shape),) if self.bias_axes else ()
        return (WeightSpec("kernel", analysis.kernel_shape), *bias)

    def count_multiply_adds(self, shape: Shape) -> int:
        return self._analyze(shape).multiply_adds

    def _analyze(self, shape: Shape) -> _Analysis:
        """Return the shapes and the number of multiply-adds for an input shape.

        Raises:
            LayerShapeError: the equation is invalid, or does not fit the input shape or `output_shape`.
        """
        left, inputs, right, kernel, _output_left, outputs, _output_right = self._split_equation()
        elided = len(shape) + 1 - len(inputs)
        if elided < 0 or (elided and not (left or right)) or (left and not elided):
            raise LayerShapeError(
                f"the equation {self.equation} does not fit the input shape {shape} with the batch before it: "
                "write one letter for each axis, or ... in place of several"
            )
        written = (self.output_shape,) if isinstance(self.output_shape, int) else self.output_shape
        if len(written) != len(outputs) - (0 if left else 1):
            raise LayerShapeError(
                f"output_shape {list(written)} does not fit the equation {self.equation}: "
                "write the size of each letter after ->, except the batch"
            )
        # The batch has no size: 0 marks it.
        batch_shape = (0, *shape)
        elided_shape = batch_shape[:elided] if left else batch_shape[len(inputs) :]
        sizes = dict(zip(inputs, batch_shape[elided:] if left else batch_shape, strict=False))
        output_sizes = dict(zip(outputs, written if left else (0, *written), strict=True))
        for letter, size in output_sizes.items():
            if letter in sizes and size != sizes[letter]:
                raise LayerShapeError(
                    f"output_shape has {'null' if size is None else size} for {letter}, "
                    f"but the input has the size {sizes[letter]}: write {sizes[letter]}"
                )
            if size is None:
                raise LayerShapeError(f"output_shape has null for {letter}, which the input lacks: write its size")
            sizes[letter] = size
        if missing := [letter for letter in kernel if letter not in sizes]:
            raise LayerShapeError(f"{missing[0]} of the equation {self.equation} is in the kernel only")
        own_output = tuple(sizes[letter] for letter in outputs)
        output = (*elided_shape, *own_output) if left else (*own_output, *elided_shape)
        factors = (size for size in (*sizes.values(), *elided_shape) if size)
        return _Analysis(
            output[1:],
            tuple(sizes[letter] for letter in kernel),
            self._compute_bias_shape(sizes, outputs, 0 if left else elided),
            math.prod(factors),
        )

    def _split_equation(self) -> tuple[str, ...]:
        """Return the parts of the equation: ellipses and letters of input, kernel and output.

        Raises:
            LayerShapeError: Keras does not accept the equation.
        """
        match = _EQUATION.fullmatch(self.equation)
        parts = tuple(part or "" for part in match.groups()) if match else ()
        if not parts or parts[0] != parts[4] or parts[2] != parts[6] or (parts[0] and parts[2]):
            raise LayerShapeError(
                f"the equation {self.equation} is invalid: write it like abc,cd->abd, ...c,cd->...d or ab...,bc->ac..."
            )
        left, inputs, right, kernel, _, outputs, _ = parts
        if any(len(set(letters)) < len(letters) for letters in (inputs, kernel, outputs)):
            raise LayerShapeError(f"the equation {self.equation} is invalid: a letter is twice in the same part")
        if not left and (inputs[0] != outputs[0] or inputs[0] in kernel):
            raise LayerShapeError(
                f"the equation {self.equation} is invalid: {inputs[0]} is the batch, which must be the first letter "
                "after -> and cannot be in the kernel"
            )
        if right and len(inputs) < 2:
            raise LayerShapeError(f"the equation {self.equation} is invalid: ... follows at least two letters")
        if unknown := [letter for letter in outputs if letter not in inputs + kernel]:
            raise LayerShapeError(f"the equation {self.equation} is invalid: {unknown[0]} is in the output only")
        return parts

    def _compute_bias_shape(self, sizes: Mapping[str, int], outputs: str, elided: int) -> Shape:
        """Return the shape of the bias: the sizes of its letters, and 1 for other axes behind its first letter.

        Args:
            sizes: The size of each letter.
            outputs: The letters of the output.
            elided: The number of axes that `...` after the letters replaces.
        """
        if self.bias_axes is None:
            return ()
        if unknown := [letter for letter in self.bias_axes if letter not in outputs or not sizes[letter]]:
            raise LayerShapeError(
                f"bias_axes has {unknown[0]}, which is not a letter after -> in {self.equation}, or is the batch"
            )
        first = min(outputs.index(letter) for letter in self.bias_axes)
        own_shape = tuple(sizes[letter] if letter in self.bias_axes else 1 for letter in outputs[first:])
        return (*own_shape, *(1,) * elided)
