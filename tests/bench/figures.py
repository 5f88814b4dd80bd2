"""The close of an epoch over ever more pupils, and one grouping of it. Called by tests/bench/figures: the database's URL, the
folder of a demo that is in it, the programs' folder, and how many pupils are grouped.

The pupils are the demo's, each so many times over, with rows of all datasets. The demo's epoch is taken away, so that the
same date closes again. For the grouping a snapshot is a table, a row a pupil, each so many times over too."""

import json
import os
import secrets
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

URL, DEMO, BUILT, PUPILS = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
CLOSE_SECONDS_MAX = 5
GROUPING_MAX = 1.3
PER_PUPIL_MAX = 1.3
TURNS = 3
TIMES = (2, 8)
MIB = 1024


class Sqlite:
    name = "SQLite"

    def __init__(self):
        self.connection = sqlite3.connect(URL.removeprefix("sqlite://"), isolation_level=None)
        self.connection.execute("PRAGMA synchronous = OFF")
        self.connection.create_function("other", 2, lambda value, copy: value and value[:-1] + bytes([value[-1] ^ copy]))
        self.connection.create_function("key", 0, lambda: secrets.randbits(32))

    def run(self, sql):
        return self.connection.execute(sql).fetchall()

    def tables(self):
        return [name for (name,) in self.run("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'ds\\_%' ESCAPE '\\'")]

    def columns(self, table):
        return [row[1] for row in self.run(f"PRAGMA table_info({table})")]

    def settle(self):
        self.run("PRAGMA wal_checkpoint(TRUNCATE)")


