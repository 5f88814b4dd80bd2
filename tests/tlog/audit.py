"""aics-tlog and aics-witness read our log, cosign it, and are cosigned by our witness.

Arguments: the folder that `write.rs` wrote; the public key of aics-witness; the address and the public key of our
witness, which knows the log ORIGIN under the key of SEED. With the argument `key` alone: prints that log's public key.
"""

import base64
import sys
import urllib.error
import urllib.request
from pathlib import Path

from aics_tlog import (
    Checkpoint, FileSystemTileReader, IncrementalTileWriter, MemoryTileStore, TileVerificationError, WitnessPolicy,
    audit_tiles, consistency_proof_from_tiles, format_vkey, parse_note, parse_vkey, sign_checkpoint, verify_checkpoint,
    verify_inclusion, vkey_from_ed25519,
)
from aics_tlog.hashing import leaf_hash
from aics_tlog.tiles import parse_entry_bundle
from aics_witness.protocol import format_add_checkpoint_request
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SEED = bytes([9] * 32)
ORIGIN = "other.example/log"
passed = 0


def check(what, holds):
    global passed
    if not holds:
        sys.exit(f"FAILED: {what}")
    passed += 1
    print(f"ok: {what}")


class Damaged(FileSystemTileReader):
    """One bit of one tile is another."""

    def read_tile(self, level, index, width):
        data = super().read_tile(level, index, width)
        if (level, index) == (0, 100) and data:
            return bytes([data[0] ^ 1]) + data[1:]
        return data


def our_log(folder, witness):
    log_key = parse_vkey((folder / "log.vkey").read_text().strip())
    note = parse_note((folder / "log" / "checkpoint").read_text())
    policy = WitnessPolicy(quorum=1, witnesses=(parse_vkey(witness),))
    result = verify_checkpoint(note, log_key, policy=policy, expected_origin=log_key.name)
    check("aics-tlog accepts the checkpoint with the cosignature of aics-witness", result.ok)
    stranger = vkey_from_ed25519("w.example", Ed25519PrivateKey.generate().public_key(), 4)
    other = WitnessPolicy(quorum=1, witnesses=(stranger,))
    check("control: not with that of another witness", not verify_checkpoint(note, log_key, policy=other).ok)
    checkpoint = result
    check("it has 70,000 entries or more", checkpoint.size >= 70_000)
    reader = FileSystemTileReader(folder / "log")
    report = audit_tiles(reader, checkpoint.size, checkpoint.root)
    check(f"aics-tlog audits all {report.tiles} tiles and {report.bundles} bundles", report.size == checkpoint.size)
    try:
        audit_tiles(Damaged(folder / "log"), checkpoint.size, checkpoint.root)
        check("control: a damaged tile is found", False)
    except TileVerificationError:
        check("control: a damaged tile is found", True)
    for file in sorted((folder / "log" / "proof").iterdir()):
        index = int(file.name)
        lines = file.read_text().split("\n\n")[0].splitlines()
        assert lines[:2] == ["c2sp.org/tlog-proof@v1", f"index {index}"]
        proof = [base64.b64decode(line, validate=True) for line in lines[2:]]
        full = (index // 256 + 1) * 256 <= checkpoint.size
        width = None if full else checkpoint.size % 256
        entry = parse_entry_bundle(reader.read_entry_bundle(index // 256, width))[index % 256]
        assert verify_inclusion(leaf_hash(entry), index, checkpoint.size, proof, checkpoint.root), index
    check("aics-tlog accepts our proofs", True)


def post(url, body):
    request = urllib.request.Request(url + "/add-checkpoint", data=body, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, response.read().decode(), response.headers["content-type"]
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), error.headers["content-type"]


class Theirs:
    """A log of aics-tlog in memory."""

    key = Ed25519PrivateKey.from_private_bytes(SEED)
    vkey = vkey_from_ed25519(ORIGIN, key.public_key())

    def __init__(self):
        self.store = MemoryTileStore()
        self.writer = IncrementalTileWriter(self.store, prune_partials=False)

    def grow(self, word, count):
        """Appends entries; the signed checkpoint."""
        self.writer.append([f"{word} {self.writer.size + number}".encode() for number in range(count)])
        checkpoint = Checkpoint(origin=ORIGIN, size=self.writer.size, root=self.writer.root())
        return sign_checkpoint(checkpoint, self.key, ORIGIN)

    def proof(self, old):
        return consistency_proof_from_tiles(self.store, old, self.writer.size)


def their_log(url, witness_key):
    def ask(old, proof, note):
        return post(url, format_add_checkpoint_request(old, proof, note.to_bytes()))

    log = Theirs()
    note = log.grow("entry", 300)
    status, line, _ = ask(0, [], note)
    check("our witness cosigns a log of aics-tlog", status == 200)
    policy = WitnessPolicy(quorum=1, witnesses=(parse_vkey(witness_key),))
    cosigned = verify_checkpoint(parse_note(note.serialise() + line), log.vkey, policy=policy)
    check("aics-tlog accepts our witness's cosignature", cosigned.ok)
    first, note = log.writer.size, log.grow("entry", 700)
    second, proof = log.writer.size, log.proof(first)
    check("and the log that grew", ask(first, proof, note)[0] == 200)
    told = ask(first, proof, note)
    check("an old size is a conflict that tells the size", told == (409, f"{second}\n", "text/x.tlog.size"))
    fork = Theirs()
    forked = fork.grow("other", second + 10)
    check("a fork is not cosigned", ask(second, fork.proof(second), forked)[0] == 422)
    honest = log.grow("entry", 10)
    check("control: the log itself still is", ask(second, log.proof(second), honest)[0] == 200)


if __name__ == "__main__":
    if sys.argv[1:] == ["key"]:
        print(format_vkey(Theirs.vkey))
    else:
        our_log(Path(sys.argv[1]), sys.argv[2])
        their_log(sys.argv[3], sys.argv[4])
        print(f"tlog: {passed} passed, 0 failed")
