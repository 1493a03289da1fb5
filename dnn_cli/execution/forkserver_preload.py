"""Imported by the process from which workers are forked, so that TensorFlow is imported once for all of them."""

import gc
import signal

# A batch system sends these to every process, and the death of this one would end all workers. It ends with its parent.
for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGUSR1):
    signal.signal(number, signal.SIG_IGN)

gc.freeze()
