import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from dnn_cli.config.identifiers import KerasName, Name, make_slug


@pytest.mark.parametrize("name", ["패션 MNIST 모델", "a/b", "[/red]", "-x", "شبکه‌ها", "👩‍🔬"])
def test_name_in_any_script_is_accepted(name):
    assert TypeAdapter(Name).validate_python(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "  ", "a\x1b[31m", "a\nb", "a\u202eb", "x" * 101],
    ids=["empty", "blank", "escape", "line", "bidi", "long"],
)
def test_invalid_name_is_refused(name):
    with pytest.raises(ValidationError):
        TypeAdapter(Name).validate_python(name)


def test_slash_in_keras_name_is_refused():
    with pytest.raises(ValidationError, match="Keras does not accept /"):
        TypeAdapter(KerasName).validate_python("a/b")


@given(st.text())
def test_slug_is_one_path_component(name):
    result = make_slug(name)
    assert 0 < len(result.encode()) <= 60
    assert "/" not in result
    assert "\0" not in result
    assert not result.startswith(("-", "."))


@pytest.mark.parametrize(
    ("name", "slug"), [("../../etc", "etc"), ("패션 모델", "패션-모델"), ("///", "run"), ("a b", "a-b")], ids=str
)
def test_slug_of_name(name, slug):
    assert make_slug(name) == slug
