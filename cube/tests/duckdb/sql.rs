//! SQL that asks DuckDB what a case asks the cube.
//!
//! ```text
//! base                  facts, with what they find in joined tables, visible and wanted
//! a0, a1, …             aggregates by a grouping
//! d0, d1, …             measures over measures by a grouping
//! ```

use std::{collections::BTreeSet, fmt::Write as _};

use cubegate_cube::{ColumnName, MeasureFormula, PathTest, Paths};
use serde_json::{Value, json};

use crate::{
    cases::{Arithmetic, Case, Formula, level_name},
    conditions::{condition, speaks_of_measures},
    data::{Column, Kind, TABLES, columns_of, is_reversed, kind_of, reached},
};

/// The level of each group, or that facts are not grouped by it.
pub(crate) type Grouping = Vec<Option<usize>>;

/// Builds one query, common table expression by common table expression.
pub(crate) struct Builder<'a> {
    case: &'a Case,
    query: &'a Value,
    /// Hierarchy and deepest level of each group, in the order of the query.
    groups: Vec<(usize, usize)>,
    /// The measures that are asked for, and those that they are made of.
    needed: BTreeSet<String>,
    tables: Vec<String>,
}

pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

pub(crate) fn texts(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// The hierarchy, the index and the column of a level that is written as `H0/city`.
pub(crate) fn find_level(case: &Case, written: &str) -> (usize, usize, Column) {
    let levels = case.hierarchies.iter().enumerate().flat_map(|(hierarchy, levels)| {
        levels.iter().enumerate().map(move |(index, column)| (hierarchy, index, *column))
    });
    levels.into_iter().find(|(hierarchy, _, column)| level_name(*hierarchy, *column) == written).unwrap()
}

fn sql_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Text(_) => "VARCHAR",
        Kind::Bool => "BOOLEAN",
        Kind::Int => "BIGINT",
        Kind::Decimal => "DECIMAL(10,2)",
        Kind::Quarter | Kind::Odd => "DOUBLE",
        Kind::Date => "DATE",
        Kind::Timestamp => "TIMESTAMP",
    }
}

/// Statements that make the tables of a case; later rows with the same key replace earlier ones.
pub(crate) fn tables(case: &Case) -> Vec<String> {
    let mut statements = Vec::new();
    for (table, key_count, columns) in TABLES {
        let declared: Vec<String> =
            columns.iter().map(|(name, kind)| format!("{} {}", quoted(name), sql_type(*kind))).collect();
        statements.push(format!("CREATE OR REPLACE TABLE {table} ({}, line INTEGER)", declared.join(", ")));
        let value = |(cell, (_, kind)): (&String, &(&str, Kind))| match kind {
            Kind::Text(_) if cell.is_empty() => literal("N/A"),
            _ if cell.is_empty() => "NULL".to_owned(),
            Kind::Timestamp => format!("TIMESTAMP {}", literal(cell.trim_end_matches('Z'))),
            _ => literal(cell),
        };
        let row = |(line, row): (usize, &Vec<String>)| {
            let values: Vec<String> = row.iter().zip(columns).map(value).collect();
            format!("({}, {line})", values.join(", "))
        };
        let rows: Vec<String> = case.tables[table].iter().enumerate().map(row).collect();
        if !rows.is_empty() {
            statements.push(format!("INSERT INTO {table} VALUES {}", rows.join(", ")));
        }
        if key_count > 0 {
            let keys: Vec<String> = columns[..key_count].iter().map(|(name, _)| quoted(name)).collect();
            let latest = format!("row_number() OVER (PARTITION BY {} ORDER BY line DESC) = 1", keys.join(", "));
            statements.push(format!("CREATE OR REPLACE TABLE {table} AS SELECT * FROM {table} QUALIFY {latest}"));
        }
    }
    statements
}

