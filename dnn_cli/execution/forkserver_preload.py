"""Settings and imports of the fork server, the process from which workers are forked.

The fork server imports this module before it forks the first worker. The fork server imports TensorFlow and Keras, and
computes nothing: threads of TensorFlow and handles of a GPU would not survive a fork. After the imports, the only
further threads are those of OpenBLAS, which belongs to numpy. OpenBLAS ends its threads before each fork, and starts
them again when it computes.
"""

import faulthandler
import gc
import signal
import traceback

from dnn_cli.host.directories import redirect_libraries
from dnn_cli.host.process_kind import mark_own_process
from dnn_cli.host.stack_dump import STACK_SIGNAL
from dnn_cli.training.tensorflow_startup import import_training_modules

# A terminal or a batch system sends these signals to every process. The death of the fork server would end all workers.
# The server ends with its parent.
for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGUSR1):
    signal.signal(number, signal.SIG_IGN)

# The stacks of this process show what its imports wait for. Its standard error is a log.
faulthandler.register(STACK_SIGNAL, file=2, all_threads=True)

# Keras reads KERAS_HOME when it is imported.
redirect_libraries()

# The import then hides pandas, whose library pyarrow starts a thread, which would not survive a fork.
mark_own_process()

# After an error, a worker imports these modules again, and reports the error as the reason of its run.
try:
    import_training_modules()
except Exception:
    traceback.print_exc()

# The garbage collector of a worker leaves the objects of the fork server alone, so that their memory stays shared.
gc.freeze()
