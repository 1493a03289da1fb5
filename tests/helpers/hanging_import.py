"""An import of TensorFlow that does not end, as on an unavailable file system."""

import os
from pathlib import Path

from tests.helpers.settings import ROOT


def write_hanging_tensorflow(directory: Path) -> dict[str, str]:
    """Write a package whose import takes ten minutes, and return the environment of programs that import it.

    The import writes the file `import-started` into the working directory.
    """
    package = directory / "packages" / "tensorflow"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("import time\nopen('import-started', 'x').close()\ntime.sleep(600)\n")
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("DNN_", "COV_"))}
    return {**outside, "PYTHONPATH": f"{package.parent}:{ROOT}", "XDG_CACHE_HOME": str(directory / "cache")}
