"""Progress of trainings on the terminal, for commands and for the Python interface."""
