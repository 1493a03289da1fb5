"""A table of house prices whose columns have very different scales."""

import numpy as np


def write_houses_csv(directory, rows=80):
    """Write areas, years, incomes and row numbers without scaling, and a price that depends on two columns."""
    rng = np.random.default_rng(1)
    area, year, income = rng.uniform(20, 300, rows), rng.integers(1900, 2021, rows), rng.uniform(1e4, 2e5, rows)
    numbered = enumerate(zip(area, year, income, strict=True))
    lines = [f"{n},{a:.0f},{y},{i:.0f},{a / 100 + i / 1e5:.2f}" for n, (a, y, i) in numbered]
    (directory / "houses.csv").write_text("\n".join(["Unnamed: 0,area,year,income,price", *lines]) + "\n")
