"""Comparisons of completed runs: scores, groups, verdicts and caveats."""
