#!/usr/bin/env python3
"""Makes leaf.json: leaves of the audit log, encoded by a second, independent encoder (standard library only).

Written from docs/log-format.md, not from the Rust code. Run: python3 tests/vectors/leaf.py > tests/vectors/leaf.json
"""
import hashlib
import json


def head(major, n):
    if n < 24:
        return bytes([major << 5 | n])
    for code, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if n < 1 << 8 * size:
            return bytes([major << 5 | code]) + n.to_bytes(size, "big")
    raise ValueError(n)


def cbor(x):
    if isinstance(x, int):
        return head(0, x)
    if isinstance(x, bytes):
        return head(2, len(x)) + x
    if isinstance(x, str):
        return head(3, len(x.encode())) + x.encode()
    if isinstance(x, list):
        return head(4, len(x)) + b"".join(map(cbor, x))
    # RFC 8949 section 4.2.1: entries sorted by the bytes of their encoded keys.
    return head(5, len(x)) + b"".join(k + v for k, v in sorted((cbor(k), cbor(v)) for k, v in x.items()))


KINDS = ["access-decided", "access-completed", "refusal-window-opened", "refusal-window-closed", "policy-changed",
         "shard-opened", "shard-closed", "retention", "key-event", "log-read", "anchor", "void", "incident", "delivery",
         "resolution", "withdrawal", "replica-started", "epoch-released"]
FORMS = ["figures", "records", "facts", "delivery"]


def h(text):
    return bytes.fromhex(text)


def value(v):
    (kind, x), = v.items()
    return h(x) if kind == "bytes" else x


ROWS = [
    ("kind", 1, lambda v: KINDS.index(v) + 1), ("time", 2, int), ("replica", 3, h), ("sequence", 4, int),
    ("entryId", 5, h), ("opening", 6, h), ("requestedAt", 7, int), ("recipient", 8, str), ("actingFor", 9, list),
    ("dataset", 10, str), ("purpose", 11, lambda p: [p["id"], p["version"]]), ("decision", 12, str), ("policy", 13, h),
    ("trace", 14, h), ("span", 15, h),
    ("commitments", 16, lambda c: {n: h(c[f]) for n, f in enumerate(("staff", "subjects", "query", "result"), 1) if f in c}),
    ("tags", 17, lambda t: [h(x) for x in t]),
    ("window", 18, lambda w: {n: w[f] for n, f in enumerate(("from", "until", "count"), 1) if f in w}),
    ("extra", 19, lambda e: {int(k): value(v) for k, v in e.items()}),
    ("form", 20, lambda v: FORMS.index(v) + 1), ("clause", 21, str),
]


def table(leaf):
    return {0: 1} | {key: make(leaf[name]) for name, key, make in ROWS if name in leaf}


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


def base(name, kind, **more):
    return {"kind": kind, "time": 1798329600000000, "replica": digest("replica")[:32], "sequence": 0,
            "entryId": digest("entry " + name)[:32]} | more


GRANTED = dict(
    requestedAt=1798329599990000, recipient="00000099000000072001", purpose={"id": "neighbourhood-absence", "version": 3},
    dataset="absence", decision="granted", clause="figures[0]", policy=digest("policy"), trace=digest("trace")[:32],
    span=digest("span")[:16], form="figures", extra={"1": {"text": "children"}, "2": {"text": "2026-10-01"}, "3": {"number": 42}},
    commitments={"result": digest("result")})

LEAVES = {
    "smallest": base("smallest", "replica-started"),
    "figures granted": base("figures", "access-decided", sequence=23, **GRANTED),
    "records granted, everything filled": base(
        "records", "access-decided", **GRANTED | {
            "sequence": 24, "form": "records", "opening": digest("opening")[:32],
            "actingFor": ["00000099000000041676", "00000099000000062584"],
            "commitments": {f: digest(f) for f in ("staff", "subjects", "query", "result")},
            "tags": [digest(f"tag {n}")[:32] for n in range(32)],
            "window": {"from": 1, "until": 4294967296, "count": 65536},
            "extra": {"1": {"text": "kinderen uit Almére"}, "9": {"bytes": digest("body")}, "24": {"number": 0}, "256": {"bytes": ""}}}),
    "refused": base("refused", "access-decided", sequence=255, recipient="00000099000000072001", decision="field-not-granted",
                    clause="records[1].fields"),
    "completed": base("completed", "access-completed", sequence=256, opening=digest("entry records")[:32],
                      extra={"5": {"number": 100000}, "16": {"text": "complete"}}),
    "delivery": base("delivery", "delivery", sequence=65535, recipient="00000099000000091001", actingFor=["00000099000000041676"],
                     dataset="enrolment", purpose={"id": "delivery-enrolment", "version": 1}, decision="granted", form="delivery",
                     extra={"4": {"bytes": digest("delivery")[:32]}, "5": {"number": 1000000}, "6": {"text": "00000099000000041676"},
                            "7": {"text": "snapshot"}}),
    "window opened": base("open", "refusal-window-opened", sequence=65536, recipient="00000099000000072001", decision="rate-limited",
                          window={"from": 1798329600000000}),
    "window closed": base("close", "refusal-window-closed", sequence=4294967295, opening=digest("entry open")[:32],
                          window={"from": 1798329600000000, "until": 1798329660000000, "count": 51234}),
    "largest numbers": base("large", "epoch-released", sequence=18446744073709551615, time=9223372036854775807,
                            extra={"3": {"number": 4294967296}, "15": {"number": 18446744073709551615}}),
    "64 tags": base("tags", "access-decided", decision="granted", tags=[digest(f"t{n}")[:32] for n in range(64)]),
} | {f"kind {n + 1}": base(kind, kind, decision="granted", opening=digest("o")[:32], window={"from": 0}) for n, kind in enumerate(KINDS)}