class Postgres:
    name = "PostgreSQL"

    def __init__(self):
        self.run("CREATE FUNCTION other(value bytea, copy bigint) RETURNS bytea IMMUTABLE LANGUAGE sql AS "
                 "$$ SELECT set_byte(value, length(value) - 1, get_byte(value, length(value) - 1) # copy::int) $$")
        self.run("CREATE FUNCTION key() RETURNS bigint VOLATILE LANGUAGE sql AS "
                 "$$ SELECT ('x' || right(gen_random_uuid()::text, 8))::bit(32)::bigint & 4294967295 $$")

    def run(self, sql):
        psql = [os.environ["PSQL"], "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--tuples-only", "--no-align", URL, "--command", sql]
        lines = subprocess.run(psql, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
        return [tuple(line.split("|")) for line in lines]

    def tables(self):
        return [name for (name,) in self.run("SELECT table_name FROM information_schema.tables WHERE table_name LIKE 'ds\\_%'")]

    def columns(self, table):
        return [name for (name,) in self.run(f"SELECT column_name FROM information_schema.columns WHERE table_name = '{table}' ORDER BY ordinal_position")]

    def settle(self):
        self.run("VACUUM ANALYZE")


def multiply(database, done, copies):
    """Adds the copies of every row from number `done` on: other pupils, the same codes."""
    numbers = f"WITH RECURSIVE n(copy) AS (SELECT {done} UNION ALL SELECT copy + 1 FROM n WHERE copy + 1 < {copies})"
    database.run(f"{numbers} INSERT INTO subject (subject, sequence, kind, canonical, created_us) SELECT other(subject, n.copy), "
                 "sequence + n.copy * (SELECT MAX(sequence) FROM first_subject), kind, other(subject, n.copy), created_us FROM first_subject, n")
    for table in database.tables():
        columns = database.columns(table)
        (highest,), = database.run(f'SELECT COALESCE(MAX("row"), 0) FROM first_{table}')
        made = {"row": f'"row" + n.copy * {highest}', "row_key": "other(row_key, n.copy)",
                "subject": "other(canonical, n.copy)", "canonical": "other(canonical, n.copy)"}
        values = ", ".join(made.get(column, f'"{column}"') for column in columns)
        names = ", ".join(f'"{column}"' for column in columns)
        database.run(f"{numbers} INSERT INTO {table} ({names}) SELECT {values} FROM first_{table}, n")


def keep_first(database):
    """The demo's own pupils and rows about them, which copies are made of."""
    database.run("CREATE TABLE first_subject AS SELECT * FROM subject WHERE subject = canonical")
    for table in database.tables():
        database.run(f"CREATE TABLE first_{table} AS SELECT * FROM {table} WHERE subject IS NOT NULL")


def close():
    """Closes the epoch again by the operator's command: seconds, cells, and the process's memory in MiB."""
    database.run("DELETE FROM released_cell")
    database.run("DELETE FROM epoch_purpose")
    database.run("DELETE FROM epoch")
    command = [BUILT / "doelpoort", "epoch", "close", "--config", DEMO / "gateway/gateway.toml", "--danger-example-keys"]
    began = time.monotonic()
    with open(DEMO.parent / "close.log", "w") as log:
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        told = child.stdout.read()
        _, status, used = os.wait4(child.pid, 0)
    took = time.monotonic() - began
    assert status == 0, (DEMO.parent / "close.log").read_text()
    cells = told.split(" cells released")[0].rsplit(" ", 1)[1]
    return took, int(cells), used.ru_maxrss // MIB


def snapshot(columns):
    """A row a pupil, as a close has it in memory."""
    fields, joins = [], []
    for dataset in sorted({column.split(".")[0] for column in columns}):
        table = "ds_" + dataset.replace("-", "_")
        wanted = [column for column in columns if column.startswith(dataset + ".")]
        inner = []
        for column in wanted:
            field = column.split(".", 1)[1]
            if field == "present":
                fields.append(f"CASE WHEN {table}.subject IS NULL THEN 'false' ELSE 'true' END AS \"{column}\"")
                continue
            stored = "f_" + field.replace("-", "_")
            stored = stored if stored in database.columns(table) else "holder"
            inner.append(f", MAX({stored}) AS \"{column}\"")
            fields.append(f'{table}."{column}"')
        joins.append(f"LEFT JOIN (SELECT canonical AS subject{''.join(inner)} FROM {table} GROUP BY 1) {table} ON {table}.subject = pupil.subject")
    people = "SELECT canonical AS subject FROM ds_enrolment UNION SELECT canonical FROM ds_resident"
    database.run(f"CREATE TABLE snapshot_once AS SELECT {', '.join(fields)} FROM ({people}) pupil {' '.join(joins)}")
    (once,), = database.run("SELECT COUNT(*) FROM snapshot_once")
    numbers = f"WITH RECURSIVE n(copy) AS (SELECT 1 UNION ALL SELECT copy + 1 FROM n WHERE copy < {PUPILS // int(once) + 1})"
    database.run(f"CREATE TABLE snapshot AS {numbers} SELECT key() AS rk, s.* FROM snapshot_once s, n LIMIT {PUPILS}")


def one_grouping():
    grouping = [BUILT / "examples/bench_figures", "--policies", DEMO / "gateway/policies"]
    columns = json.loads(subprocess.run([*grouping, "--columns"], check=True, stdout=subprocess.PIPE).stdout)
    snapshot(columns)
    database.settle()
    return json.loads(subprocess.run([*grouping, "--database", URL], check=True, stdout=subprocess.PIPE).stdout)


def pupils():
    (count,), = database.run("SELECT COUNT(*) FROM (SELECT canonical FROM ds_enrolment UNION SELECT canonical FROM ds_resident) pupil")
    return int(count)


def main():
    failed = []
    first = pupils()
    closed = [close() for _ in range(TURNS)]
    seconds, cells, memory = min(closed)
    print(f"{database.name}\n  {first:>9,} pupils: the whole lattice of Almere's purposes closed in {seconds:.1f} s ({cells:,} cells, {memory} MiB; goal {CLOSE_SECONDS_MAX} s)")
    if seconds > CLOSE_SECONDS_MAX:
        failed.append("the close of Almere")
    keep_first(database)
    done, per_pupil = 1, []
    for copies in TIMES:
        multiply(database, done, copies)
        done = copies
        database.settle()
        seconds, cells, memory = close()
        count = pupils()
        per_pupil.append(seconds / count)
        print(f"  {count:>9,} pupils: closed in {seconds:.1f} s, {seconds / count * 1e6:.1f} µs a pupil ({cells:,} cells, {memory} MiB)", flush=True)
    growth = per_pupil[1] / per_pupil[0]
    print(f"  a pupil costs {growth:.2f} times as much among four times as many (goal {PER_PUPIL_MAX})")
    if growth > PER_PUPIL_MAX:
        failed.append("linear cost")
    told = one_grouping()
    ratio = told["ours_s"] / told["theirs_s"]
    print(f"  one grouping of {told['pupils']:,} pupils, protected: {told['ours_s'] * 1000:.0f} ms; the plain GROUP BY: {told['theirs_s'] * 1000:.0f} ms; "
          f"{ratio:.2f} times (goal {GROUPING_MAX}; {told['cells']:,} cells)")
    if ratio > GROUPING_MAX:
        failed.append("one grouping")
    if failed:
        sys.exit("goals not met: " + ", ".join(failed))


database = Sqlite() if URL.startswith("sqlite:") else Postgres()
main()
