"""The experiment language: validated, frozen values with Keras's names.

Only the method `build_keras_object` imports Keras.
"""
