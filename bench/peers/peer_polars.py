"""Polars: narrow integers and Enums; lazily, with both of its engines."""

import operator
import os
import sys

os.environ["POLARS_MAX_THREADS"] = sys.argv[1]

import polars as pl  # noqa: E402  (reads the number of threads when it is imported)
import protocol  # noqa: E402

# The sum of a column has the column's type, so that money needs more than 32 bits.
TYPES = {"small": pl.UInt8, "medium": pl.UInt16, "large": pl.Int32, "money": pl.Int64, "name": pl.String, "date": pl.Date}


class Polars:
    def version(self):
        return pl.__version__

    def load(self, schema, threads):
        assert pl.thread_pool_size() == threads, "the number of threads was not taken"
        self.schema = schema
        self.enums = {column: pl.Enum(values) for column, values in schema.categories.items()}
        self.frames = {table["name"]: self.read(table) for table in schema.tables}
        self.table_of = {c["name"]: table for table in schema.tables for c in table["columns"]}

    def read(self, table):
        types = {c["name"]: TYPES.get(c["kind"]) or self.enums[c["name"]] for c in table["columns"]}
        return pl.read_csv(self.schema.file(table), schema=types)

    def reported_bytes(self):
        return sum(frame.estimated_size() for frame in self.frames.values())

    def prepare(self):
        flat = self.frames["lineorder"].lazy()
        for table in self.schema.tables:
            if table["join"]:
                left, right = table["join"]
                flat = flat.join(self.frames[table["name"]].lazy(), left_on=left, right_on=right, coalesce=False)
        flat = flat.select(column["name"] for column in self.schema.flat_columns())
        self.frames["flat"] = flat.collect().rechunk()

    def forms(self, query):
        return ["flat", "flat, streaming", "star", "star, streaming"]

    def run(self, query, form):
        layout, _, streaming = form.partition(", ")
        facts = self.flat(query) if layout == "flat" else self.star(query)
        engine = "streaming" if streaming else "in-memory"
        groups, measures = query["groups"], [self.measure(measure) for measure in query["measures"]]
        names = [f"m{index}" for index in range(len(measures))]
        measures = [measure.alias(name) for measure, name in zip(measures, names)]
        if not groups:
            return facts.select(measures).collect(engine=engine)
        cells = facts.group_by(groups).agg(measures).collect(engine=engine)
        if query["totals"]:
            depths = [cells]
            for depth in reversed(range(1, len(groups))):
                depths.append(depths[-1].group_by(groups[:depth]).agg(pl.col(names).sum()))
            depths.append(depths[-1].select(pl.col(names).sum()))
            cells = pl.concat(depths, how="diagonal")
        return cells.select(groups + names)

    def to_arrow(self, result):
        return result.to_arrow()

    def flat(self, query):
        return self.filtered(self.frames["flat"].lazy(), query["filter"])

    def star(self, query):
        """The facts, joined only to what the query speaks of, each dimension filtered before."""
        tests = lambda table: [t for t in query["filter"] if self.table_of[t["column"]] is table]
        facts = None
        for table in reversed(self.schema.tables):
            frame = self.filtered(self.frames[table["name"]].lazy(), tests(table))
            if facts is None:
                facts = frame
            elif any(self.table_of[column] is table for column in query["columns"]):
                left, right = table["join"]
                wanted = [c for c in query["columns"] if self.table_of[c] is table and c != right]
                facts = facts.join(frame.select([right] + wanted), left_on=left, right_on=right, coalesce=right not in query["columns"])
        return facts

    def filtered(self, frame, tests):
        conditions = [self.condition(test) for test in tests]
        return frame.filter(*conditions) if conditions else frame

    def condition(self, test):
        column = pl.col(test["column"])
        kind = self.enums.get(test["column"])
        value = (lambda v: pl.lit(v, dtype=kind)) if kind else pl.lit
        known = set(self.schema.categories[test["column"]]) if kind else None
        if "between" in test:
            low, high = test["between"]
            if known is None or {low, high} <= known:
                return column.is_between(value(low), value(high))
            wanted = [one for one in known if low <= one <= high]
        else:
            # An Enum cannot be compared with a text that is none of its own; small data do not have all of them.
            wanted = [one for one in test["in"] if known is None or one in known]
        if len(wanted) == 1:
            return column == value(wanted[0])
        kind = kind or self.frames[self.table_of[test["column"]]["name"]].schema[test["column"]]
        return column.is_in(pl.lit(pl.Series(wanted, dtype=kind)).implode())

    def measure(self, measure):
        if measure == "count":
            return pl.len()
        [(kind, of)] = measure.items()
        if kind == "sum":
            # Narrow columns are summed in 64 bits by Polars itself.
            return pl.col(of).sum()
        if kind == "distinctCount":
            return pl.col(of).n_unique()
        combine = operator.mul if kind == "sumProduct" else operator.sub
        return combine(pl.col(of[0]), pl.col(of[1])).sum()


protocol.serve(Polars())
