"""Run directories and their records, checkpoints and index. The index only caches the files of runs."""
