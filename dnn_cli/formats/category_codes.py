"""Codes of categories in typed columns, which each file numbers by itself."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from dnn_cli.formats.dataset_contents import ExampleArrays


def unify_category_codes(parts: Sequence[ExampleArrays]) -> list[ExampleArrays]:
    """Return the typed columns of several splits with the same codes for the same categories."""
    joined = tuple(
        tuple(dict.fromkeys(name for part in parts for name in part.categories[at]))
        for at in range(len(parts[0].categories))
    )
    numbers = [{name: number for number, name in enumerate(names)} for names in joined]
    renumbered = []
    for part in parts:
        values = part.inputs.copy()
        for at, names in enumerate(part.categories):
            if names:
                codes = np.array([numbers[at][name] for name in names], np.float64)
                is_present = ~np.isnan(values[:, at])
                values[is_present, at] = codes[values[is_present, at].astype(np.int64)]
        renumbered.append(replace(part, inputs=values, categories=joined))
    return renumbered
