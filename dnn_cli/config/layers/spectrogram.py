"""Spectrogram layer of Keras: the strength of each frequency of a sound, by time."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from dnn_cli.config.base import Count, Shape
from dnn_cli.config.layer_base import (
    BaseLayer,
    ChannelsLast,
    Family,
    LayerShapeError,
    WeightSpec,
    WindowPadding,
    XlaSupport,
)
from dnn_cli.config.layer_shapes import check_image_shape, count_window_positions

# The usual windows are 0 at both ends, so that two positions have no sum to divide by.
_FrameLength = Annotated[int, Field(ge=3, le=65_536)]
# Keras warns of other lengths. It uses odd lengths as even ones.
_FftLength = Literal[4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536]


class STFTSpectrogram(BaseLayer):
    """Layer with the strength of each frequency of a sound, by a short-time Fourier transform with learnt kernels.

    At the beginning, the kernels are those of the transform. They stay so with `trainable: false`.
    """

    keras_name: ClassVar[str] = "layers.STFTSpectrogram"
    family: ClassVar[Family] = "convolution"
    example: ClassVar[Mapping[str, Any]] = {"frame_length": 4}
    example_shape: ClassVar[Shape] = (16, 1)
    has_kernel: ClassVar[bool] = True
    xla_support: ClassVar[XlaSupport] = "slow_on_cpu"
    slowdown: ClassVar[int] = 2
    type: Literal["STFTSpectrogram"] = "STFTSpectrogram"
    mode: Literal["log", "magnitude", "psd", "real", "imag", "angle", "stft"] = "log"
    frame_length: _FrameLength = 256
    frame_step: Count | None = None
    fft_length: _FftLength | None = None
    window: Literal["hann", "hamming", "blackman", "bartlett", "boxcar", "cosine"] = "hann"
    periodic: bool = False
    scaling: Literal["density", "spectrum"] | None = "density"
    padding: WindowPadding = "valid"
    expand_dims: bool = False
    data_format: ChannelsLast | None = None

    @property
    def kernel_names(self) -> tuple[str, ...]:  # type: ignore[override]
        """Names of the kernels: cosines, sines or both."""
        return {"real": ("real_kernel",), "imag": ("imag_kernel",)}.get(self.mode, ("real_kernel", "imag_kernel"))

    @property
    def _frequency_count(self) -> int:
        """Number of frequencies of the transform."""
        return (self.fft_length or 2 ** math.ceil(math.log2(self.frame_length))) // 2 + 1

    def compute_output_shape(self, shape: Shape) -> Shape:
        times, frequencies = self._count_frames(shape), self._frequency_count * (2 if self.mode == "stft" else 1)
        return (times, frequencies, shape[-1]) if self.expand_dims else (times, frequencies * shape[-1])

    def _count_frames(self, shape: Shape) -> int:
        """Return the number of frames of a sound.

        Raises:
            LayerShapeError: the frame does not fit the shape, or the other arguments.
        """
        check_image_shape(self.type, shape, 1)
        step = self.frame_step or self.frame_length // 2
        if step > self.frame_length:
            raise LayerShapeError(
                f"frame_step {step} of {self.type} skips inputs between frames of {self.frame_length}: use at most "
                f"frame_step {self.frame_length}"
            )
        if self.fft_length is not None and self.fft_length < self.frame_length:
            raise LayerShapeError(
                f"fft_length {self.fft_length} of {self.type} is shorter than frame_length {self.frame_length}: "
                "remove fft_length"
            )
        return count_window_positions(self.type, shape, (self.frame_length,), (step,), self.padding)[0]

    def list_weights(self, shape: Shape) -> tuple[WeightSpec, ...]:
        return tuple(WeightSpec(name, (self.frame_length, 1, self._frequency_count)) for name in self.kernel_names)

    def count_multiply_adds(self, shape: Shape) -> int:
        return self._count_frames(shape) * shape[-1] * sum(weight.size for weight in self.list_weights(shape))
