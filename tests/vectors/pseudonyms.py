"""Known answers for identifiers and pseudonyms, from Python's standard library alone.

Run: python3 tests/vectors/pseudonyms.py [--check]
Writes pseudonyms.json beside this file, or with --check compares it.
"""

import hashlib
import hmac
import json
import pathlib
import re
import sys
import unicodedata

HERE = pathlib.Path(__file__).parent
HOLDER = "00000099000000001000"


def lp(part: bytes) -> bytes:
    return len(part).to_bytes(2, "big") + part


def mac(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()


def hkdf_extract(salt: bytes, key: bytes) -> bytes:
    return mac(salt, key)


def hkdf_expand(prk: bytes, info: bytes, length: int) -> bytes:
    out, block, counter = b"", b"", 1
    while len(out) < length:
        block = mac(prk, block + info + bytes([counter]))
        out, counter = out + block, counter + 1
    return out[:length]


def check_hkdf() -> None:
    """RFC 5869, appendix A.1."""
    prk = hkdf_extract(bytes(range(13)), b"\x0b" * 22)
    okm = hkdf_expand(prk, bytes(range(0xF0, 0xFA)), 42)
    assert okm.hex() == (
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    )


def normalise(kind: str, text: str) -> tuple[int, bytes]:
    if kind == "bsn":
        digits = re.sub("[ \u00a0.-]", "", unicodedata.normalize("NFKC", text))
        assert re.fullmatch("[0-9]{8,9}", digits), text
        digits = digits.zfill(9)
        d = [int(c) for c in digits]
        r = (9*d[0] + 8*d[1] + 7*d[2] + 6*d[3] + 5*d[4] + 4*d[5] + 3*d[6] + 2*d[7] - d[8]) % 11
        assert digits != "0" * 9
        if r == 0:
            return 1, digits.encode()
        assert r == 5 and digits[:2] == "10", text
        return 2, digits.encode()
    if kind == "eckId":
        return 4, text.strip().lower().rsplit("/", 1)[-1].encode()
    return 3, lp(HOLDER.encode()) + lp(unicodedata.normalize("NFC", text).encode())


def index(key: bytes, type_byte: int, value: bytes) -> bytes:
    return mac(key, b"dsg-idx" + b"\x01" + bytes([type_byte]) + lp(value))


ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def crockford(number: int, digits: int) -> str:
    return "".join(ALPHABET[number >> (5 * i) & 31] for i in reversed(range(digits)))


def pseudonym(domain_key: bytes, version: int, subject: bytes) -> str:
    bits = mac(domain_key, b"dsg-psn" + b"\x01" + lp(subject))[:16]
    text = f"dsp1_{version}_" + crockford(int.from_bytes(bits, "big") << 2, 26)
    check = int.from_bytes(hashlib.sha256(text.encode()).digest(), "big") >> 246
    return text + crockford(check, 2)


def vectors() -> dict:
    check_hkdf()
    index_key = hashlib.sha256(b"test key idx").digest()
    root = hashlib.sha256(b"test key ext").digest()
    subjects = [bytes(16), bytes(range(16)), b"\xff" * 16] + [
        hashlib.sha256(f"subject {i}".encode()).digest()[:16] for i in range(5)
    ]

    hexes = hashlib.sha256(b"eck").hexdigest()
    texts = [
        ("bsn", "999000007"), ("bsn", "9990.00.019"), ("bsn", "999-990 019"), ("bsn", "\uff19\uff19\uff19993653"),
        ("bsn", "99999\u00a00287"), ("bsn", "10000008"), ("bsn", "1012.22.331"), ("bsn", "100000004"),
        ("bsn", "100252333"),
        ("eckId", hexes), ("eckId", hexes.upper()), ("eckId", f"https://ketenid.nl/201703/{hexes}"),
        ("eckId", f" HTTPS://KETENID.NL/201703/{hexes.upper()} "),
        ("local", "12345"), ("local", "12345 a"), ("local", "caf\u00e9"), ("local", "cafe\u0301"),
        ("local", "999000007"),
    ]
    identifiers = []
    for kind, text in texts:
        type_byte, value = normalise(kind, text)
        identifiers.append({
            "kind": kind, "text": text, "type": type_byte, "encoded": lp(value).hex(),
            "index": index(index_key, type_byte, value).hex(),
        })

    domains = []
    for version, tenant, recipient, purpose, scope, epoch in [
        (1, "almere", "00000099000000002000", "case-consultation", "", ""),
        (1, "almere", "00000099000000003000", "case-consultation", "", ""),
        (1, "almere", "00000099000000002000", "provision-closure", "", ""),
        (1, "almere", "00000099000000002000", "case-consultation", "enrolment", ""),
        (1, "almere", "00000099000000002000", "case-consultation", "", "2026-2027"),
        (2, "almere", "00000099000000002000", "case-consultation", "", ""),
        (99999, "testcaf\u00e9", "00000099000000002000", "case-consultation", "", ""),
    ]:
        info = b"dsg-psn-dk" + b"\x01" + version.to_bytes(4, "big") + b"".join(
            lp(unicodedata.normalize("NFC", part).encode()) for part in (tenant, recipient, purpose, scope, epoch)
        )
        key = hkdf_expand(hkdf_extract(b"dsg/psn/root/v1", root), info, 32)
        domains.append({
            "version": version, "tenant": tenant, "recipient": recipient, "purpose": purpose,
            "link_scope": scope, "epoch": epoch, "info": info.hex(), "key": key.hex(),
            "pseudonyms": [pseudonym(key, version, subject) for subject in subjects],
        })

    return {
        "holder": HOLDER, "index_key": index_key.hex(), "root": root.hex(),
        "subjects": [subject.hex() for subject in subjects],
        "identifiers": identifiers, "domains": domains,
    }


def main() -> None:
    path = HERE / "pseudonyms.json"
    text = json.dumps(vectors(), indent=1) + "\n"
    if "--check" in sys.argv[1:]:
        sys.exit(0 if path.read_text() == text else f"{path.name} differs")
    path.write_text(text)


if __name__ == "__main__":
    main()
