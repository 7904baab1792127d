"""DuckDB: narrow integers and ENUMs, in memory; the joined table in the order of days, so that blocks can be skipped."""

import threading
import time

import duckdb
import protocol

TYPES = {"small": "UTINYINT", "medium": "USMALLINT", "large": "INTEGER", "money": "INTEGER", "name": "VARCHAR", "date": "DATE"}


class DuckDb:
    def version(self):
        return duckdb.__version__

    def load(self, schema, threads):
        self.schema = schema
        self.connection = duckdb.connect(":memory:", config={"threads": threads})
        for column, values in schema.categories.items():
            quoted = ", ".join("'" + value.replace("'", "''") + "'" for value in values)
            self.connection.execute(f"CREATE TYPE {column}_enum AS ENUM ({quoted})")
        for table in schema.tables:
            types = ", ".join(f"'{column['name']}': '{self.type_of(column)}'" for column in table["columns"])
            source = f"read_csv('{schema.file(table)}', header = true, columns = {{{types}}})"
            self.connection.execute(f"CREATE TABLE {table['name']} AS SELECT * FROM {source}")

    def type_of(self, column):
        return TYPES.get(column["kind"]) or column["name"] + "_enum"

    def reported_bytes(self):
        return self.connection.execute("SELECT sum(memory_usage_bytes) FROM duckdb_memory()").fetchone()[0]

    def prepare(self):
        self.connection.execute(f"CREATE TABLE flat AS {self.schema.flat_sql()} ORDER BY lo_orderdate")
        self.connection.execute("ANALYZE")

    def forms(self, query):
        return list(query["sql"])

    def run(self, query, form):
        return self.connection.sql(query["sql"][form]).to_arrow_table()

    def to_arrow(self, result):
        return result

    def clients(self, asked, client_count, seconds):
        """Each caller has a cursor and asks the same questions, beginning at another one."""
        runs = [[] for _ in range(client_count)]
        end = time.perf_counter() + seconds

        def ask(client):
            cursor = self.connection.cursor()
            position = client * len(asked) // client_count
            while time.perf_counter() < end:
                start = time.perf_counter()
                cursor.sql(asked[position % len(asked)]).to_arrow_table()
                runs[client].append((time.perf_counter() - start) * 1e3)
                position += 1

        threads = [threading.Thread(target=ask, args=(client,)) for client in range(client_count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(runs, [])


protocol.serve(DuckDb())
