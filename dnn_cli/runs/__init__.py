"""Run directories and their records, checkpoints and index. The plain files of a run are the only source of truth."""