impl<'a> Builder<'a> {
    pub(crate) fn new(case: &'a Case, query: &'a Value) -> Self {
        let mut groups: Vec<(usize, usize)> = Vec::new();
        for name in texts(&query["levels"]) {
            let (hierarchy, index, _) = find_level(case, &name);
            match groups.iter_mut().find(|group| group.0 == hierarchy) {
                Some(group) => group.1 = group.1.max(index),
                None => groups.push((hierarchy, index)),
            }
        }
        let ordered =
            query["order"].as_array().unwrap().iter().map(|criterion| criterion["by"].as_str().unwrap().to_owned());
        let asked = texts(&query["measures"]).into_iter().chain(speaks_of(&query["filter"])).chain(ordered);
        let mut needed = BTreeSet::new();
        let mut open: Vec<String> = asked.filter(|name| !name.starts_with('H')).collect();
        while let Some(name) = open.pop() {
            open.extend(operands(case, &name));
            needed.insert(name);
        }
        let mut builder = Self { case, query, groups, needed, tables: Vec::new() };
        builder.tables.push(format!("base AS MATERIALIZED ({})", builder.base()));
        builder
    }

    /// The level columns: group and level of each.
    pub(crate) fn columns(&self) -> Vec<(usize, usize)> {
        let of_group =
            |(group, (_, deepest)): (usize, &(usize, usize))| (0..=*deepest).map(move |level| (group, level));
        self.groups.iter().enumerate().flat_map(of_group).collect()
    }

    /// The rows that have members in the first columns: members and values, in the order of the query.
    pub(crate) fn rows(mut self, depth: usize) -> String {
        let columns = self.columns();
        let last =
            |group: usize| columns[..depth].iter().filter(|column| column.0 == group).map(|column| column.1).max();
        let grouping: Grouping = (0..self.groups.len()).map(last).collect();
        let keys = self.keys(&grouping);
        let measures = texts(&self.query["measures"]);
        let criteria = self.query["order"].as_array().unwrap().clone();
        let ordered = criteria.iter().map(|criterion| criterion["by"].as_str().unwrap().to_owned());
        let all: Vec<String> =
            measures.iter().cloned().chain(speaks_of(&self.query["filter"])).chain(ordered).collect();
        let cells = self.aggregates(&grouping);
        let mut joins = String::new();
        let mut values: Vec<(String, String)> = Vec::new();
        for name in all.iter().filter(|name| !name.starts_with('H')) {
            if values.iter().any(|(known, _)| known == name) {
                continue;
            }
            let (table, value) = self.measure(name, &grouping);
            if table != cells && !joins.contains(&format!("JOIN {table} ON")) {
                write!(joins, " JOIN {table} ON {}", same(&keys, &cells, &table)).unwrap();
            }
            values.push((name.clone(), format!("{table}.{value}")));
        }
        let chosen = keys
            .iter()
            .map(|key| format!("{cells}.{key}"))
            .chain(values.iter().map(|(name, value)| format!("{value} AS {}", quoted(&format!("value of {name}")))));
        let chosen: Vec<String> = chosen.collect();
        let inner = format!("SELECT {}, 1 AS one FROM {cells}{joins}", chosen.join(", "));
        let shown: Vec<String> = measures.iter().map(|name| quoted(&format!("value of {name}"))).collect();
        let is_shown = format!("({} IS NOT NULL)", shown.join(" IS NOT NULL OR "));
        let member = |level: &str| {
            let (hierarchy, index, column) = find_level(self.case, level);
            let group = self.groups.iter().position(|group| group.0 == hierarchy).unwrap();
            (key_name(group, index), kind_of(column))
        };
        let value = |name: &str| quoted(&format!("value of {name}"));
        let of_rows: Vec<String> = conjuncts(&self.query["filter"])
            .into_iter()
            .filter(|part| speaks_of_measures(part))
            .map(|part| condition(part, &member, &value))
            .collect();
        let conditions = [vec![is_shown], of_rows].concat().join(" AND ");
        let result: Vec<String> = keys.iter().cloned().chain(shown).collect();
        let by_criterion = |criterion: &Value| {
            let by = criterion["by"].as_str().unwrap();
            let is_descending = criterion["direction"] == "desc";
            let direction = if is_descending { "DESC" } else { "ASC" };
            if by.starts_with('H') {
                // A missing member is a member, the last one.
                let nulls = if is_descending { "FIRST" } else { "LAST" };
                format!("{} {direction} NULLS {nulls}", member(by).0)
            } else {
                format!("{} {direction} NULLS LAST", value(by))
            }
        };
        let naturally = keys.iter().map(|key| format!("{key} NULLS LAST"));
        let order: Vec<String> =
            criteria.iter().filter(|_| depth == columns.len()).map(by_criterion).chain(naturally).collect();
        let order = if order.is_empty() { String::new() } else { format!(" ORDER BY {}", order.join(", ")) };
        format!("WITH {} SELECT {} FROM ({inner}) WHERE {conditions}{order}", self.tables.join(", "), result.join(", "))
    }

