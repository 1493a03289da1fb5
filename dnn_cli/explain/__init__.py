"""Why a run trained as it did: what its curves and its layers show, and what to try next."""
