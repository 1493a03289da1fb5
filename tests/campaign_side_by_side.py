"""Many `dnn train` started in one moment on one runs directory: as many runs, none mixed.

python -m tests.campaign_side_by_side [PROGRAMS]
"""

import sys
import tempfile
import time
from pathlib import Path

from dnn_cli.config.loading import load_resolved_experiment
from dnn_cli.runs.store import Store
from tests.conftest import DIGITS_YAML
from tests.helpers import forked_cli

if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place) / "a path with spaces" / "실험"
        directory.mkdir(parents=True)
        (directory / "digits.yaml").write_text(DIGITS_YAML, encoding="utf-8")
        started = time.monotonic()
        programs = [
            forked_cli.start_command(directory, "train", "digits.yaml", f"seed={seed}", "epochs=1")
            for seed in range(count)
        ]
        for program in programs:
            program.join()
        store = Store(directory / "runs")
        runs = store.list_runs()
        assert [program.exitcode for program in programs] == [0] * count, (directory / "log").read_text()[-2000:]
        seeds = [load_resolved_experiment(str(run_info.run.config)).seed for run_info in runs]
        assert sorted(seeds) == list(range(count))
        assert len({run_info.record.id for run_info in runs}) == count
        assert {run_info.record.process.pid for run_info in runs} == {program.pid for program in programs}
        assert len({run_info.record.results.weights for run_info in runs}) == count
        assert all(len(run_info.run.read_metrics()) == 1 for run_info in runs)
        assert not [path for path in store.root.iterdir() if path.name.startswith(".")]
        print(f"{count} programs at once in {time.monotonic() - started:.0f} s: {len(runs)} runs, none mixed")
