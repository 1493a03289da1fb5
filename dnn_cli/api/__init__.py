"""Python interface, for notebooks and programs: configs, runs, comparisons, sweeps and reports.

`dnn_cli` itself has the functions. They import this package only when they are called.
"""
