"""The HTML report in a real browser: Debian's Chromium, without a screen and without a network."""

import shutil

import pytest

from tests.helpers.reports import predict, write_report
from tests.helpers.study_reports import add_judged_study, build_judged_plan, render
from tests.helpers.untrained_studies import RATES

selenium = pytest.importorskip("selenium", reason="selenium drives the browser")
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="there is no chromium with chromedriver: apt-get install chromium-driver"
)

HOSTILE = "<img src=x onerror=hacked=1><script>hacked=1</script>"
OPEN_RUNS_SCRIPT = "return [...document.querySelectorAll('.run')].filter(run => run.offsetParent).map(run => run.id)"
COUNT_CURVES_SCRIPT = """
return [...document.querySelectorAll('#curves .m0 polyline')]
  .filter(line => getComputedStyle(line).display !== 'none').length
"""
RUN_NAMES_SCRIPT = """
return [...document.querySelectorAll('#all tbody tr')].filter(row => !row.hidden).map(row => row.cells[0].textContent)
"""


def start_browser(*, scripts=True):
    """A browser."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(word)
    if not scripts:
        options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))


@pytest.fixture(scope="module")
def chromium():
    driver = start_browser()
    yield driver
    driver.quit()


def open_page(browser, path, *, width=1400, scheme="light", anchor=""):
    """Open a file in a window of a width."""
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [
        {"name": "prefers-color-scheme", "value": scheme},
        {"name": "prefers-reduced-motion", "value": "reduce"},
    ]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.get("about:blank")  # or another anchor would be no other page
    for log in ("browser", "performance"):
        browser.get_log(log)
    browser.get(f"{path.as_uri()}{anchor}")


@pytest.fixture(scope="module")
def report_path(tmp_path_factory):
    return tmp_path_factory.mktemp("report") / "report.html"


@pytest.fixture
def report(report_path, request, tmp_path):
    """Write once a report of two groups of two seeds, and of two single runs, one with a hostile name."""
    if report_path.exists():
        return report_path
    scored_runs = request.getfixturevalue("scored_runs")
    for run in scored_runs.add("adam", [0.9, 0.92]) + scored_runs.add("sgd", [0.5, 0.52], "optimizer=sgd"):
        predict(run)
    scored_runs.add(HOSTILE, [0.7], "epochs=9")
    scored_runs.add("lost", [0.4], "epochs=8", status="diverged", reason="the loss was no number")
    write_report(tmp_path / "runs", report_path)
    return report_path


def find_element(browser, selector):
    """An element."""
    return browser.find_element("css selector", selector)


@pytest.fixture
def study_report(study_runs, tmp_path):
    """Write a report of a study on three tasks, one of which has a hostile name."""
    add_judged_study(study_runs, build_judged_plan(tasks=("one", HOSTILE, "three")), RATES)
    path = tmp_path / "study.html"
    path.write_text(render(study_runs.root), encoding="utf-8")
    return path


@pytest.mark.parametrize("anchor", ["", "#run-00000001"], ids=["overview", "run"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 360])
def test_page_fits_and_makes_no_requests(chromium, report, width, scheme, anchor):
    check_page(chromium, report, width, scheme, anchor)


@pytest.mark.parametrize(("width", "scheme"), [(1400, "dark"), (360, "light")])
def test_page_of_a_study_fits_and_is_read_without_requests(chromium, study_report, width, scheme):
    check_page(chromium, study_report, width, scheme)
    assert find_unnamed_controls(chromium) == []
    find_element(chromium, "#all a[href^='#run-']").click()
    assert wait_for_open_runs(chromium, chromium.execute_script(OPEN_RUNS_SCRIPT)[:1])


def check_page(chromium, path, width, scheme, anchor=""):
    """Check that a page fits a window, has the colours of a scheme, reports no error and makes no request."""
    open_page(chromium, path, width=width, scheme=scheme, anchor=anchor)
    assert chromium.execute_script("return document.documentElement.scrollWidth") == width
    assert chromium.get_log("browser") == []
    requests = [
        message["message"] for message in chromium.get_log("performance") if "requestWillBeSent" in message["message"]
    ]
    assert requests
    assert not any('"url":"http' in message for message in requests)
    assert chromium.execute_script("return typeof hacked") == "undefined"
    red = int(
        chromium.execute_script("return getComputedStyle(document.documentElement).backgroundColor")
        .split("(")[1]
        .split(",")[0]
    )
    assert (red > 200) == (scheme == "light")


def test_pointing_at_a_curve_reads_it(chromium, report):
    from selenium.webdriver.common.action_chains import ActionChains

    open_page(chromium, report)
    box = find_element(chromium, "#curves .m0 .plot")
    chromium.execute_script("arguments[0].scrollIntoView({block: 'center'})", box)
    size = box.size
    ActionChains(chromium).move_to_element_with_offset(box, size["width"] // 2 - 3, -size["height"] // 2 + 8).perform()
    tip = find_element(chromium, "#curves .m0 .tip").text
    assert tip == "optimizer adam, epochs 2, seed 43\nepoch 2: 0.9200"
    assert find_element(chromium, "#reader").get_attribute("value") == "2"


def test_hidden_curve_leaves_its_room_to_others(chromium, report):
    from selenium.webdriver.common.action_chains import ActionChains

    open_page(chromium, report)
    box = find_element(chromium, "#curves .m0 .plot")
    chromium.execute_script("arguments[0].scrollIntoView({block: 'center'})", box)
    before = chromium.execute_script(COUNT_CURVES_SCRIPT)
    lowest = "return Math.min(...[...document.querySelectorAll('#curves .m0 text.y')].map(t => Number(t.textContent)))"
    assert chromium.execute_script(lowest) < 0.6
    find_element(chromium, "#g2").click()  # sgd, the last of the groups
    assert chromium.execute_script(COUNT_CURVES_SCRIPT) == before - 3
    assert chromium.execute_script(lowest) >= 0.6
    size = box.size
    ActionChains(chromium).move_to_element_with_offset(
        box, size["width"] // 2 - 3, -size["height"] // 2 + 8
    ).click().perform()
    assert chromium.execute_script(COUNT_CURVES_SCRIPT) == before - 4
    assert not find_element(chromium, "#r1").is_selected()


def test_curves_are_controlled_by_keyboard(chromium, report):
    from selenium.webdriver.common.keys import Keys

    open_page(chromium, report)
    before = chromium.execute_script(COUNT_CURVES_SCRIPT)
    find_element(chromium, "#g0").send_keys(Keys.SPACE)
    assert chromium.execute_script(COUNT_CURVES_SCRIPT) == before - 3
    reader = find_element(chromium, "#reader")
    reader.send_keys(Keys.HOME)
    assert reader.get_attribute("aria-valuetext") == "epoch 1"
    output = find_element(chromium, "output[data-of='g0']")
    assert output.text == "0.8100"
    find_element(chromium, "#m0").send_keys(Keys.ARROW_RIGHT)
    assert find_element(chromium, "#curves figure.m1").is_displayed()
    assert not find_element(chromium, "#curves figure.m0").is_displayed()
    assert output.text == "0.1900"


def test_the_table_is_sorted_and_filtered(chromium, report):
    from selenium.webdriver.common.keys import Keys

    open_page(chromium, report)
    assert chromium.execute_script(RUN_NAMES_SCRIPT) == ["adam", "adam", HOSTILE, "sgd", "sgd", "lost"]
    button = find_element(chromium, "#all th:nth-child(3) button")
    assert button.text == "val_accuracy"
    button.send_keys(Keys.ENTER)
    button.send_keys(Keys.ENTER)
    assert find_element(chromium, "#all th:nth-child(3)").get_attribute("aria-sort") == "ascending"
    assert chromium.execute_script(RUN_NAMES_SCRIPT) == ["sgd", "sgd", HOSTILE, "adam", "adam", "lost"]
    find_element(chromium, "#filter").send_keys("SGD 43")
    assert chromium.execute_script(RUN_NAMES_SCRIPT) == ["sgd"]
    assert find_element(chromium, "#found").text == "1 of 6 runs"


def wait_for_open_runs(browser, expected):
    """Wait until exactly these runs are open; the browser reports a new address to the page after the click."""
    from selenium.webdriver.support.wait import WebDriverWait

    return WebDriverWait(browser, 10).until(lambda _: browser.execute_script(OPEN_RUNS_SCRIPT) == expected)


def test_run_page_opens_and_closes(chromium, report):
    open_page(chromium, report)
    assert chromium.execute_script(OPEN_RUNS_SCRIPT) == []
    find_element(chromium, "#all a[href='#run-00000003']").click()
    assert wait_for_open_runs(chromium, ["run-00000003"])
    assert not find_element(chromium, "#overview").is_displayed()
    assert chromium.execute_script("return document.activeElement.textContent").startswith("sgd")
    assert chromium.title.startswith("sgd 00000003: ")
    chromium.back()
    assert wait_for_open_runs(chromium, [])
    assert find_element(chromium, "#overview").is_displayed()


def list_controls(chromium):
    """List the controls and tables of a page, with all of its details open."""
    chromium.execute_script("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    nodes = chromium.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    return [node for node in nodes if node.get("role", {}).get("value") in
                ("button", "checkbox", "radio", "slider", "searchbox", "link", "image", "table", "columnheader")
                and not node.get("ignored")]  # fmt: skip


def find_unnamed_controls(chromium):
    """The controls and tables of a page without a name for screen readers."""
    return [node for node in list_controls(chromium) if not node.get("name", {}).get("value")]


def test_every_control_has_a_name(chromium, report):
    open_page(chromium, report)
    controls = list_controls(chromium)
    roles = {node["role"]["value"] for node in controls}
    assert {"button", "checkbox", "radio", "slider", "searchbox", "link", "image", "table"} <= roles
    assert find_unnamed_controls(chromium) == []


def test_page_is_complete_without_scripts(report):
    browser = start_browser(scripts=False)
    try:
        open_page(browser, report, width=800)
        script = "[...document.querySelectorAll('.run')].filter(run => run.offsetParent).length"
        open_runs = browser.execute_cdp_cmd("Runtime.evaluate", {"expression": script})["result"].get("value")
        assert open_runs == 6
        assert not find_element(browser, "#filter").is_displayed()
        find_element(browser, "#g0").click()
        assert find_element(browser, "#curves figure.m0").is_displayed()
    finally:
        browser.quit()
