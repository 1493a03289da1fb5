"""Draw the pictures of the documents: `python -m tests.docs.make_pictures`.

The script trains networks on Fashion-MNIST for one or two minutes. It draws terminals as SVG, and the report as PNG
with a headless Chromium. It needs pyte and selenium (in the extra `test`), chromium and chromedriver.
"""

import fcntl
import io
import os
import pty
import re
import shlex
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Sequence
from pathlib import Path

import pyte
from PIL import Image
from rich.console import Console
from rich.style import Style
from rich.text import Text
from selenium import webdriver

from tests.helpers.settings import ROOT

PICTURES = ROOT / "tests" / "docs" / "pictures"
COLUMNS, ROWS = 110, 200
PALETTE = 128
"""Number of colours of a PNG, which shows mostly text and lines."""

PREDICTIONS = """
[...document.querySelectorAll('.run.open h3')].find(head => head.textContent === 'Predictions')
  .scrollIntoView({behavior: 'instant'});
"""


def run_in_terminal(directory: Path, words: Sequence[str], *, until: str | None = None) -> list[Text]:
    """Run a command in a terminal; return its lines at the end, or when a text first appears."""
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.ByteStream(screen)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    environment.pop("NO_COLOR", None)
    command = [sys.executable, "-m", "dnn_cli", *words]
    process = subprocess.Popen(command, cwd=directory, env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    seen: list[Text] | None = None
    while chunk := read_terminal(ours):
        stream.feed(chunk)
        if until and seen is None and any(until in line for line in screen.display):
            seen = render_lines(screen)
    os.close(ours)
    if process.wait():
        sys.exit(f"dnn {' '.join(words)} ended with {process.returncode}:\n{os.linesep.join(screen.display).rstrip()}")
    return seen or render_lines(screen)


def read_terminal(descriptor: int) -> bytes:
    """Read the next output of a terminal; nothing when its last program has ended."""
    try:
        return os.read(descriptor, 65536)
    except OSError:
        return b""


def render_lines(screen: pyte.Screen) -> list[Text]:
    """Render the lines of a screen in their colours, without empty lines at the end."""
    last = max((at for at, line in enumerate(screen.display) if line.strip()), default=0)
    texts = []
    for at in range(last + 1):
        text = Text()
        for column in range(COLUMNS):
            char = screen.buffer[at][column]
            text.append(char.data, Style(color=to_rich_color(char.fg), bold=char.bold, reverse=char.reverse))
        text.rstrip()
        texts.append(text)
    return texts


def to_rich_color(name: str) -> str | None:
    """Convert a colour of pyte into a colour of rich."""
    if name == "default":
        return None
    return (
        f"#{name}"
        if re.fullmatch("[0-9a-f]{6}", name)
        else name.replace("brown", "yellow").replace("bright", "bright_")
    )


def draw_command(directory: Path, *words: str, until: str | None = None) -> None:
    """Draw a command and its output as SVG, without the web fonts of rich."""
    screen_lines = run_in_terminal(directory, words, until=until)
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), legacy_windows=False)
    console.print(Text("$ ").append(shlex.join(["dnn", *words]), "bold"))
    for line in screen_lines:
        console.print(line, no_wrap=True, crop=True)
    svg = console.export_svg(title=f"dnn {words[0]}", unique_id=words[0])
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    (PICTURES / f"{words[0]}.svg").write_text(svg, encoding="utf-8")


def photograph_report(report: Path) -> None:
    """Draw the report in a browser, light and dark."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or sys.exit("there is no chromium")
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(word)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        size = {"width": 1160, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        driver.get(report.as_uri())
        page = driver.find_element("css selector", ".run").get_attribute("id")
        for name, scheme, anchor in (
            ("report", "light", ""),
            ("report_dark", "dark", ""),
            ("run", "light", f"#{page}"),
        ):
            feature = {"name": "prefers-color-scheme", "value": scheme}
            driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
            driver.get("about:blank")
            driver.get(f"{report.as_uri()}{anchor}")
            if anchor:  # predictions instead of curves
                driver.execute_script(PREDICTIONS)
            image = Image.open(io.BytesIO(driver.get_screenshot_as_png())).convert("RGB")
            image.quantize(PALETTE, dither=Image.Dither.NONE).save(PICTURES / f"{name}.png", optimize=True)
    finally:
        driver.quit()


def main() -> None:
    """Train networks and draw all pictures."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="dnn-pictures-") as temporary:
        directory = Path(temporary)
        shutil.copytree(ROOT / "configs", directory / "configs")
        run_in_terminal(directory, ["sweep", "configs/relu_adam.yaml", "optimizer=adam,rmsprop,sgd", "seed=1..8"])
        draw_command(directory, "compare")
        draw_command(directory, "plot", "--where", "name = relu_adam", "--metric", "val_accuracy", "--height", "18")
        run_in_terminal(directory, ["report"])
        photograph_report(directory / "report.html")
        draw_command(directory, "train", "configs/relu_adam.yaml", until="epoch 4/5")
        run_in_terminal(directory, ["train", "configs/deep_sigmoid.yaml"])
        draw_command(directory, "explain", "deep_sigmoid")
    for path in sorted(PICTURES.iterdir()):
        print(f"{path.relative_to(ROOT)}  {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
