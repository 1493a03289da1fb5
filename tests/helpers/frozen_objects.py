"""Import that hides all present objects from the garbage collector: the last import of the fork server of the tests.

Otherwise each collection of a forked command walks the objects of TensorFlow, and copies their memory.
"""

import gc

gc.freeze()
