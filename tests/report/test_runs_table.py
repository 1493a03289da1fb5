import pytest

from dnn_cli.report.runs_table import format_epoch_header, format_epoch_line, list_fitting_scores

TRAINING = {"epoch": 3, "loss": 0.5, "accuracy": 0.75, "auc": 0.9, "recall": 0.8, "learning_rate": 0.001}
ROW = {**TRAINING, "val_loss": 0.6, "val_accuracy": 0.7, "val_auc": 0.85, "val_recall": 0.7, "seconds": 1.5}


@pytest.mark.parametrize(
    ("width", "names"),
    [
        (200, "loss accuracy auc recall val_loss val_accuracy val_auc val_recall"),
        (95, "loss accuracy auc val_loss val_accuracy val_auc val_recall"),
        (90, "loss accuracy val_loss val_accuracy val_auc val_recall"),
        (80, "loss accuracy val_loss val_accuracy val_auc"),
        (61, "loss accuracy val_loss val_accuracy"),
        (60, "loss val_loss val_accuracy"),
        (40, "val_loss val_accuracy"),
        (10, "val_loss val_accuracy"),
    ],
    ids=lambda value: str(value) if isinstance(value, int) else "",
)
def test_epoch_line_leaves_out_scores_to_fit(width, names):
    fitting = list_fitting_scores(ROW, width)
    assert fitting == names.split()
    assert len(format_epoch_line(ROW, fitting, 99)) == len(format_epoch_header(fitting))


def test_loss_and_first_metric_stay_without_validation():
    assert list_fitting_scores({**TRAINING, "seconds": 1.0}, 10) == ["loss", "accuracy"]
