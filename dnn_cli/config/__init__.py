"""What an experiment is: validated, frozen values that know Keras's names but never import it early."""