GOOD = cbor(table(LEAVES["refused"]))
KEYS = [(cbor(k), cbor(v)) for k, v in table(LEAVES["refused"]).items()]


def rebuilt(pairs, length=None):
    return head(5, len(pairs) if length is None else length) + b"".join(k + v for k, v in pairs)


def changed(**fields):
    return cbor(table(LEAVES["refused"] | fields))


REFUSED = {
    "nothing": b"",
    "not a map": cbor([1, 2]),
    "cut short": GOOD[:-1],
    "a byte too many": GOOD + b"\x00",
    "a key twice": rebuilt(KEYS + KEYS[-1:]),
    "keys out of order": rebuilt(KEYS[:-2] + [KEYS[-1], KEYS[-2]]),
    "indefinite map": b"\xbf" + rebuilt(KEYS)[1:] + b"\xff",
    "a number longer than needed": rebuilt([(k, b"\x18\x01" if k == b"\x01" else v) for k, v in KEYS]),
    "a length longer than needed": rebuilt([(k, b"\x79" + (len(v) - 1).to_bytes(2, "big") + v[1:] if k == b"\x08" else v) for k, v in KEYS]),
    "text in pieces": rebuilt([(k, b"\x7f" + v + b"\xff" if k == b"\x0c" else v) for k, v in KEYS]),
    "text that is not UTF-8": rebuilt([(k, b"\x62\xc3\x28" if k == b"\x0c" else v) for k, v in KEYS]),
    "a float": rebuilt([(k, b"\xf9\x3c\x00" if k == b"\x04" else v) for k, v in KEYS]),
    "a negative time": rebuilt([(k, b"\x20" if k == b"\x02" else v) for k, v in KEYS]),
    "a tagged number": rebuilt([(k, b"\xc1" + v if k == b"\x02" else v) for k, v in KEYS]),
    "an unknown key": rebuilt(KEYS + [(b"\x18\x63", b"\x00")]),
    "version 2": rebuilt([(k, b"\x02" if k == b"\x00" else v) for k, v in KEYS]),
    "no version": rebuilt(KEYS[1:]),
    "no entry id": rebuilt([(k, v) for k, v in KEYS if k != b"\x05"]),
    "kind 99": rebuilt([(k, b"\x18\x63" if k == b"\x01" else v) for k, v in KEYS]),
    "an entry id of 15 bytes": changed(entryId="00" * 15),
    "no decision": cbor(table({k: v for k, v in LEAVES["refused"].items() if k != "decision"})),
    "an empty list": changed(actingFor=[]),
    "an OIN of 19 digits": changed(recipient="0" * 19),
    "OINs not sorted": changed(actingFor=["00000099000000062584", "00000099000000041676"]),
    "an OIN twice": changed(actingFor=["00000099000000041676", "00000099000000041676"]),
    "a decision in capitals": changed(decision="Granted"),
    "a clause with a control character": changed(clause="a\u0007"),
    "three tags": changed(tags=["00" * 16] * 3),
    "a window that ends before it begins": changed(window={"from": 2, "until": 1}),
    "an empty extra": changed(extra={}),
}


def main():
    leaves = []
    for name, leaf in LEAVES.items():
        encoded = cbor(table(leaf))
        leaves.append({"name": name, "leaf": leaf, "cbor": encoded.hex(), "hash": hashlib.sha256(b"\0" + encoded).hexdigest()})
    refused = [{"name": name, "cbor": encoded.hex()} for name, encoded in REFUSED.items()]
    rows = lambda items: ",\n".join(json.dumps(item, ensure_ascii=False, separators=(",", ":")) for item in items)
    print('{"made by":"tests/vectors/leaf.py","leaves":[\n%s\n],\n"refused":[\n%s\n]}' % (rows(leaves), rows(refused)))


main()