    fn base(&self) -> String {
        let known = reached(&self.case.joins);
        let mut from = "Facts".to_owned();
        for (one, other) in self.case.joins.iter().filter(|(one, _)| known.contains(&one.0)) {
            let (table, on) = (other.0, format!("{}.{} = {}.{}", one.0, quoted(one.1), other.0, quoted(other.1)));
            write!(from, " LEFT JOIN {table} ON {on}").unwrap();
        }
        let all = TABLES.iter().filter(|(table, _, _)| known.contains(table)).flat_map(|(table, _, _)| {
            columns_of(table).iter().map(move |(name, kind)| {
                let column = format!("{table}.{}", quoted(name));
                match kind {
                    Kind::Text(_) => format!("coalesce({column}, 'N/A') AS {}", quoted(name)),
                    _ => format!("{column} AS {}", quoted(name)),
                }
            })
        });
        let all: Vec<String> = all.collect();
        let member = |level: &str| {
            let (_, _, column) = find_level(self.case, level);
            (quoted(column.1), kind_of(column))
        };
        let nothing = |name: &str| -> String { unreachable!("{name} is asked of rows") };
        let wanted = conjuncts(&self.query["filter"])
            .into_iter()
            .filter(|part| !speaks_of_measures(part))
            .map(|part| condition(part, &member, &nothing));
        let conditions: Vec<String> = std::iter::once(visible(&self.case.mask)).chain(wanted).collect();
        format!("SELECT * FROM (SELECT {} FROM {from}) WHERE {}", all.join(", "), conditions.join(" AND "))
    }

    fn keys(&self, grouping: &Grouping) -> Vec<String> {
        let of_group = |(group, level): (usize, &Option<usize>)| -> Vec<String> {
            (0..level.map_or(0, |level| level + 1)).map(|level| key_name(group, level)).collect()
        };
        grouping.iter().enumerate().flat_map(of_group).collect()
    }

    /// The table of all aggregates by a grouping.
    fn aggregates(&mut self, grouping: &Grouping) -> String {
        let keys = self.keys(grouping);
        let chosen = grouping.iter().enumerate().flat_map(|(group, level)| {
            let levels = &self.case.hierarchies[self.groups[group].0];
            let end = level.map_or(0, |level| level + 1);
            levels[..end]
                .iter()
                .enumerate()
                .map(move |(level, column)| format!("{} AS {}", quoted(column.1), key_name(group, level)))
                .collect::<Vec<_>>()
        });
        let reference = self.query["context"]["referenceCurrency"].as_str();
        let automatic = [
            "contributors.COUNT",
            "size.SUM",
            "size.MEAN",
            "left.SUM",
            "price.SUM",
            "price.MEAN",
            "sold.SUM",
            "sold.MEAN",
        ];
        let automatic = automatic.map(|name| (aggregate_of(name), name.to_owned())).into_iter();
        let plain = self.case.measures.iter().filter_map(|(name, formula)| match formula {
            Formula::Plain(formula) => Some((aggregate(self.case, reference, formula)?, name.clone())),
            Formula::Arithmetic(_) => None,
        });
        let needed = automatic.chain(plain).filter(|(_, name)| self.needed.contains(name));
        let values = needed.map(|(value, name)| format!("{value} AS {}", quoted(&name)));
        let chosen: Vec<String> = chosen.chain(values).chain(["1 AS one".to_owned()]).collect();
        // Without facts there is no cell, not even the one of everything.
        let by =
            if keys.is_empty() { "HAVING count(*) > 0".to_owned() } else { format!("GROUP BY {}", keys.join(", ")) };
        self.table('a', format!("SELECT {} FROM base {by}", chosen.join(", ")))
    }

