"""Holds what sslscan and testssl.sh found against what NCSC-NL calls `goed` (TLS guidelines 2025-05)."""

import json
import sys
import xml.etree.ElementTree as ElementTree

GOOD_PROTOCOLS = {"TLSv1.3"}
GOOD_SUITES = {"TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256"}
GOOD_GROUPS = {"secp256r1 (NIST P-256)", "secp384r1 (NIST P-384)", "x25519", "x448"}
GOOD_SIGNATURES = {"ecdsa-with-SHA256", "ecdsa-with-SHA384"}
# What testssl.sh calls out although it is no weakness here: its own OpenSSL lacks some algorithms.
EXPECTED = {"scanTime", "engine_problem"}
# What testssl.sh must have tried, and found well: nothing is not enough.
TRIED = {"heartbleed", "secure_client_renego", "CRIME_TLS", "BREACH"}

name, scanned, tested = sys.argv[1:]
wrong = []
test = ElementTree.parse(scanned).getroot().find("ssltest")
versions = {"1.0": "TLSv1.0", "1.1": "TLSv1.1", "1.2": "TLSv1.2", "1.3": "TLSv1.3"}
protocols = {
    f"SSLv{one.get('version')}" if one.get("type") == "ssl" else versions[one.get("version")]
    for one in test.findall("protocol")
    if one.get("enabled") == "1"
}
suites = {one.get("cipher") for one in test.findall("cipher")}
groups = {one.get("name") for one in test.findall("group")}
signatures = {one.text.split(":")[-1].strip() for one in test.iter("signature-algorithm")}
for what, found, good in (
    ("protocols", protocols, GOOD_PROTOCOLS),
    ("cipher suites", suites, GOOD_SUITES),
    ("groups", groups, GOOD_GROUPS),
    ("signatures of the certificate", signatures, GOOD_SIGNATURES),
):
    if not found:
        wrong.append(f"sslscan found no {what}")
    if found - good:
        wrong.append(f"{what} below `goed`: {', '.join(sorted(found - good))}")
if any(one.get("supported") == "1" for one in test.findall("compression")):
    wrong.append("compression")
if any(one.get("vulnerable") == "1" for one in test.findall("heartbleed")):
    wrong.append("heartbleed")

findings = json.load(open(tested))
if len(findings) < 15:
    wrong.append(f"testssl.sh tested hardly anything: {findings}")
for finding in findings:
    if finding["severity"] in ("LOW", "MEDIUM", "HIGH", "CRITICAL", "FATAL", "WARN") and finding["id"] not in EXPECTED:
        wrong.append(f"testssl.sh: {finding['severity']} {finding['id']}: {finding['finding']}")
untried = TRIED - {finding["id"] for finding in findings if finding["severity"] == "OK"}
if untried:
    wrong.append(f"testssl.sh did not find well: {', '.join(sorted(untried))}")

if wrong:
    sys.exit(f"{name}: " + "\n  ".join(wrong))
print(
    f"ok: {name}: {', '.join(sorted(protocols))}; {', '.join(sorted(suites))}; {', '.join(sorted(groups))};"
    f" testssl.sh: {len(findings)} findings, none below OK"
)
