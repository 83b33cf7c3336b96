"""Copies of the warehouse's file while another process writes to it."""

import subprocess
import sys
from pathlib import Path

import duckdb

from optimizer.market.warehouse.file_copy import copy_warehouse
from optimizer.market.warehouse.warehouse import Warehouse

#: Rounds that are copied meanwhile.
N_COPIES = 8
#: Writes rounds of a thousand rows in one transaction each, and checkpoints now and then, until it is ended.
WRITER = """
import sys
from pathlib import Path
from optimizer.market.warehouse.warehouse import Warehouse
with Warehouse.open(Path(sys.argv[1])) as warehouse:
    with warehouse.writing() as cursor:
        cursor.execute("CREATE TABLE rounds (round INTEGER, text VARCHAR)")
    for number in range(1_000_000):
        with warehouse.writing() as cursor:
            cursor.execute("INSERT INTO rounds SELECT ?, repeat('x', 50) || i FROM range(1000) t(i)", [number])
        if number % 5 == 4:
            with warehouse.reading() as cursor:
                cursor.execute("CHECKPOINT")
        print(number, flush=True)
"""


def test_a_copy_beside_a_writer_has_whole_transactions(tmp_path: Path) -> None:
    source, place = tmp_path / "market.duckdb", tmp_path / "copy.duckdb"
    found = []
    with subprocess.Popen([sys.executable, "-c", WRITER, str(source)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        try:
            for _ in range(N_COPIES):
                stored = int(writer.stdout.readline())
                copy_warehouse(source, place)
                with duckdb.connect(str(place)) as copied:
                    rows = "SELECT round, count(*) FROM rounds GROUP BY round ORDER BY round"
                    rounds = copied.execute(rows).fetchall()
                assert rounds == [(number, 1000) for number in range(len(rounds))]
                assert len(rounds) > stored, "what was stored before is in it"
                found.append(len(rounds))
        finally:
            writer.kill()

    assert found[-1] > found[0], "it was written to meanwhile"


def test_a_copy_has_what_is_only_in_the_log(tmp_path: Path) -> None:
    source, place = tmp_path / "market.duckdb", tmp_path / "copy.duckdb"
    code = WRITER.replace("range(1_000_000)", "range(3)") + "\n    import os; os._exit(0)\n"
    subprocess.run([sys.executable, "-c", code, str(source)], stdout=subprocess.DEVNULL, check=True)

    assert source.with_name("market.duckdb.wal").exists()
    copy_warehouse(source, place)
    with Warehouse.open(place) as copied, copied.reading() as cursor:
        assert cursor.execute("SELECT count(*) FROM rounds").fetchall() == [(3000,)]
