"""Many `dnn train` started in one moment on one runs directory: as many runs, none mixed.

python -m tests.campaign_side_by_side [PROGRAMS]
"""

import sys
import tempfile
import time
from pathlib import Path

from dnn_cli.runs.store import Store
from dnn_cli.spec.load import load_resolved
from tests import forked
from tests.conftest import DIGITS

if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "a path with spaces" / "실험"
        folder.mkdir(parents=True)
        (folder / "digits.yaml").write_text(DIGITS, encoding="utf-8")
        begun = time.monotonic()
        programs = [forked.start(folder, "train", "digits.yaml", f"seed={seed}", "epochs=1") for seed in range(count)]
        for program in programs:
            program.join()
        store = Store(folder / "runs")
        entries = store.entries()
        assert [program.exitcode for program in programs] == [0] * count, (folder / "log").read_text()[-2000:]
        assert sorted(load_resolved(str(entry.run.config)).seed for entry in entries) == list(range(count))
        assert len({entry.record.id for entry in entries}) == count
        assert {entry.record.process.pid for entry in entries} == {program.pid for program in programs}
        assert len({entry.record.results.weights for entry in entries}) == count
        assert all(len(entry.run.read_metrics()) == 1 for entry in entries)
        assert not [path for path in store.root.iterdir() if path.name.startswith(".")]
        print(f"{count} programs at once in {time.monotonic() - begun:.0f} s: {len(entries)} runs, none mixed")
