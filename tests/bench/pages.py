"""Times each page of the FG's console. Called by tests/bench/pages: address, the terminal's output, the process."""

import gzip
import http.cookiejar
import re
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path

ADDRESS, TERMINAL, PROCESS = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
MS_MAX = 200
GZIP_BYTES_MAX = 60_000
TURNS = 6
FETCHED_SECONDS_MAX = 600
PAGES = ["/", "/log", "/log?decision=granted", "/log?decision=refused", "/log?kind=delivery", "/log?purpose=youth-atlas",
         "/log?from=2026-01-01&until=2026-12-31", "/integrity", "/integrity/certificate", "/access", "/staff", "/requests",
         "/reviews", "/breaches", "/alerts", "/purposes", "/purposes/case-consultation", "/proposal", "/matrix", "/month/now"]

browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))


def get(path):
    began = time.monotonic()
    with browser.open(ADDRESS + path) as answer:
        return answer.read(), (time.monotonic() - began) * 1000


def waits(path):
    """Whether the page says that the log is not there yet, and asks to be asked again."""
    with browser.open(ADDRESS + path) as answer:
        return "refresh" in answer.headers


def sign_in():
    code = re.findall(r"login\?code=([A-Z2-7]+)", TERMINAL.read_text())[-1]
    page, _ = get("/login?code=" + code)
    form = re.search(rb'<form[^>]*action="(/login[^"]*)".*?</form>', page, re.S)
    fields = dict(re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', form.group(0).decode()))
    request = urllib.request.Request(ADDRESS + form.group(1).decode(), urllib.parse.urlencode(fields).encode())
    request.add_header("Origin", ADDRESS)
    browser.open(request).read()


def resident_mib():
    status = Path(f"/proc/{PROCESS}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) // 1024


def main():
    sign_in()
    began = time.monotonic()
    while waits("/"):
        assert time.monotonic() - began < FETCHED_SECONDS_MAX, "the log is not there"
        time.sleep(1)
    print(f"the log was fetched and verified in {time.monotonic() - began:.0f} s; the console has {resident_mib()} MiB")
    number = re.search(r'href="/log/(\d+)"', get("/log?decision=granted")[0].decode()).group(1)
    entry = get(f"/log/{number}")[0].decode()
    trace = re.search(r"trace=([0-9a-f]{32})", entry).group(1)
    missed = []
    print("                                                   first ms   median ms   gzip bytes")
    for path in [*PAGES, f"/log/{number}", f"/log?before={int(number) // 2}", f"/log?trace={trace}"]:
        times = []
        for _ in range(TURNS):
            page, took = get(path)
            times.append(took)
        size, median = len(gzip.compress(page)), sorted(times)[TURNS // 2]
        print(f"{path:50} {times[0]:8.1f}   {median:9.1f}   {size:10}")
        if median > MS_MAX or size > GZIP_BYTES_MAX:
            missed.append(path)
    if missed:
        raise SystemExit(f"goals not met ({MS_MAX} ms, {GZIP_BYTES_MAX} bytes): {', '.join(missed)}")


main()
