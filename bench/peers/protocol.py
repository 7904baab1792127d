"""What every peer does the same way: one JSON document per line in, one out.

    {"op": "load", ...}     -> {"version", "load_ms", "prepare_ms", "resident_bytes", "reported_bytes"}
    {"op": "forms", query}  -> {"forms": [...]}          ways in which this peer can answer the query
    {"op": "rows", ...}     -> {"first_ms": ms}          writes the rows as text into a file
    {"op": "time", ...}     -> {"runs_ms": [...]}        after warm runs that are not counted
    {"op": "clients", ...}  -> {"runs_ms": [...]}        many callers at once; only some peers
"""

import ctypes
import gc
import json
import os
import signal
import sys
import time

import pyarrow
import pyarrow.compute
import pyarrow.csv

NULL = "\\N"
PR_SET_PDEATHSIG = 1


class Schema:
    """Tables of the star, and the categories of their columns."""

    def __init__(self, directory, tables):
        self.directory = directory
        self.tables = tables
        with open(os.path.join(directory, "categories.json"), encoding="utf-8") as file:
            self.categories = json.load(file)

    def file(self, table):
        return os.path.join(self.directory, table["name"] + ".csv")

    def flat_columns(self):
        """Columns of the joined table: those of the facts, and of dimensions what is worth grouping by."""
        columns = []
        for table in self.tables:
            key = table["join"][1] if table["join"] else None
            columns += [c for c in table["columns"] if c["name"] != key and c["kind"] != "name"]
            columns += [c for c in table["columns"] if c["name"] == key and c["kind"] == "date"]
        return columns

    def flat_sql(self):
        """A SELECT that joins the star."""
        joins = [
            f" JOIN {table['name']} ON {table['join'][0]} = {table['join'][1]}" for table in self.tables if table["join"]
        ]
        names = ", ".join(column["name"] for column in self.flat_columns())
        return f"SELECT {names} FROM lineorder{''.join(joins)}"


def serve(peer):
    """Answers requests until there are none. What libraries print goes to standard error.

    Ends with the process that started it, even while it is stopped.
    """
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    handlers = {"load": load, "forms": forms, "rows": rows, "time": timings, "clients": clients}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = handlers[request["op"]](peer, request)
        except Exception as error:  # whatever went wrong is the answer
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def load(peer, request):
    schema = Schema(request["directory"], request["tables"])
    before = resident_bytes()
    start = time.perf_counter()
    peer.load(schema, request["threads"])
    loaded = time.perf_counter()
    resident = resident_bytes() - before
    reported = peer.reported_bytes()
    prepared = time.perf_counter()
    peer.prepare()
    return {
        "version": peer.version(),
        "load_ms": (loaded - start) * 1e3,
        "prepare_ms": (time.perf_counter() - prepared) * 1e3,
        "resident_bytes": resident,
        "reported_bytes": reported,
    }


def forms(peer, request):
    return {"forms": peer.forms(request["query"])}


def rows(peer, request):
    start = time.perf_counter()
    result = peer.run(request["query"], request["form"])
    first_ms = (time.perf_counter() - start) * 1e3
    result = peer.to_arrow(result)
    columns = [as_text(column) for column in result.columns]
    lines = pyarrow.table({"line": pyarrow.compute.binary_join_element_wise(*columns, "\t")})
    options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="none")
    pyarrow.csv.write_csv(lines, request["file"], options)
    return {"first_ms": first_ms}


def timings(peer, request):
    query, form = request["query"], request["form"]
    for _ in range(request["warm"]):
        peer.run(query, form)
    gc.collect()
    gc.disable()
    runs = []
    for _ in range(request["runs"]):
        start = time.perf_counter()
        result = peer.run(query, form)
        runs.append((time.perf_counter() - start) * 1e3)
        del result
    gc.enable()
    return {"runs_ms": runs}


def clients(peer, request):
    return {"runs_ms": peer.clients(request["asked"], request["clients"], request["seconds"])}


def as_text(column):
    """Cells as text: whole numbers without a point."""
    column = pyarrow.compute.cast(column, column.type.value_type) if pyarrow.types.is_dictionary(column.type) else column
    if pyarrow.types.is_floating(column.type):
        column = pyarrow.compute.cast(column, pyarrow.int64())
    if pyarrow.types.is_binary(column.type) or pyarrow.types.is_large_binary(column.type):
        column = pyarrow.compute.cast(column, pyarrow.string())
    return pyarrow.compute.fill_null(pyarrow.compute.cast(column, pyarrow.string()), NULL)


def resident_bytes():
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith("VmRSS:"))
