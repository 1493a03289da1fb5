from dnn_cli.execution.reporters import Reporter


class ListReporter(Reporter):
    """A reporter that keeps the printed lines."""

    def __init__(self):
        super().__init__()
        self.printed = []

    def print_line(self, line):
        self.printed.append(line)


def test_equal_lines_of_a_config_are_printed_once_and_logged_for_each_run(tmp_path):
    reporter = ListReporter()
    for name, config in (("1", "a.yaml"), ("2", "a.yaml"), ("3", "b.yaml")):
        reporter.begin_run()
        reporter.report_line("data: a gap", config=config)
        reporter.report_line("epoch 1")
        reporter.open_log(tmp_path / name)
    assert reporter.printed == ["data: a gap", "epoch 1", "epoch 1", "data: a gap", "epoch 1"]
    assert [(tmp_path / name).read_text() for name in "123"] == ["data: a gap\nepoch 1\n"] * 3
