"""From experiments to runs: one here, or many on all cores or a cluster."""
