"""HTML report of a comparison and its runs, as one file without external resources."""
