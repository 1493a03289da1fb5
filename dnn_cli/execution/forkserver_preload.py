"""Settings of the fork server, the process from which workers are forked.

The fork server imports this module before it forks the first worker.
"""

import gc
import signal

# A batch system sends these signals to every process. The death of the fork server would end all workers. The server
# ends with its parent.
for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGUSR1):
    signal.signal(number, signal.SIG_IGN)

# The garbage collector of a worker leaves the objects of the fork server alone, so that their memory stays shared.
gc.freeze()
