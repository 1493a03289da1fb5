"""Reports of runs that are made without training."""

import numpy as np

from dnn_cli.compare.dataset_comparison import compare_by_dataset
from dnn_cli.config.data import Data
from dnn_cli.data.examples import load_examples
from dnn_cli.report.html.page import build_report_page
from dnn_cli.report.html.report_file import render_report
from dnn_cli.runs.store import Store

DIGITS = Data(dataset="digits")


def predict(run, wrong=3, confidence=0.9):
    """Give a run predictions on the first 40 digits, the first few of which are wrong by one class."""
    labels = load_examples(DIGITS).targets[:40]
    predicted = labels.astype(int)
    predicted[:wrong] = (predicted[:wrong] + 1) % 10
    outputs = np.full((40, 10), (1 - confidence) / 9, np.float32)
    outputs[np.arange(40), predicted] = confidence + np.linspace(0.05, 0, 40)
    np.savez(run.predictions, outputs=outputs, labels=labels, indices=np.arange(40))
    return run


def build_page(root, **options):
    """Build the report page of all runs of a directory."""
    store = Store(root)
    return build_report_page(compare_by_dataset(store.with_details(store.list_runs()), **options), ["dnn", "report"])


def write_report(root, path, pictures=None, absent=None, **options):
    """Write the report of all runs of a directory, and return its text."""
    text = render_report(build_page(root, **options), pictures or {}, absent or {})
    path.write_text(text, encoding="utf-8")
    return text
