"""The config language: validated, immutable values that describe an experiment with Keras's names.

Only the method `build_keras_object` imports Keras.
"""