    /// The name of a table with this content.
    fn table(&mut self, letter: char, content: String) -> String {
        let ending = format!(" AS MATERIALIZED ({content})");
        if let Some(known) = self.tables.iter().find_map(|table| table.strip_suffix(&ending)) {
            return known.to_owned();
        }
        let name = format!("{letter}{}", self.tables.len());
        self.tables.push(name.clone() + &ending);
        name
    }

    /// The table and the column with the values of a measure by a grouping.
    fn measure(&mut self, name: &str, grouping: &Grouping) -> (String, String) {
        let formula = self.case.measures.iter().find(|(known, _)| known == name).map(|(_, formula)| formula.clone());
        let content = match formula {
            None => return (self.aggregates(grouping), quoted(name)),
            Some(Formula::Arithmetic(arithmetic)) => self.arithmetic(&arithmetic, grouping),
            Some(Formula::Plain(formula)) => match formula {
                MeasureFormula::ShareOfParent { measure, hierarchy } => {
                    let group = self.groups.iter().position(|group| format!("H{}", group.0) == hierarchy);
                    match group.and_then(|group| Some((group, grouping[group]?))) {
                        Some((group, level)) => {
                            let mut parent = grouping.clone();
                            parent[group] = level.checked_sub(1);
                            self.share(&measure, grouping, &parent)
                        }
                        None => self.map(&measure, grouping, |own| format!("CASE WHEN {own} IS NOT NULL THEN 1e0 END")),
                    }
                }
                MeasureFormula::ShareOfTotal { measure } => {
                    let nothing = vec![None; self.groups.len()];
                    self.share(&measure, grouping, &nothing)
                }
                MeasureFormula::RunningTotal { measure, level } => match self.along(grouping, &level) {
                    None => self.map(&measure, grouping, str::to_owned),
                    Some((group, at)) => self.running_total(&measure, grouping, group, &at),
                },
                MeasureFormula::PreviousMember { measure, level } => match self.along(grouping, &level) {
                    None => self.map(&measure, grouping, |own| format!("CASE WHEN false THEN {own} END")),
                    Some((group, at)) => self.previous(&measure, grouping, group, &at),
                },
                _ => return (self.aggregates(grouping), quoted(name)),
            },
        };
        (self.table('d', content), "v".to_owned())
    }

    /// Keys and `v`, made of each value of a measure.
    fn map(&mut self, measure: &str, grouping: &Grouping, make: impl Fn(&str) -> String) -> String {
        let (table, value) = self.measure(measure, grouping);
        select(&self.keys(grouping), &table, &make(&format!("{table}.{value}")), &table)
    }

    fn arithmetic(&mut self, arithmetic: &Arithmetic, grouping: &Grouping) -> String {
        let cells = self.aggregates(grouping);
        let keys = self.keys(grouping);
        let mut from = cells.clone();
        let value = self.term(arithmetic, grouping, &keys, &cells, &mut from);
        select(&keys, &cells, &value, &from)
    }

