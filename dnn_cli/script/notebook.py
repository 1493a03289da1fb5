"""Scripts as Jupyter notebooks: the title of each part is a text, and its code a cell."""

import json
from typing import Any

from dnn_cli.script.script_parts import Script, format_part_code


def format_notebook(script: Script) -> str:
    """Return the text of a script as a notebook in the format 4.5 of Jupyter."""
    title, *paragraphs = script.format_introduction().split("\n\n")
    introduction = "\n\n".join([f"# {title}", *paragraphs])
    cells = [_build_text_cell(introduction, 0), _build_code_cell("\n".join(script.list_imports()), 1)]
    for part in script.parts:
        cells.append(_build_text_cell(f"## {part.title}", len(cells)))
        cells.append(_build_code_cell(format_part_code(part), len(cells)))
    notebook = {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"


def _build_text_cell(text: str, number: int) -> dict[str, Any]:
    """Build a cell with text in Markdown. The number makes the id of the cell unique."""
    return {"cell_type": "markdown", "id": f"cell-{number}", "metadata": {}, "source": text.splitlines(keepends=True)}


def _build_code_cell(code: str, number: int) -> dict[str, Any]:
    """Build a cell with code that has not been run. The number makes the id of the cell unique."""
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": f"cell-{number}",
        "metadata": {},
        "outputs": [],
        "source": code.splitlines(keepends=True),
    }
