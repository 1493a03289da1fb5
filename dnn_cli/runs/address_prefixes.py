"""Prefixes of run addresses. This module imports nothing, so that help and completions of commands start fast."""

ADDRESS_PREFIXES = ("@", "name:", "id:", "best:", "sweep:", "study:")
"""Prefixes of run addresses that are not plain names. A run address is a text that selects runs: see `address.py`."""

GROUP_PREFIXES = ("sweep:", "study:")
"""Prefixes of addresses that name the runs of a sweep or study."""
