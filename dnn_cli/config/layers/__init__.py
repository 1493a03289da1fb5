"""Layers of Keras: one class each, with Keras's arguments, the output shape and the weights.

To add a layer, write a class in the module of its family. The traits in `BaseLayer` say how a layer differs from other
layers. All shapes are shapes of one example, without the batch axis.
"""
