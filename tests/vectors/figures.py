"""Known answers for protected figures, from Python's standard library alone.

Run: python3 tests/vectors/figures.py [--check]
Writes figures.json beside this file, or with --check compares it. Reads the perturbation tables that the
program embeds (gateway/core/src/figures/tables); how those come about is tested in Rust.
"""

import csv
import hashlib
import json
import pathlib
import sys

sys.dont_write_bytecode = True  # no __pycache__ among the vectors

from pseudonyms import hkdf_expand, hkdf_extract, lp, mac

HERE = pathlib.Path(__file__).parent
TABLES = HERE.parent.parent / "gateway/core/src/figures/tables"


def table(name: str) -> dict[int, list[tuple[int, int]]]:
    classes: dict[int, list[tuple[int, int]]] = {}
    with open(TABLES / f"ptable_int_{name}_js0.csv", newline="") as file:
        for row in csv.DictReader(file):
            classes.setdefault(int(row["i"]), []).append((int(row["v"]), int(row["upper_exclusive_u32"])))
    return classes


CLASSES = {
    "normal": (table("D5_V1"), table("D8_V3"), 5, 10),
    "sensitive": (table("D9_V4"), table("D16_V12"), 5, 15),
}


def look(classes: dict, m: int, key: int) -> int:
    if m <= 0:
        return 0
    return next(v for v, upper in classes[min(m, max(classes))] if key < upper)


def noisy(protection: str, n: int, ck: int, qk: int) -> tuple[int, bool]:
    t1, t2, k_min, k_show = CLASSES[protection]
    y1 = n + look(t1, n, ck)
    y = y1 + look(t2, y1, qk)
    return y, n >= k_min and y >= k_show


def message(population: str, epoch: str, measure: str, dims: list[list[str]]) -> bytes:
    kept = [(d.encode(), v.encode()) for d, v in dims if not d.endswith("@all")]
    head = b"dsg-ck1" + lp(population.encode()) + lp(epoch.encode()) + lp(measure.encode())
    return head + len(kept).to_bytes(2, "big") + b"".join(lp(d) + lp(v) for d, v in sorted(kept))


def word(tag: bytes) -> int:
    return int.from_bytes(tag[:4], "big")


def vectors() -> dict:
    root = hashlib.sha256(b"test key fig").digest()
    prk = hkdf_extract(b"dsg/fig/root/v1", root)
    k_rec, k_cell = (hkdf_expand(prk, info + b"\x01", 32) for info in (b"ckm-rec", b"ckm-cell"))

    records = []
    for population in ("children", "staff"):
        for i in range(40):
            subject = hashlib.sha256(f"subject {i}".encode()).digest()[:16]
            rk = word(mac(k_rec, b"dsg-rk1" + lp(population.encode()) + lp(subject)))
            records.append({"population": population, "subject": subject.hex(), "rk": rk})
    sums = []
    for size in (0, 1, 2, 3, 10, 40):
        keys = [record["rk"] for record in records[:size]]
        sums.append({"size": size, "total": sum(keys), "ck": sum(keys) % 2**32})

    names = []
    for epoch, measure, dims in [
        ("2026-10-01", "pupils", []),
        ("2026-10-01", "pupils", [["enrolment.neighbourhood@all", "all"]]),
        ("2026-10-01", "pupils", [["enrolment.neighbourhood@district", "ALM-HAVEN"]]),
        ("2026-10-01", "pupils", [["enrolment.sector@code", "VO"], ["enrolment.neighbourhood@district", "ALM-HAVEN"]]),
        ("2026-10-01", "pupils", [["enrolment.neighbourhood@district", "ALM-HAVEN"], ["enrolment.sector@code", "VO"]]),
        ("2026-10-01", "pupils", [["absence.present@code", "true"], ["a.b-c@code", "1"], ["a.b@code", "2"]]),
        ("2027-02-01", "pupils", [["enrolment.neighbourhood@district", "ALM-HAVEN"]]),
        ("2026-10-01", "sum:absence.hours", [["enrolment.neighbourhood@district", "ALM-HAVEN"]]),
        ("2026-10-01", "pupils", [["enrolment.neighbourhood@district", "ALMHAVEN"]]),
    ]:
        bytes_ = message("children", epoch, measure, dims)
        names.append({
            "population": "children", "epoch": epoch, "measure": measure, "dimensions": dims,
            "message": bytes_.hex(), "qk": word(mac(k_cell, bytes_)),
        })

    figures = []
    for protection in CLASSES:
        for n in [-3, 0, 1, 2, 4, 5, 6, 8, 9, 10, 11, 12, 14, 15, 16, 17, 20, 34, 1000, 35_400]:
            for i in range(6):
                ck, qk = (word(mac(b"figures", f"{layer} {protection} {n} {i}".encode())) for layer in ("ck", "qk"))
                y, visible = noisy(protection, n, ck, qk)
                figures.append({"class": protection, "n": n, "ck": ck, "qk": qk, "y": y, "visible": visible})
        for ck, qk in [(0, 0), (2**32 - 1, 2**32 - 1), (0, 2**32 - 1), (2**32 - 1, 0)]:
            y, visible = noisy(protection, 20, ck, qk)
            figures.append({"class": protection, "n": 20, "ck": ck, "qk": qk, "y": y, "visible": visible})

    rounded = [
        {"y": y, "base": base, "shown": base * ((2 * y + base) // (2 * base))}
        for base in (1, 5, 10) for y in [*range(-8, 40), 99, 100, 35_397]
    ]
    return {
        "root": root.hex(), "record_key": k_rec.hex(), "query_key": k_cell.hex(),
        "records": records, "sums": sums, "names": names, "figures": figures, "rounded": rounded,
    }


def main() -> None:
    path = HERE / "figures.json"
    text = json.dumps(vectors(), indent=1) + "\n"
    if "--check" in sys.argv[1:]:
        sys.exit(0 if path.read_text() == text else f"{path.name} differs")
    path.write_text(text)


if __name__ == "__main__":
    main()
