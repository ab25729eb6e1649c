"""The dashboard in a real browser: every page by hand, nothing from outside, nobody shown."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.demo_workspace import Demo
from wa_analytics.tables import PlatformVolume

HEADINGS = {
    "Overview": ("Official API", "Consent", "Security and retention", "Business and personal devices"),
    "Completeness": ("Every number, day by day", "Open findings of capture", "Declared gaps"),
    "Consent": ("Sends without consent, by state and week", "Coverage", "Findings by rule"),
    "Retention": (
        "Dates of disposal by month",
        "What needs a hand, by record class",
        "The schedule in force",
    ),
    "Incidents": ("Incidents", "Clocks", "History"),
}
CHARTS = {"Overview": 1, "Completeness": 1, "Consent": 4, "Retention": 2, "Incidents": 0}
LONGEST_MS = 60_000


def _started(demo: Demo) -> tuple[subprocess.Popen[bytes], str]:
    """`wa dashboard` as a user starts it, on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [str(Path(sys.executable).parent / "wa"), "--home", str(demo.home), "dashboard", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    _until_answered(f"http://127.0.0.1:{port}/_stcore/health", process)
    return process, f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def address(demo: Demo) -> Iterator[str]:
    """The dashboard's address; ended by Ctrl-C, as a user ends it."""
    process, address = _started(demo)
    yield address
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(timeout=20) == 0


def _until_answered(url: str, process: subprocess.Popen[bytes]) -> None:
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        assert process.poll() is None, "wa dashboard ended"
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    pytest.fail("wa dashboard did not answer within 60 s")


@pytest.fixture(scope="module")
def browser(browser_executable: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=browser_executable,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
        )
        yield started
        started.close()


class Watched:
    """A page and all that it asked for and complained about."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.hosts: set[str] = set()
        self.complaints: list[str] = []
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).hostname or ""))
        page.on("websocket", lambda opened: self.hosts.add(urlsplit(opened.url).hostname or ""))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on(
            "console",
            lambda said: self.complaints.append(said.text) if said.type in ("error", "warning") else None,
        )

    def go(self, name: str) -> None:
        self.page.get_by_test_id("stTopNavLink").filter(has_text=name).click()
        expect(self.page.locator("h1.wb-title")).to_have_text(name, timeout=LONGEST_MS)
        self.settled()

    def settled(self) -> None:
        expect(self.page.locator(".wb-foot")).to_be_visible(timeout=LONGEST_MS)
        expect(self.page.get_by_test_id("stApp")).to_have_attribute(
            "data-test-script-state", "notRunning", timeout=LONGEST_MS
        )

    def download(self, label: str | re.Pattern[str]) -> str:
        with self.page.expect_download(timeout=LONGEST_MS) as waiting:
            self.page.get_by_role("button", name=label).first.click()
        return Path(waiting.value.path()).read_text(encoding="utf-8")


@pytest.fixture
def watched(browser: Browser, address: str) -> Iterator[Watched]:
    page = browser.new_page(viewport={"width": 1440, "height": 900}, accept_downloads=True)
    watching = Watched(page)
    page.goto(address)
    watching.settled()
    yield watching
    assert watching.hosts - {""} == {"127.0.0.1"}
    assert watching.complaints == []
    page.close()


def test_the_keyboard_sees_where_it_is(watched: Watched) -> None:
    reached = set()
    for _ in range(12):
        watched.page.keyboard.press("Tab")
        name, outline = watched.page.evaluate(
            "() => { const e = document.activeElement, style = getComputedStyle(e);"
            " return [e.tagName, `${style.outlineStyle} ${style.outlineWidth}`]; }"
        )
        if name in ("A", "BUTTON"):
            reached.add(name)
            assert outline == "solid 2px"
    assert reached == {"A", "BUTTON"}


def test_every_page_is_drawn_and_shows_nobody(watched: Watched, demo: Demo) -> None:
    secrets = demo.world.people_secrets()
    assert len(secrets) > 1000
    for name, headings in HEADINGS.items():
        watched.go(name)
        page = watched.page
        for heading in headings:
            expect(page.get_by_role("heading", name=heading, exact=True).first).to_be_visible()
        expect(page.locator(".wb-fresh")).to_contain_text("last capture")
        expect(page.locator(".wb-fresh")).to_contain_text("checked in time")
        drawn = page.locator("[data-testid=stVegaLiteChart] canvas, [data-testid=stVegaLiteChart] svg")
        charts = CHARTS[name]
        if name == "Completeness" and demo.workspace.table(PlatformVolume).height:
            charts += 1
        expect(drawn).to_have_count(charts, timeout=LONGEST_MS)
        for index in range(charts):
            box = drawn.nth(index).bounding_box()
            assert box is not None
            assert box["width"] > 200
            assert box["height"] > 60
        assert page.get_by_test_id("stException").count() == 0
        text = page.inner_text("body") + page.content()
        assert [secret for secret in secrets if secret in text] == [], name


def test_company_filter_holds_on_every_page_and_in_the_address(
    watched: Watched, demo: Demo, address: str
) -> None:
    figure = demo.workspace.overview("celtair").figure("consent_coverage")
    watched.page.get_by_role("radio", name="Celtair Airways").or_(
        watched.page.get_by_role("button", name="Celtair Airways")
    ).first.click()
    expect(watched.page.locator(".wb-sub")).to_contain_text("Celtair Airways", timeout=LONGEST_MS)
    watched.settled()
    watched.go("Consent")
    expect(watched.page.locator(".wb-sub")).to_contain_text("Celtair Airways")
    expect(watched.page.locator("body")).to_contain_text(f"{figure.numerator:,} of {figure.denominator:,}")
    watched.go("Incidents")
    expect(watched.page.locator("table.wb").first).not_to_contain_text("Harborline")
    assert "company=Celtair" in watched.page.url
    watched.page.goto(f"{address}/?company=Celtair+Airways")
    watched.settled()
    expect(watched.page.locator(".wb-sub")).to_contain_text("Celtair Airways")


def test_decision_leads_to_its_incident(watched: Watched, demo: Demo) -> None:
    decision = next(found for found in demo.workspace.overview().decisions[1:] if found.incident_id)
    watched.page.get_by_text(f"Open {decision.incident_id}").click()
    expect(watched.page.locator("h1.wb-title")).to_have_text("Incidents", timeout=LONGEST_MS)
    watched.settled()
    expect(
        watched.page.get_by_role("button", name=f"Download the report on {decision.incident_id}")
    ).to_be_visible()


def test_downloads_arrive_whole_and_show_nobody(watched: Watched, demo: Demo) -> None:
    watched.go("Consent")
    findings = watched.download(re.compile("Download findings"))
    rules = demo.workspace.findings().filter(
        demo.workspace.findings()["rule"].str.contains("^(consent|window)")
    )
    assert len(findings.splitlines()) == rules.height + 1
    watched.go("Retention")
    assert "dispose_by" in watched.download(re.compile("Download what is due")).splitlines()[0]
    watched.go("Incidents")
    report = watched.download(re.compile("Download the report on"))
    scorecard = watched.download("Download the scorecard")
    assert "not legal advice" in report
    assert "scorecard" in scorecard
    secrets = demo.world.people_secrets()
    assert [secret for secret in secrets for text in (findings, report, scorecard) if secret in text] == []


@pytest.mark.parametrize("width", [780, 390])
def test_narrow_screen_needs_no_sideways_scrolling(watched: Watched, width: int) -> None:
    for name in HEADINGS:
        watched.page.set_viewport_size({"width": 1440, "height": 1000})
        watched.go(name)
        watched.page.set_viewport_size({"width": width, "height": 1000})
        widths = watched.page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        assert widths[0] <= widths[1]
        watched.page.wait_for_function(
            "![...document.querySelectorAll('table.wb td, .wb-legend span, [data-testid=stVegaLiteChart]')]"
            ".some(found => found.getBoundingClientRect().right > innerWidth)"
        )


def test_service_manager_stops_all_of_it(demo: Demo) -> None:
    process, address = _started(demo)
    process.terminate()
    assert process.wait(timeout=20) == 0
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"{address}/_stcore/health", timeout=2)
