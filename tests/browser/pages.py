"""What a browser makes of the FG's console. Called by tests/browser/run: address, the terminal's output, a folder."""

import gzip
import re
import sys
import time
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

ADDRESS, TERMINAL, SHOTS = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PAGES = ["/", "/log", "/log?decision=granted", "/log/5", "/integrity", "/integrity/certificate", "/access", "/staff",
         "/requests", "/reviews", "/breaches", "/alerts", "/purposes", "/proposal", "/matrix", "/month/now",
         "/step-up?next=/access", "/nothing"]
GZIP_BYTES_MAX = 60_000
CODE_SECONDS_MAX = 20
SCOPE_MS_MAX = 120_000
# A valid citizen service number that nobody in the demo has: the letter says that nobody looked.
NOBODY = "999999990"
done = 0


def ok(what):
    global done
    done += 1
    print("ok:", what)


def code(pattern):
    """The last code that the terminal printed."""
    until = time.monotonic() + CODE_SECONDS_MAX
    while time.monotonic() < until:
        found = re.findall(pattern, TERMINAL.read_text())
        if found:
            return found[-1]
        time.sleep(0.1)
    raise SystemExit("the terminal printed no code")


def name_of(path):
    return re.sub(r"[^a-z0-9]+", "-", path.strip("/").lower()) or "overview"


def settle(page):
    """The first page waits until the log is there, and refreshes by itself."""
    page.wait_for_selector("main h1")
    until = time.monotonic() + 60
    while "opgehaald" in page.inner_text("h1") and time.monotonic() < until:
        page.wait_for_timeout(500)
    return page


def judge(page, path, axe):
    found = axe.run(page, options={"runOnly": {"type": "tag", "values": TAGS}})
    wrong = [(one["id"], [node["html"][:160] for node in one["nodes"]][:3]) for one in found.response["violations"]]
    assert not wrong, f"{path}: {wrong}"


def reflow(page, path):
    page.set_viewport_size({"width": 320, "height": 640})
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 320, f"{path} is {wide} px wide at 320 px"


def strict(context):
    """Fails on any word in the console, any report of the policy, any request to another host."""
    def asked(route):
        assert route.request.url.startswith(ADDRESS), f"asks {route.request.url}"
        route.continue_()

    wrong = []
    context.route("**/*", asked)
    context.on("console", lambda message: wrong.append(message.text))
    context.on("weberror", lambda error: wrong.append(str(error.error)))
    return wrong


def sign_in(page):
    page.goto(ADDRESS + "/login?code=" + code(r"login\?code=([A-Z2-7]+)"))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip", "the skip link comes first"
    page.focus("#code")
    page.keyboard.press("Enter")
    page.wait_for_url(ADDRESS + "/")
    settle(page)


def step_up(page):
    """By keyboard alone."""
    page.goto(ADDRESS + "/step-up?next=/access")
    page.focus("main form[action='/step-up/code'] button")
    page.keyboard.press("Enter")
    page.wait_for_load_state()
    page.focus("#case")
    page.keyboard.type("2026-17")
    page.keyboard.press("Tab")
    page.keyboard.type(code(r"confirmation code: ([A-Z2-7]+)"))
    page.keyboard.press("Enter")
    page.wait_for_url(ADDRESS + "/access")


def shots(page, name):
    for width, scheme in [(1280, "light"), (390, "light"), (1280, "dark")]:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        page.screenshot(path=SHOTS / f"{name}-{width}-{scheme}.png", full_page=True)
    page.emulate_media(color_scheme="light")


def each_page(page, axe):
    for path in PAGES:
        page.set_viewport_size({"width": 1280, "height": 900})
        answer = page.goto(ADDRESS + path)
        assert answer.status == (404 if path == "/nothing" else 200), f"{path}: {answer.status}"
        assert len(gzip.compress(answer.body())) < GZIP_BYTES_MAX, f"{path} is large"
        judge(page, path, axe)
        page.emulate_media(color_scheme="dark")
        judge(page, path + " (dark)", axe)
        page.emulate_media(color_scheme="light")
        shots(page, name_of(path))
        reflow(page, path)
        ok(path)


def letter(page, axe):
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(ADDRESS + "/access")
    page.fill("#number", NOBODY)
    page.click("main form[action='/access'] button")
    page.wait_for_url(ADDRESS + "/access/letter")
    judge(page, "letter", axe)
    shots(page, "letter")
    page.emulate_media(media="print")
    page.screenshot(path=SHOTS / "letter-print.png", full_page=True)
    page.emulate_media(media="screen")
    assert NOBODY not in page.content() + page.url
    ok("from signing in to a letter")


