"""Known answers for the key file, from Python's standard library alone.

Run: python3 tests/vectors/keys.py [--check]
Writes keys.json beside this file, or with --check compares it.
"""

import hashlib
import hmac
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).parent


def lp(part: bytes) -> bytes:
    return len(part).to_bytes(2, "big") + part


def aad(purpose: str, version: int, state: str) -> bytes:
    return lp(purpose.encode()) + version.to_bytes(4, "big") + lp(state.encode())


def check(key: bytes, purpose: str, version: int, example: bool, seeded: bool, since_us: int | None) -> str:
    message = b"dsg-key-check\x01" + bytes([example, seeded]) + version.to_bytes(4, "big") + purpose.encode()
    if since_us is not None:
        message += b"\x00" + since_us.to_bytes(8, "big", signed=True)
    return hmac.new(key, message, hashlib.sha256).digest()[:8].hex()


def vectors() -> dict:
    key = hashlib.sha256(b"test key file").digest()
    keys = []
    for purpose, version, state, example, seeded, since_us in [
        ("index", 1, "active", False, False, None),
        ("index", 2, "pending", False, False, None),
        ("exit", 1, "accept", False, True, None),
        ("exit", 2, "active", False, False, 1_795_341_600_000_000),
        ("seal", 99_999, "retired", True, False, None),
    ]:
        keys.append({
            "purpose": purpose, "version": version, "state": state, "example": example, "seeded": seeded,
            "since_us": since_us, "aad": aad(purpose, version, state).hex(),
            "check": check(key, purpose, version, example, seeded, since_us),
        })
    halves = [hashlib.sha256(f"half {name}".encode()).digest() for name in "ab"]
    kek = bytes(a ^ b for a, b in zip(*halves))
    return {
        "key": key.hex(), "keys": keys, "halves": [half.hex() for half in halves], "kek": kek.hex(),
        "kek_check": hashlib.sha256(b"dsg-kek\x01" + kek).hexdigest()[:16],
        "half_checks": [hashlib.sha256(b"dsg-kek-half\x01" + half).hexdigest()[:16] for half in halves],
    }


def main() -> None:
    path = HERE / "keys.json"
    text = json.dumps(vectors(), indent=1) + "\n"
    if "--check" in sys.argv[1:]:
        sys.exit(0 if path.read_text() == text else f"{path.name} differs")
    path.write_text(text)


if __name__ == "__main__":
    main()
