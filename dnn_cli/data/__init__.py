"""Where the examples come from, how they are divided, and how they are fed to Keras."""