    fn term(
        &mut self,
        term: &Arithmetic,
        grouping: &Grouping,
        keys: &[String],
        cells: &str,
        from: &mut String,
    ) -> String {
        match term {
            Arithmetic::Number(number) => format!("{number:e}"),
            Arithmetic::Measure(name) => {
                let (table, value) = self.measure(name, grouping);
                if table != cells && !from.contains(&format!("JOIN {table} ON")) {
                    write!(from, " JOIN {table} ON {}", same(keys, cells, &table)).unwrap();
                }
                format!("CAST({table}.{value} AS DOUBLE)")
            }
            Arithmetic::Negated(inner) => format!("(-{})", self.term(inner, grouping, keys, cells, from)),
            Arithmetic::Combined(operator, left, right) => {
                let left = self.term(left, grouping, keys, cells, from);
                let right = self.term(right, grouping, keys, cells, from);
                match operator {
                    '+' => format!("({left} + {right})"),
                    '-' | '−' => format!("({left} - {right})"),
                    '*' | '×' => format!("({left} * {right})"),
                    _ => format!("({left} / nullif({right}, 0))"),
                }
            }
        }
    }

    fn share(&mut self, measure: &str, grouping: &Grouping, whole: &Grouping) -> String {
        let (own, value) = self.measure(measure, grouping);
        let (all, whole_value) = self.measure(measure, whole);
        let keys = self.keys(whole);
        let share = format!("CAST(o.{value} AS DOUBLE) / nullif(CAST(w.{whole_value} AS DOUBLE), 0)");
        select(&self.keys(grouping), "o", &share, &format!("{own} o JOIN {all} w ON {}", same(&keys, "o", "w")))
    }

    /// The group of a level, and the grouping in which it is the deepest one of its group.
    fn along(&self, grouping: &Grouping, level: &str) -> Option<(usize, Grouping)> {
        let (hierarchy, index, _) = find_level(self.case, level);
        let group = self.groups.iter().position(|group| group.0 == hierarchy)?;
        grouping[group].filter(|level| *level >= index)?;
        let mut at = grouping.clone();
        at[group] = Some(index);
        Some((group, at))
    }

    fn running_total(&mut self, measure: &str, grouping: &Grouping, group: usize, at: &Grouping) -> String {
        let (table, value) = self.measure(measure, at);
        let keys = self.keys(at);
        let (path, others): (Vec<&String>, Vec<&String>) =
            keys.iter().partition(|key| key.starts_with(&format!("g{group}_")));
        let order: Vec<String> = path.iter().map(|key| format!("{key} NULLS LAST")).collect();
        let by = others.iter().map(|key| key.as_str()).collect::<Vec<_>>().join(", ");
        let by = if by.is_empty() { String::new() } else { format!("PARTITION BY {by} ") };
        let sum = format!("sum({value}) OVER ({by}ORDER BY {} ROWS UNBOUNDED PRECEDING)", order.join(", "));
        let totals = self.table('d', select(&keys, &table, &sum, &table));
        self.spread(grouping, &keys, &totals)
    }

    fn previous(&mut self, measure: &str, grouping: &Grouping, group: usize, at: &Grouping) -> String {
        let (table, value) = self.measure(measure, at);
        let keys = self.keys(at);
        let (path, others): (Vec<String>, Vec<String>) =
            keys.iter().cloned().partition(|key| key.starts_with(&format!("g{group}_")));
        let order: Vec<String> = path.iter().map(|key| format!("{key} NULLS LAST")).collect();
        let rank = format!("dense_rank() OVER (ORDER BY {})", order.join(", "));
        let ranked = self.table('d', select(&keys, &table, &format!("{value} AS w, {rank}"), &table));
        let on = format!("p.v = o.v - 1 AND {}", same(&others, "o", "p"));
        let before = select(&keys, "o", "p.w", &format!("{ranked} o LEFT JOIN {ranked} p ON {on}"));
        let before = self.table('d', before);
        self.spread(grouping, &keys, &before)
    }

    /// The values of a coarser grouping, in the cells of this one.
    fn spread(&mut self, grouping: &Grouping, keys: &[String], table: &str) -> String {
        let cells = self.aggregates(grouping);
        let from = format!("{cells} o JOIN {table} t ON {}", same(keys, "o", "t"));
        select(&self.keys(grouping), "o", "t.v", &from)
    }
}

