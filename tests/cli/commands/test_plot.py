"""`dnn plot` as it is typed."""

from xml.etree import ElementTree

import pytest

from tests.helpers.cli_output import parse_json_output

HOSTILE = "패션 <script>\x1b[2J"


@pytest.fixture
def runs(make_run):
    """Two optimizers of two seeds each; the latest is adam's second."""
    for number, (optimizer, seed, last) in enumerate(
        [("sgd", 1, 0.6), ("sgd", 2, 0.7), ("adam", 1, 0.8), ("adam", 2, 0.9)], 1
    ):
        make_run(
            f"optimizer={optimizer}", f"seed={seed}", curve=(0.3, 0.5, last), digits=f"{number:08x}",
            stamp=f"20260101-00000{number}",
        )  # fmt: skip


def test_the_latest_run_is_drawn_in_plain_characters(dnn, runs):
    done = dnn("plot")
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    assert done.stdout.startswith("loss   ── validation  ╌╌ training\n")
    assert "accuracy   ── validation" in done.stdout
    assert done.stdout.splitlines()[-1] == "digits"
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_runs_are_named_by_differing_settings(dnn, runs):
    done = dnn("plot", "00000001", "00000004", "--width", "44", "--height", "9", "--metric", "loss")
    assert done.stdout.splitlines()[9:] == ["a sgd   b adam"]
    assert max(map(len, done.stdout.splitlines())) <= 44


def test_seeds_share_a_curve_unless_each_run_is_drawn(dnn, runs):
    grouped = dnn("plot", "--where", "name = digits")
    assert "a sgd   b adam" in grouped.stdout.splitlines()
    assert "runs that differ only in seed or fold are drawn as their mean" in grouped.stderr
    assert "d seed 2, optimizer adam" in dnn("plot", "--where", "name = digits", "--runs").stdout


def test_ascii_output_has_ascii_curves(dnn, runs):
    done = dnn("plot", PYTHONIOENCODING="ascii")
    assert done.stdout.isascii()
    assert "?" not in done.stdout
    assert "*****" in done.stdout


def test_diverged_run_is_drawn_up_to_its_end(dnn, make_run):
    make_run(status="diverged", reason="no number", curve=(0.5, 0.6))
    done = dnn("plot")
    assert done.returncode == 0
    assert "digits 00000001 diverged after 2 epochs" in done.stderr


def test_json_has_the_metrics(dnn, runs):
    result = parse_json_output(dnn("plot", "--where", "seed = 1", "--json"))
    assert [run["id"] for run in result["runs"]] == ["00000001", "00000003"]
    assert result["runs"][1]["metrics"]["val_accuracy"] == [0.3, 0.5, 0.8]
    assert result["runs"][1]["metrics"]["epoch"] == [1, 2, 3]


