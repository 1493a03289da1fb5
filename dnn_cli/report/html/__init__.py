"""A comparison and its runs as one HTML file that needs nothing else."""
