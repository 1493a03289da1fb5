"""Rules for names: letters of all scripts, and only characters that are safe for Keras, paths and terminals."""

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from dnn_cli.host.control_characters import is_control_character


def check_name(text: str) -> str:
    """Check a name and return it in Unicode normal form C.

    Control characters are refused, because a terminal would interpret them as commands.

    Raises:
        PydanticCustomError: the name has only whitespace, or has control or formatting characters.
    """
    if not text.strip():
        raise PydanticCustomError("blank_name", "a name needs at least one visible character")
    if any(map(is_control_character, text)):
        raise PydanticCustomError("control_character", "a name must not contain control or formatting characters")
    return unicodedata.normalize("NFC", text)


def check_no_slash(text: str) -> str:
    """Check that a name has no slash and return it. Keras refuses a slash in names of layers and models.

    Raises:
        PydanticCustomError: the name has a slash.
    """
    if "/" in text:
        raise PydanticCustomError("slash_in_name", "Keras does not accept / in a name: use _ or -")
    return text


Name = Annotated[str, Field(max_length=100), AfterValidator(check_name)]
KerasName = Annotated[Name, AfterValidator(check_no_slash)]


def make_slug(name: str) -> str:
    """Return a name as part of a file name, of 1 to 60 bytes.

    The result has only letters and digits of any script, `_`, `.`, `+` and `-`. It is `run` if the name has no such
    characters.
    """
    words = re.sub(r"[^\w.+-]+", "-", name).strip("-.")
    return words.encode()[:60].decode(errors="ignore").strip("-.") or "run"