fn key_name(group: usize, level: usize) -> String {
    format!("g{group}_{level}")
}

fn select(keys: &[String], of: &str, value: &str, from: &str) -> String {
    let keys: String = keys.iter().map(|key| format!("{of}.{key}, ")).collect();
    format!("SELECT {keys}{value} AS v FROM {from}")
}

fn same(keys: &[String], one: &str, other: &str) -> String {
    let equal = keys.iter().map(|key| format!("{one}.{key} IS NOT DISTINCT FROM {other}.{key}"));
    std::iter::once("true".to_owned()).chain(equal).collect::<Vec<_>>().join(" AND ")
}

/// Null of no numbers, and otherwise of the type that the cube has.
fn aggregate(case: &Case, reference: Option<&str>, formula: &MeasureFormula) -> Option<String> {
    let name = |written: &str| quoted(written.rsplit('/').next().unwrap());
    Some(match formula {
        MeasureFormula::Min(column) => format!("min({})", name(column)),
        MeasureFormula::Max(column) => format!("max({})", name(column)),
        MeasureFormula::Stddev(column) => format!("stddev_samp({})", name(column)),
        MeasureFormula::Variance(column) => format!("var_samp({})", name(column)),
        MeasureFormula::StddevPopulation(column) => format!("stddev_pop({})", name(column)),
        MeasureFormula::VariancePopulation(column) => format!("var_pop({})", name(column)),
        MeasureFormula::Median(column) => format!("quantile_cont(CAST({} AS DOUBLE), 0.5)", name(column)),
        MeasureFormula::Quantile { column, q } => format!("quantile_cont(CAST({} AS DOUBLE), {q})", name(column)),
        MeasureFormula::DistinctCount(column) => {
            let column = name(column);
            format!("count(DISTINCT CASE WHEN CAST({column} AS VARCHAR) <> 'N/A' THEN {column} END)")
        }
        MeasureFormula::SumProduct(columns) => {
            let factors: Vec<String> = columns.iter().map(|column| name(column)).collect();
            format!("sum({})", factors.join(" * "))
        }
        MeasureFormula::Convert { sum, currency, to, .. } => {
            let (amount, currency) = (name(sum), name(currency));
            let rate = rate(case, &currency, reference.unwrap_or(to));
            let lacking = format!("bool_or({amount} IS NOT NULL AND ({rate}) IS NULL)");
            format!("CASE WHEN NOT {lacking} THEN sum({amount} * ({rate})) END")
        }
        _ => return None,
    })
}

/// A count, sum or mean that a cube makes itself.
fn aggregate_of(name: &str) -> String {
    match name.split_once('.').unwrap() {
        ("contributors", _) => "count(*)".to_owned(),
        (column, "SUM") => format!("sum({})", quoted(column)),
        (column, _) => format!("CAST(sum({0}) AS DOUBLE) / nullif(count({0}), 0)", quoted(column)),
    }
}

/// The rate from a currency; the later of two rows for a pair holds, also when it has no rate.
fn rate(case: &Case, currency: &str, target: &str) -> String {
    let mut rates = std::collections::BTreeMap::from([(target, "1")]);
    let mut by_pair = std::collections::BTreeMap::new();
    for row in &case.tables["Rates"] {
        by_pair.insert((&*row[0], &*row[1]), &*row[2]);
    }
    let known = by_pair.into_iter().filter(|((from, to), rate)| !from.is_empty() && *to == target && !rate.is_empty());
    rates.extend(known.map(|((from, _), rate)| (from, rate)));
    let cases: String = rates.iter().map(|(from, rate)| format!(" WHEN {} THEN {rate}e0", literal(from))).collect();
    format!("CASE {currency}{cases} END")
}

