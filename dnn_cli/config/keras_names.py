"""Keys and names of Keras and PyTorch that a config spells in another way, or does not have.

Suggestions are right when followed literally; `tests/config/test_suggestions.py` follows them.
"""

from dnn_cli.config.callbacks import CALLBACK_CLASSES, REMOVE_VERBOSE

REMOVE_INPUT_SHAPE = "remove it: the data determines the input shape"
_CROSSENTROPY_NAMES = "use sparse_categorical_crossentropy for several classes, or binary_crossentropy for two"
_SAVE_AS_NPZ = (
    "save it with numpy.savez('data.npz', x_train=…, y_train=…, x_test=…, y_test=…), "
    "then write dataset: npz and path: data.npz"
)
WRITE_LAYER_LIST = "write model: {layers: […]}"

_REMOVE_TERMINATE_ON_NAN = "remove it: every training ends as diverged at a loss that is not a finite number"

_WRITE_SCHEDULE = (
    "write a schedule as the learning rate, for example "
    "optimizer.learning_rate={type: Warmup, warmup_steps: 100, learning_rate: 0.1}"
)

KEY_SUGGESTIONS: dict[str, dict[str, str]] = {
    "": {
        "callbacks": f"write each callback as a key: {', '.join(sorted(CALLBACK_CLASSES))}",
        "compile": "write its arguments at the top level: optimizer, loss, metrics",
        "fit": "write its arguments at the top level: epochs, batch_size",
        "layers": "write layers below model:",
        "Sequential": WRITE_LAYER_LIST,
        **dict.fromkeys(("terminate_on_nan", "TerminateOnNaN"), _REMOVE_TERMINATE_ON_NAN),
        **dict.fromkeys(("learning_rate_scheduler", "LearningRateScheduler"), _WRITE_SCHEDULE),
        "shuffle": "remove it: the training examples are shuffled in every epoch",
        "verbose": REMOVE_VERBOSE,
    },
    "model": {
        "Sequential": "write layers instead",
        "class_name": "remove it: every model is a stack of layers, like Keras's Sequential",
        "type": "remove it: every model is a stack of layers, like Keras's Sequential",
    },
    "layer": {
        **dict.fromkeys(
            (
                "batch_input_shape",
                "batch_shape",
                "in_channels",
                "in_features",
                "input_dim",
                "input_length",
                "input_size",
                "num_features",
            ),
            REMOVE_INPUT_SHAPE,
        ),
        "batch_first": "remove it: the axes of a sequence are always (time steps, features)",
        "bidirectional": "put the layer into {type: Bidirectional, layer: …} instead",
        "num_layers": "remove it, and write the layer several times, with return_sequences: true in all but the last",
        "return_state": "remove it: a layer of a stack has one output",
        "stateful": "remove it: the state begins at 0 for every example",
    },
    **{key: cls.key_suggestions for key, cls in CALLBACK_CLASSES.items()},
}
"""Suggestions for keys of Keras, by the part of the config with the key (empty for the top level) and by key."""

RENAMED_KEYS = {
    "alpha": "negative_slope",
    "bias": "use_bias",
    "dilation": "dilation_rate",
    "embedding_dim": "output_dim",
    "eps": "epsilon",
    "hidden_size": "units",
    "init": "kernel_initializer",
    "jit_compile": "jit",
    "layers": "residual",
    "lr": "learning_rate",
    "num_embeddings": "input_dim",
    "num_filters": "filters",
    "out_channels": "filters",
    "out_features": "units",
    "p": "rate",
    "random_state": "seed",
    "stride": "strides",
    "theta": "threshold",
    "validation_split": "validation_size",
    "vocab_size": "input_dim",
}
"""Keys of `dnn`, by the name of the same setting in Keras, PyTorch or scikit-learn."""

NAME_SUGGESTIONS: dict[str, dict[str, str]] = {
    "layer": {
        "Input": REMOVE_INPUT_SHAPE,
        "InputLayer": REMOVE_INPUT_SHAPE,
        **dict.fromkeys(("BatchNorm1d", "BatchNorm2d", "BatchNorm3d"), "did you mean BatchNormalization?"),
        "CuDNNGRU": "did you mean GRU?",
        "CuDNNLSTM": "did you mean LSTM?",
        "Linear": "did you mean Dense?",
        "ThresholdedReLU": "write {type: ReLU, threshold: 1.0}, with theta as the threshold",
        "repeat": "write {repeat: 2, layers: […]}",
        "Normalization": "remove it, and write standardize: true below data:",
    },
    "activation": {"lrelu": "did you mean leaky_relu?"},
    "loss": {
        "cce": "did you mean categorical_crossentropy?",
        "scce": "did you mean sparse_categorical_crossentropy?",
        **dict.fromkeys(("crossentropy", "cross_entropy", "ce"), _CROSSENTROPY_NAMES),
    },
    "initializer": {
        "kaiming": "use he_normal or he_uniform",
        "kaiming_normal": "did you mean he_normal?",
        "kaiming_uniform": "did you mean he_uniform?",
        "xavier": "use glorot_uniform or glorot_normal",
        "xavier_normal": "did you mean glorot_normal?",
        "xavier_uniform": "did you mean glorot_uniform?",
    },
    "dataset": dict.fromkeys(("cifar10", "cifar100", "california_housing", "boston_housing"), _SAVE_AS_NPZ),
}
"""Suggestions for names of Keras that a config does not accept, by kind (layer, loss and so on) and by name."""
