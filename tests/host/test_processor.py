import pytest

from dnn_cli.host import processor


@pytest.mark.parametrize(
    ("cores", "lines", "text"),
    [
        (8, ["model name\t: Intel(R) Xeon(R) CPU E5-2673 v4 @ 2.30GHz"], "8 cores of Intel Xeon E5-2673 v4"),
        (1, ["model name\t: AMD EPYC 7763 64-Core Processor"], "1 core of AMD EPYC 7763"),
        (2, ["cpu family\t: 25", "model\t\t: 1", "model name\t: AMD EPYC"], "2 cores of AMD EPYC (family 25, model 1)"),
        (4, [], "4 cores of an unknown processor"),
    ],
    ids=["Intel", "AMD", "a virtual machine", "nothing told"],
)
def test_the_processor_in_a_few_words(monkeypatch, tmp_path, cores, lines, text):
    (tmp_path / "cpuinfo").write_text("\n".join(["processor\t: 0", *lines]))
    monkeypatch.setattr(processor, "Path", lambda _: tmp_path / "cpuinfo")
    monkeypatch.setattr(processor, "available_cores", lambda: cores)
    assert processor.processor_text() == text
