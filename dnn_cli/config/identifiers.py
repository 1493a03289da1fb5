"""Rules for names: any script, but nothing that breaks Keras, a path or a terminal."""

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError


def check_name(text: str) -> str:
    """Refuse control characters, which could steer a terminal, and text that is only space."""
    if not text.strip():
        raise PydanticCustomError("blank_name", "a name needs at least one visible character")
    joiners = "\u200c\u200d"  # some scripts and emoji need them
    if any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") and c not in joiners for c in text):
        raise PydanticCustomError("control_character", "a name may not hold control or formatting characters")
    return unicodedata.normalize("NFC", text)


def check_no_slash(text: str) -> str:
    """Refuse what Keras refuses in the name of a layer or model."""
    if "/" in text:
        raise PydanticCustomError("slash_in_name", "Keras takes no / in a name: use _ or -")
    return text


ADDRESS_PREFIXES = ("@", "name:", "id:", "best:", "sweep:")
"""The beginnings of run addresses that are not names: see `runs.address`."""

Name = Annotated[str, Field(max_length=100), AfterValidator(check_name)]
KerasName = Annotated[Name, AfterValidator(check_no_slash)]


def make_slug(name: str) -> str:
    """A name as part of a file name: letters and digits of any script, at most 60 bytes, never empty."""
    words = re.sub(r"[^\w.+-]+", "-", name).strip("-.")
    return words.encode()[:60].decode(errors="ignore").strip("-.") or "run"
