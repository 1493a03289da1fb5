"""Pause of the garbage collector in a fork server, until `forked_preload` has imported the last module."""

import gc

gc.disable()
