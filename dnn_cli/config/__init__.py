"""The experiment language: validated, frozen values under Keras's names, which import Keras only in `build` methods."""
