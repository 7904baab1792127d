"""DataFusion: narrow integers and dictionary arrays, in memory, in as many partitions as there are threads."""

import os
import sys

os.environ["TOKIO_WORKER_THREADS"] = sys.argv[1]

import datafusion  # noqa: E402  (reads the number of threads when it is imported)
import pyarrow  # noqa: E402
from datafusion import SessionConfig, SessionContext  # noqa: E402

import protocol  # noqa: E402

TYPES = {
    "small": pyarrow.uint8(),
    "medium": pyarrow.uint16(),
    "large": pyarrow.int32(),
    "money": pyarrow.int32(),
    "name": pyarrow.string(),
    "date": pyarrow.date32(),
}
CATEGORY = "Dictionary(UInt16, Utf8)"


class DataFusion:
    def version(self):
        return datafusion.__version__

    def load(self, schema, threads):
        self.schema, self.threads = schema, threads
        config = SessionConfig().with_target_partitions(threads).set("datafusion.execution.collect_statistics", "true")
        self.context = SessionContext(config)
        self.loaded_bytes = 0
        for table in schema.tables:
            types = pyarrow.schema([(c["name"], TYPES.get(c["kind"], pyarrow.string())) for c in table["columns"]])
            self.context.register_csv("source", schema.file(table), schema=types, has_header=True)
            columns = ", ".join(self.read(column) for column in table["columns"])
            self.register(table["name"], f"SELECT {columns} FROM source")
            self.context.deregister_table("source")

    def read(self, column):
        name = column["name"]
        return f"arrow_cast({name}, '{CATEGORY}') AS {name}" if column["kind"] == "category" else name

    def register(self, name, sql):
        """Keeps the rows as a table of as many partitions as there are threads."""
        batches = self.context.sql(sql).collect()
        self.loaded_bytes += sum(batch.nbytes for batch in batches)
        parts = [batches[part :: self.threads] for part in range(self.threads)]
        self.context.register_record_batches(name, [part for part in parts if part])

    def reported_bytes(self):
        return self.loaded_bytes

    def prepare(self):
        self.register("flat", self.schema.flat_sql())

    def forms(self, query):
        return list(query["sql"])

    def run(self, query, form):
        return self.context.sql(query["sql"][form]).to_arrow_table()

    def to_arrow(self, result):
        return result


protocol.serve(DataFusion())