def case(page, axe, name):
    """The page of a case that was just made: judged, at 320 px, and kept as pictures."""
    judge(page, name, axe)
    reflow(page, name)
    shots(page, name)
    page.emulate_media(media="print")
    page.screenshot(path=SHOTS / f"{name}-print.png", full_page=True)
    page.emulate_media(media="screen")
    page.set_viewport_size({"width": 1280, "height": 900})
    ok(name)


def cases(page, axe):
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(ADDRESS + "/requests")
    page.fill("#number", "2026-31")
    page.click("main form[action='/requests'] button")
    page.wait_for_url(re.compile("/requests/[0-9a-f]{16}"))
    page.fill("#note", "<b>gebeld</b>")
    page.click("main form[action$='/note'] button")
    page.wait_for_load_state()
    assert "<b>gebeld" not in page.content()
    case(page, axe, "request")

    page.goto(ADDRESS + "/reviews")
    page.fill("#n", "3")
    page.click("main form[action='/reviews'] button")
    page.wait_for_url(re.compile("/reviews/[0-9a-f]{16}"))
    until = time.monotonic() + 20
    while page.query_selector("main form[action$='/draw']") and time.monotonic() < until:
        page.click("main form[action$='/draw'] button")
        page.wait_for_load_state()
    case(page, axe, "review-drawn")
    while page.query_selector("main details[open] input[value='yes']"):
        page.check("main details[open] input[value='yes'] >> nth=0")
        page.click("main details[open] form button >> nth=0")
        page.wait_for_load_state()
    page.click("main form[action$='/close'] button")
    page.wait_for_selector("#signature")
    case(page, axe, "review-closed")

    page.goto(ADDRESS + "/breaches")
    page.fill("#number", "2026-32")
    page.fill("#what", "Een wachtwoord lag op straat.")
    page.fill("#time", "00:00")
    page.click("main form[action='/breaches'] button")
    page.wait_for_url(re.compile("/breaches/[0-9a-f]{16}"))
    # Each answer under it is opened: twelve thousand, with a program that was built for tests.
    page.select_option("#purpose", "admissibility-status")
    page.click("main form[action$='/scope'] button", timeout=SCOPE_MS_MAX)
    page.wait_for_selector("main table")
    case(page, axe, "breach")
    page.click("main a[href$='/file']")
    page.wait_for_selector("article")
    case(page, axe, "breach-file")
    page.goto(ADDRESS + "/")
    case(page, axe, "overview-with-cases")


def staff(page, axe):
    page.goto(ADDRESS + "/staff")
    page.fill("#staff", "intern-begeleider-01")
    page.click("main form[action='/staff'] button")
    page.wait_for_selector("main table")
    assert "intern-begeleider" not in page.url
    case(page, axe, "staff-found")


def purposes(page, axe):
    page.goto(ADDRESS + "/purposes")
    page.click("main table a >> nth=0")
    page.wait_for_selector("main a[href$='/approve']")
    case(page, axe, "purpose")
    page.click("main a[href$='/approve']")
    page.wait_for_selector("main code")
    case(page, axe, "approve")


def without_script(browser, cookies):
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies(cookies)
    page = context.new_page()
    page.goto(ADDRESS + "/log")
    page.click("details summary")
    page.select_option("#decision", "granted")
    page.click("main form[action='/log'] button")
    assert "decision=granted" in page.url
    context.close()
    ok("without its script")


with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
    # Colours are judged at rest, not while they fade.
    context = browser.new_context(locale="nl-NL", reduced_motion="reduce")
    wrong = strict(context)
    page, axe = context.new_page(), Axe()
    page.goto(ADDRESS + "/login")
    judge(page, "/login", axe)
    shots(page, "login")
    sign_in(page)
    ok("signing in by keyboard")
    step_up(page)
    ok("the second code by keyboard")
    each_page(page, axe)
    letter(page, axe)
    cases(page, axe)
    staff(page, axe)
    purposes(page, axe)
    without_script(browser, context.cookies())
    # The page that is not there answers 404, which the browser says itself.
    wrong = [text for text in wrong if "404" not in text]
    assert not wrong, wrong
    browser.close()
print(f"browser: {done} passed, 0 failed, 0 skipped")
