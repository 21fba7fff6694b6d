"""The report as a browser shows it, its content-security policy in force; skipped without Chromium."""

import pytest

from tests.analysis.chromium import Browser, find_chromium

pytestmark = pytest.mark.slow

IMAGES = "[...document.images].map((image) => image.naturalWidth)"
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
COLUMN = "[...document.querySelector('table').tBodies[0].rows].map((row) => row.cells[{}].textContent.trim())"
SORTED = "document.querySelectorAll('table')[0].querySelectorAll('th')[{}].getAttribute('aria-sort')"
FOCUSED = "document.activeElement.textContent.trim()"
TAB, ENTER = ("Tab", 9), ("Enter", 13, "\r")
BACKGROUND = "getComputedStyle(document.querySelector('{}')).backgroundColor"


@pytest.fixture(scope="module")
def page(request):
    if find_chromium() is None:
        pytest.skip("no Chromium on this machine")
    return request.getfixturevalue("finished").report


@pytest.fixture(scope="module")
def browser(page, tmp_path_factory):
    found = Browser(find_chromium(), tmp_path_factory.mktemp("profile"))
    yield found
    found.close()


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_pictures_are_drawn_and_nothing_runs_over_the_edge_or_is_loaded(browser, page, width):
    browser.open(page, width=width)
    widths = browser.value(IMAGES)
    assert len(widths) >= 8
    assert min(widths) > 0
    assert browser.value("innerWidth") == width
    assert browser.value(OVERFLOW) <= 0
    assert browser.requests() == [f"file://{page}"]
    assert browser.complaints() == []


def numbers(texts):
    return [float(text) for text in texts if text]


def test_tables_sort_by_click(browser, page):
    browser.open(page, width=1280)
    before = browser.value(COLUMN.format(1))
    assert numbers(before) != sorted(numbers(before))
    for order, sign in (("ascending", 1), ("descending", -1)):
        browser.value("document.querySelector('table').querySelectorAll('th button')[1].click()")
        found = numbers(browser.value(COLUMN.format(1)))
        assert found == sorted(found, key=lambda number, sign=sign: sign * number)
        assert browser.value(SORTED.format(1)) == order
    browser.value("document.querySelector('table').querySelectorAll('th button')[0].click()")
    assert browser.value(SORTED.format(0)) == "ascending"
    assert browser.value(SORTED.format(1)) is None
    assert browser.complaints() == []


def test_it_is_used_by_keyboard(browser, page):
    browser.open(page, width=1280)
    browser.press(*TAB)
    assert browser.value(FOCUSED) == "Skip to the results"
    assert browser.value("document.activeElement.getBoundingClientRect().left") >= 0
    for _ in range(100):
        browser.press(*TAB)
        if browser.value("document.activeElement.closest('th') !== null"):
            break
    browser.press(*TAB)
    assert browser.value(FOCUSED) == "value"
    assert browser.value("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    browser.press(*ENTER)
    found = numbers(browser.value(COLUMN.format(1)))
    assert found == sorted(found)
    assert browser.value(SORTED.format(1)) == "ascending"
    assert browser.value(FOCUSED) == "value"


def test_commands_are_copied(browser, page):
    browser.open(page, width=390)
    button = "document.querySelector('#again').parentElement.querySelector('button.copy')"
    browser.value(f"{button}.click()")
    browser.value("new Promise((done) => setTimeout(done, 200))")
    assert browser.value("String(getSelection())") == "launch campaign.yaml"
    label = browser.value(
        "document.querySelector('#again').parentElement.querySelector('button.copy').textContent"
    )
    assert label in ("Copied", "Selected")


def test_figures_stay_on_white_in_the_dark(browser, page):
    browser.open(page, width=390, dark=True)
    assert browser.value(BACKGROUND.format("body")) == "rgb(20, 23, 27)"
    assert browser.value(BACKGROUND.format(".drawing")) == "rgb(255, 255, 255)"


def test_all_is_open_on_paper_and_nothing_is_to_press(browser, page):
    browser.open(page, width=1280)
    assert browser.value("document.querySelectorAll('details:not([open])').length") > 0
    browser.call("Page.printToPDF")
    assert browser.value("document.querySelectorAll('details:not([open])').length") == 0
    browser.call("Emulation.setEmulatedMedia", media="print")
    for part in ("button.copy", "nav", "a.skip"):
        assert browser.value(f"getComputedStyle(document.querySelector('{part}')).display") == "none"
    assert browser.value(OVERFLOW) <= 0
