"""Runs statements in DuckDB: a line of JSON in, `{"setup": [...]}` or `{"query": ...}`; a line of JSON out for each query.

Decimals and integers beyond 53 bits are written as texts, so that no digit is lost.
"""

import datetime
import decimal
import json
import math
import sys

import duckdb


def plain(value):
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (int, decimal.Decimal)):
        return {"exact": format(value, "f") if isinstance(value, decimal.Decimal) else str(value)}
    if isinstance(value, float):
        return {"double": value} if math.isfinite(value) else None
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, datetime.date):
        return value.isoformat()
    return value


def main():
    connection = duckdb.connect(":memory:", config={"threads": 1})
    for line in sys.stdin:
        asked = json.loads(line)
        if "setup" in asked:
            connection.execute(";".join(asked["setup"]))
            continue
        try:
            rows = connection.execute(asked["query"]).fetchall()
            answer = {"rows": [[plain(value) for value in row] for row in rows]}
        except duckdb.Error as error:
            answer = {"error": str(error)}
        print(json.dumps(answer), flush=True)


main()