def test_picture_with_hostile_run_name_is_safe(dnn, tmp_path, make_run):
    make_run(name=HOSTILE)
    make_run("optimizer=sgd", "layers.hidden.units=8", "epochs=3", "batch_size=8", digits="00000002", name="other")
    done = dnn("plot", "00000001", "00000002", "-o", "a.svg", "-o", "a.png")
    assert (done.returncode, done.stdout) == (0, "a.svg\na.png\n")
    root = ElementTree.parse(tmp_path / "a.svg").getroot()
    assert not [element for element in root.iter() if element.tag.endswith("script")]
    assert any("<script>" in (element.text or "") for element in root.iter())
    assert "\x1b" not in (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert "\x1b" not in done.stderr


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        pytest.param(["-o", "a.gif"], "a.gif does not end in .svg, .png, .pdf", "for example: a.svg", id="gif"),
        pytest.param(["-o", "a"], "a does not end in .svg, .png, .pdf", "for example: a.svg", id="no suffix"),
        pytest.param(["-o", "a.html"], "a.html does not end in", "dnn report writes HTML", id="html"),
        pytest.param(["-o", "runs"], "runs is a directory", "for example runs/curves.svg", id="directory"),
        pytest.param(["-o", "no/a.svg"], "no does not exist", "create the directory", id="no directory"),
        pytest.param(["--metric", "acuracy"], "no run has the metric acuracy", "did you mean accuracy?", id="metric"),
        pytest.param(["--where", "epochs > 9"], "no run in runs fulfils the condition", "dnn runs", id="condition"),
        pytest.param(["ffff"], "no run ffff", "use an id, the beginning of an id", id="run"),
        pytest.param(["--width", "3"], "--width", "dnn plot --help", id="width"),
    ],
)
def test_bad_options_are_refused(dnn, runs, tmp_path, words, message, hint):
    before = sorted(tmp_path.iterdir())
    done = dnn("plot", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert hint in done.stderr
    assert sorted(tmp_path.iterdir()) == before


def test_a_picture_is_not_written_through_a_link(dnn, runs, tmp_path):
    (tmp_path / "mine.svg").write_text("mine")
    (tmp_path / "link.svg").symlink_to("mine.svg")
    assert dnn("plot", "-o", "link.svg").returncode == 2
    assert dnn("plot", "-o", "link.svg", "--force").returncode == 0
    assert (tmp_path / "mine.svg").read_text() == "mine"
    assert (tmp_path / "link.svg").read_text().startswith("<svg")


def test_existing_file_is_replaced_only_when_forced(dnn, runs, tmp_path):
    (tmp_path / "thesis.pdf").write_text("mine")
    refused = dnn("plot", "-o", "thesis.pdf")
    assert (refused.returncode, refused.stderr) == (
        2, "dnn: thesis.pdf already exists\n  use --force to replace it, or choose another path with -o\n",
    )  # fmt: skip
    assert (tmp_path / "thesis.pdf").read_text() == "mine"


def test_empty_runs_directory_is_an_error(dnn):
    done = dnn("plot")
    assert (done.returncode, done.stdout) == (2, "")
    assert "runs contains no runs" in done.stderr


def test_by_draws_group_means_and_prints_them_as_json(dnn, make_run, tmp_path):
    for number, (optimizer, seed) in enumerate([("adam", 1), ("adam", 2), ("sgd", 1), ("sgd", 2)], 1):
        make_run(f"optimizer={optimizer}", f"seed={seed}", curve=(0.5, 0.6 + number / 100), digits=f"{number:08x}")
    output = dnn("plot", "--by", "optimizer.type").stdout
    assert "a adam (2 runs)   b sgd (2 runs)" in output
    assert "dotted: from the lowest to the highest run" in " ".join(output.split())
    result = parse_json_output(dnn("plot", "--by", "optimizer.type", "--metric", "val_accuracy", "--json"))
    assert len(result["runs"]) == 4
    adam = next(group for group in result["groups"] if group["name"] == "adam (2 runs)")
    assert (adam["metric"], adam["runs"], adam["x"]) == ("val_accuracy", 2, [1, 2])
    assert adam["mean"] == pytest.approx([0.5, 0.615])
    assert (adam["low"], adam["high"]) == ([0.5, 0.61], [0.5, 0.62])
    assert dnn("plot", "--by", "optimizer.type", "-o", "by.svg").stdout == "by.svg\n"
    assert "adam (2 runs)" in (tmp_path / "by.svg").read_text()
    refused = dnn("plot", "--by", "seed", "--runs")
    assert refused.returncode == 2 and "use --by for mean curves" in refused.stderr


@pytest.fixture
def rates(make_run):
    """Three learning rates of two optimizers, one of which diverges at the largest rate."""
    number = 0
    for optimizer, best in (("sgd", 0.9), ("adam", 0.8)):
        for rate, score in ((0.001, 0.6), (0.01, best), (1.0, 0.3)):
            number += 1
            status = "diverged" if (optimizer, rate) == ("adam", 1.0) else "completed"
            make_run(f"optimizer={optimizer}", f"lr={rate}", curve=(0.2, score), digits=f"{number:08x}", status=status)


@pytest.mark.parametrize("width", [80, 140])
def test_scores_are_drawn_over_a_key(dnn, rates, width):
    done = dnn("plot", "--axis", "lr", "--width", str(width))
    lines = done.stdout.splitlines()
    assert (done.returncode, lines[0]) == (0, "val_accuracy")
    assert max(map(len, lines)) <= width
    assert "optimizer.learning_rate (log)" in done.stdout
    assert "a sgd (3 runs)   b adam (3 runs, 1 diverged)" in lines
    assert [line.split()[-1] for line in lines if line.startswith("  ×┤")] == ["b"]
    assert "best val_accuracy: 0.9000 at optimizer.learning_rate 0.01 (sgd)" in lines


def test_axis_plot_without_unicode_is_ascii(dnn, rates):
    done = dnn("plot", "--axis", "lr", PYTHONIOENCODING="ascii")
    assert done.stdout.isascii()
    assert "x: runs without a score, because they diverged or failed" in done.stdout


def test_failures_of_a_loss_are_at_the_top(dnn, rates):
    lines = dnn("plot", "--axis", "lr", "--metric", "loss").stdout.splitlines()
    assert lines[0] == "loss"
    assert lines[1].lstrip().startswith("×┤")


def test_json_of_an_axis_plot_has_each_run(dnn, rates):
    (axis,) = parse_json_output(dnn("plot", "--axis", "lr", "--at", "epoch=1", "--json"))["axes"]
    assert (axis["axis"], axis["at"]) == ("optimizer.learning_rate", "epoch=1")
    assert [run["score"] for run in axis["series"][1]["runs"]] == [0.2, 0.2, None]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--at", "best"], "--at needs --axis"),
        (["--axis", "lr", "--runs"], "--axis and --runs cannot be combined"),
        (["--axis", "lr", "--x", "steps"], "--axis and --x cannot be combined"),
        (["--axis", "lr,batch_size"], "each --axis accepts one key"),
        (["--axis", "layers.hidden.unit"], "did you mean layers.hidden.units?"),
    ],
)
def test_wrong_options_of_an_axis_plot_are_refused(dnn, rates, options, message):
    done = dnn("plot", *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 2


def test_axis_picture_with_hostile_category_is_safe(dnn, tmp_path, make_run):
    for number, name in enumerate((HOSTILE, '"]; alert(1) //'), 1):
        make_run(f"batch_size={number}", name=name, digits=f"{number:08x}")
    done = dnn("plot", "--axis", "name", "--axis", "batch_size", "-o", "a.svg", "-o", "a.pdf")
    assert (done.returncode, done.stdout) == (0, "a.svg\na.pdf\n")
    root = ElementTree.parse(tmp_path / "a.svg").getroot()
    assert not [element for element in root.iter() if element.tag.endswith("script")]
    texts = [element.text or "" for element in root.iter()]
    assert any("<script>" in text for text in texts)
    assert '"]; alert(1) //' in texts
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