/// The measures that a measure is made of.
fn operands(case: &Case, name: &str) -> Vec<String> {
    fn of_term(term: &Arithmetic) -> Vec<String> {
        match term {
            Arithmetic::Number(_) => Vec::new(),
            Arithmetic::Measure(name) => vec![name.clone()],
            Arithmetic::Negated(inner) => of_term(inner),
            Arithmetic::Combined(_, left, right) => [of_term(left), of_term(right)].concat(),
        }
    }
    match case.measures.iter().find(|(known, _)| known == name).map(|(_, formula)| formula) {
        Some(Formula::Arithmetic(term)) => of_term(term),
        Some(Formula::Plain(
            MeasureFormula::ShareOfParent { measure, .. }
            | MeasureFormula::ShareOfTotal { measure }
            | MeasureFormula::RunningTotal { measure, .. }
            | MeasureFormula::PreviousMember { measure, .. },
        )) => vec![measure.clone()],
        _ => Vec::new(),
    }
}

fn conjuncts(filter: &Value) -> Vec<&Value> {
    match &filter["and"] {
        _ if filter.is_null() => Vec::new(),
        Value::Array(all) => all.iter().flat_map(conjuncts).collect(),
        _ => vec![filter],
    }
}

/// The measures that a filter mentions.
fn speaks_of(filter: &Value) -> Vec<String> {
    match filter {
        Value::Object(fields) => {
            let own = fields.get("measure").and_then(Value::as_str).map(str::to_owned);
            own.into_iter().chain(fields.values().flat_map(speaks_of)).collect()
        }
        Value::Array(items) => items.iter().flat_map(speaks_of).collect(),
        _ => Vec::new(),
    }
}

fn visible(mask: &[Vec<Vec<PathTest>>]) -> String {
    let leaf = |PathTest { columns, negated, paths }: &PathTest| {
        let all = || TABLES.iter().flat_map(|(table, _, columns)| columns.iter().map(move |of| (*table, of.0, of.1)));
        let kind = |column: &ColumnName| {
            let is_meant = |(table, name, _): &(&str, &str, Kind)| column.table == *table && column.column == *name;
            all().find(is_meant).unwrap().2
        };
        let kinds: Vec<Kind> = columns.iter().map(kind).collect();
        if is_reversed(&kinds, paths) {
            return "false".to_owned();
        }
        let names = || columns.iter().map(|column| column.column.as_str());
        let is = |name: &str, value: &str| json!({"level": name, "in": [value]});
        let test = match paths {
            Paths::In(paths) => {
                let path =
                    |path: &Vec<String>| names().zip(path).map(|(name, value)| is(name, value)).collect::<Vec<_>>();
                json!({"or": paths.iter().map(|of| json!({"and": path(of)})).collect::<Vec<_>>()})
            }
            Paths::Between { from, to } => {
                // From the finest to the coarsest: beyond the bound here, or at it and on the right side further down.
                let side = |operator: &str, bound: &[String]| {
                    let members: Vec<(&str, &String)> = names().zip(bound).collect();
                    members.iter().rev().fold(json!({"and": []}), |below, (name, value)| {
                        let at_the_bound = json!([is(name, value), {"not": is(name, "N/A")}, below]);
                        json!({"or": [{"level": name, operator: value}, {"and": at_the_bound}]})
                    })
                };
                json!({"and": [side("greaterThan", from), side("lessThan", to)]})
            }
        };
        let missing: Vec<_> = names().map(|name| is(name, "N/A")).collect();
        let test = if *negated { json!({"not": {"or": [test, {"or": missing}]}}) } else { test };
        let kind = |name: &str| all().find(|of| of.1 == name).map(|of| (quoted(name), of.2)).unwrap();
        condition(&test, &kind, &|_| unreachable!("restrictions are of members"))
    };
    let all = |all: &Vec<PathTest>| {
        std::iter::once("true".to_owned()).chain(all.iter().map(leaf)).collect::<Vec<_>>().join(" AND ")
    };
    let any = |any: &Vec<Vec<PathTest>>| format!("({})", any.iter().map(all).collect::<Vec<_>>().join(" OR "));
    std::iter::once("true".to_owned()).chain(mask.iter().map(any)).collect::<Vec<_>>().join(" AND ")
}
