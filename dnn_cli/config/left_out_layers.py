"""Layers of Keras that a config cannot contain, with the reason of each.

A config describes a stack of layers. Each layer takes one tensor of numbers and returns one tensor.
"""

_SEVERAL_INPUTS = "takes several inputs, and a layer of a stack has one"
_RNN_CELL = "is a part of a recurrent layer, and cannot be a layer of a stack: use SimpleRNN, LSTM or GRU"
_OTHER_PACKAGE = "needs another package"
_CATEGORIES = "encodes categories before the training: give the columns of a table the type category in data.columns"

LEFT_OUT_LAYERS: dict[str, str] = {
    "Layer": "is a base class without arithmetic",
    "Wrapper": "is a base class without arithmetic",
    "InputLayer": "is built from the data, which determines the input shape",
    "Lambda": "runs arbitrary code, which a saved model cannot load safely: write a class, type: module:Class",
    "Add": f"{_SEVERAL_INPUTS}: use {{residual: […]}}, which adds the output of layers to their input",
    **dict.fromkeys(
        (
            "Average",
            "Concatenate",
            "Dot",
            "Maximum",
            "Minimum",
            "Multiply",
            "Subtract",
            "Attention",
            "AdditiveAttention",
            "MultiHeadAttention",
            "GroupQueryAttention",
            "HashedCrossing",
        ),
        _SEVERAL_INPUTS,
    ),
    "RNN": "takes a cell, which is an object of Python: use SimpleRNN, LSTM or GRU",
    **dict.fromkeys(("SimpleRNNCell", "LSTMCell", "GRUCell", "StackedRNNCells"), _RNN_CELL),
    "ReversibleEmbedding": "is called a second time to return to whole numbers: use Embedding",
    "TextVectorization": "takes texts, and the inputs of a network are numbers",
    "StringLookup": "takes texts, and the inputs of a network are numbers",
    **dict.fromkeys(("CategoryEncoding", "IntegerLookup", "Hashing"), _CATEGORIES),
    "Discretization": "has no gradient, and learns its limits from data before the training",
    "Normalization": "learns mean and deviation from data before the training: use data.standardize",
    "AugMix": "chooses its changes only once, when the training begins: use RandAugment, which chooses in each step",
    "Equalization": "cannot be saved by Keras in a model: use ContrastLimitedAdaptiveHistogramEqualization",
    "RandomCrop": "gives images of another size in evaluation than in training: use RandomTranslation or RandomZoom",
    "MixUp": "changes the targets too, and a layer of a stack changes only its input",
    "CutMix": "changes the targets too, and a layer of a stack changes only its input",
    "MelSpectrogram": "limits each sound by the loudest sound of its batch: use STFTSpectrogram",
    "MaxNumBoundingBoxes": "takes bounding boxes, and the inputs of a network are numbers",
    "Pipeline": "is a list of layers: write the layers one after another",
    **dict.fromkeys(("TorchModuleWrapper", "FlaxLayer", "JaxLayer"), _OTHER_PACKAGE),
    "TFSMLayer": "runs the code of a SavedModel, which a saved model cannot load safely",
}
"""Reasons by the name of the layer in `keras.layers`. A reason completes the sentence `NAME …`."""
