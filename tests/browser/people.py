"""What a browser makes of the gateway's own console, with people who sign in at a real provider. Called by
tests/browser/run: the console's address, the provider's, a folder."""

import re
import sys
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

ADDRESS, PROVIDER, SHOTS = sys.argv[1], sys.argv[2], Path(sys.argv[3])
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
done = 0


def ok(what):
    global done
    done += 1
    print("ok:", what)


def strict(context):
    """Fails on any word in the browser's console, any report of the policy, any request to another host."""
    def asked(route):
        assert route.request.url.startswith((ADDRESS + "/", PROVIDER + "/")), f"asks {route.request.url}"
        route.continue_()

    wrong = []
    context.route("**/*", asked)
    context.on("console", lambda message: wrong.append(message.text))
    context.on("weberror", lambda error: wrong.append(str(error.error)))
    return wrong


def look(page, path, status=200):
    """A page at each width: judged by axe, shown, and no wider than the narrowest screen."""
    page.set_viewport_size({"width": 1280, "height": 900})
    answer = page.goto(ADDRESS + path)
    assert answer.status == status, f"{path}: {answer.status}"
    name = "people-" + (re.sub(r"[^a-z0-9]+", "-", path.strip("/").lower()) or "public")
    for scheme in ["dark", "light"]:
        page.emulate_media(color_scheme=scheme)
        found = Axe().run(page, options={"runOnly": {"type": "tag", "values": TAGS}})
        wrong = [(one["id"], [node["html"][:160] for node in one["nodes"]][:3]) for one in found.response["violations"]]
        assert not wrong, f"{path} ({scheme}): {wrong}"
    for width in [1280, 390]:
        page.set_viewport_size({"width": width, "height": 900})
        page.screenshot(path=SHOTS / f"{name}-{width}.png", full_page=True)
    page.set_viewport_size({"width": 320, "height": 640})
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 320, f"{path} is {wide} px wide at 320 px"
    ok(f"{path} {status}")


def at_provider(page, who):
    page.wait_for_url(PROVIDER + "/authorize*")
    page.click(f"button[value='{who}']")
    page.wait_for_url(ADDRESS + "/**")


def sign_in(page, who):
    page.goto(ADDRESS + "/login")
    page.click("main a.button")
    at_provider(page, who)


def holder(page):
    sign_in(page, "holder")
    assert page.url == ADDRESS + "/holder", page.url
    for path in ["/holder", "/holder/requests", "/holder/inbox", "/step-up"]:
        look(page, path)
    look(page, "/operator", 403)
    page.goto(ADDRESS + "/holder/stop")
    assert page.url.startswith(ADDRESS + "/step-up?next="), page.url
    page.click("main a.button")
    at_provider(page, "holder")
    assert page.url == ADDRESS + "/holder/stop", page.url
    look(page, "/holder/stop")
    page.check("input[name='what'] >> nth=0")
    page.check("input[name='sure']")
    page.click("main form button")
    assert page.inner_text("main [role='status']").startswith("Ingetrokken."), page.inner_text("main")
    page.screenshot(path=SHOTS / "people-stopped-1280.png", full_page=True)
    page.click("header form[action='/language'] button")
    assert page.evaluate("document.documentElement.lang") == "en"
    page.click("header form[action='/logout'] button")
    assert page.url == ADDRESS + "/"
    page.goto(ADDRESS + "/holder")
    assert page.url.startswith(ADDRESS + "/login"), page.url
    ok("a holder signs in at the provider, again to stop, stops, and signs out")


with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
    context = browser.new_context(locale="nl-NL", reduced_motion="reduce", ignore_https_errors=True)
    wrong = strict(context)
    page = context.new_page()
    look(page, "/")
    look(page, "/login")
    look(page, "/nothing", 404)
    holder(page)
    sign_in(page, "nobody")
    assert "geen rol" in page.inner_text("main") or "no role" in page.inner_text("main")
    ok("who has no role is not let in")
    sign_in(page, "operator")
    assert page.url == ADDRESS + "/operator", page.url
    look(page, "/operator")
    ok("an operator signs in at the provider")
    # What is not there or not allowed the browser says itself; the provider has no icon.
    wrong = [text for text in wrong if "404" not in text and "403" not in text]
    assert not wrong, wrong
    browser.close()
print(f"browser: {done} passed, 0 failed, 0 skipped")
