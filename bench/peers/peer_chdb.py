"""chDB: ClickHouse in this process. Narrow integers and LowCardinality; tables in the Memory engine, the joined one also
as a MergeTree in an order that lets it skip."""

import tempfile

import chdb
import pyarrow
from chdb.session import Session

import protocol

TYPES = {"small": "UInt8", "medium": "UInt16", "large": "UInt32", "money": "UInt32", "name": "String", "date": "Date32"}
ORDER = "s_region, c_region, p_mfgr, d_year, c_nation, s_nation"


class ChDb:
    def version(self):
        server = self.session.query("SELECT version()", "TabSeparated")
        return f"{chdb.__version__} (ClickHouse {str(server).strip()})"

    def load(self, schema, threads):
        self.schema = schema
        # Gone with the directory for temporary files that every peer is given.
        self.session = Session(tempfile.mkdtemp())
        self.settings = f" SETTINGS max_threads = {threads}, group_by_use_nulls = 1"
        self.session.query("CREATE DATABASE star ENGINE = Atomic")
        self.session.query("USE star")
        for table in schema.tables:
            columns = self.columns(table["columns"])
            source = f"file('{schema.file(table)}', 'CSVWithNames', '{columns}')"
            self.session.query(f"CREATE TABLE {table['name']} ({columns}) ENGINE = Memory")
            self.session.query(f"INSERT INTO {table['name']} SELECT * FROM {source} SETTINGS max_threads = {threads}")

    def columns(self, columns):
        return ", ".join(f"{c['name']} {TYPES.get(c['kind'], 'LowCardinality(String)')}" for c in columns)

    def reported_bytes(self):
        sql = "SELECT sum(total_bytes) FROM system.tables WHERE database = 'star'"
        return int(str(self.session.query(sql, "TabSeparated")))

    def prepare(self):
        columns = self.columns(self.schema.flat_columns())
        self.session.query(f"CREATE TABLE flat ({columns}) ENGINE = Memory")
        self.session.query(f"INSERT INTO flat {self.schema.flat_sql()}")
        self.session.query(f"CREATE TABLE flat_merge_tree ({columns}) ENGINE = MergeTree ORDER BY ({ORDER})")
        self.session.query("INSERT INTO flat_merge_tree SELECT * FROM flat")
        self.session.query("OPTIMIZE TABLE flat_merge_tree FINAL")

    def forms(self, query):
        # ClickHouse computes ROLLUP from the finest groups by itself.
        return ["flat", "flat_merge_tree", "star"]

    def run(self, query, form):
        layout = "star" if form == "star" else "flat"
        sql = query["sql"].get(layout) or query["sql"][layout + ", at once"]
        if form == "flat_merge_tree":
            sql = sql.replace("FROM flat", "FROM flat_merge_tree", 1)
        return self.session.query(sql + self.settings, "Arrow").bytes()

    def to_arrow(self, result):
        return pyarrow.ipc.open_file(result).read_all()


protocol.serve(ChDb())
