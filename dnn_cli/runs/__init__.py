"""Run directories: plain files that are the only truth about what was trained."""
