import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from dnn_cli.spec.names import KerasName, Name, slug


@pytest.mark.parametrize("name", ["패션 MNIST 모델", "a/b", "[/red]", "-x", "شبکه‌ها", "👩‍🔬"])
def test_any_script_is_a_name(name):
    assert TypeAdapter(Name).validate_python(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "  ", "a\x1b[31m", "a\nb", "a\u202eb", "x" * 101],
    ids=["empty", "blank", "escape", "line", "bidi", "long"],
)
def test_what_would_steer_a_terminal_is_no_name(name):
    with pytest.raises(ValidationError):
        TypeAdapter(Name).validate_python(name)


def test_keras_takes_no_slash():
    with pytest.raises(ValidationError, match="Keras takes no /"):
        TypeAdapter(KerasName).validate_python("a/b")


@given(st.text())
def test_a_slug_is_one_plain_step_of_a_path(name):
    made = slug(name)
    assert 0 < len(made.encode()) <= 60
    assert "/" not in made
    assert "\0" not in made
    assert not made.startswith(("-", "."))


@pytest.mark.parametrize(
    ("name", "made"), [("../../etc", "etc"), ("패션 모델", "패션-모델"), ("///", "run"), ("a b", "a-b")], ids=str
)
def test_slugs(name, made):
    assert slug(name) == made
