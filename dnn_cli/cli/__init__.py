"""The command line: a file a verb, each a thin skin over the functions that do the work."""
