//! A cube over the tables of a case.

use cubegate_cube::{MeasureDefinition, MeasureFormula, Mode};

use super::{
    cases::{Case, Formula},
    data::{TABLES, csv_text},
};
use crate::fixture::{Built, cube};

pub(crate) fn build(case: &Case) -> Built {
    let mut fixture = cube().mode(Mode::Auto);
    for (table, key_count, columns) in TABLES {
        let keys: Vec<&str> = columns[..key_count].iter().map(|(name, _)| *name).collect();
        fixture = fixture.table(table, &keys, csv_text(table, &case.tables[table]));
        for (name, kind) in columns {
            fixture = fixture.typed(name, kind.column_type());
        }
    }
    for (index, levels) in case.hierarchies.iter().enumerate() {
        let levels: Vec<String> = levels.iter().map(|(table, name)| format!("{table}/{name}")).collect();
        fixture = fixture.hierarchy(&format!("H{index}"), &levels.iter().map(String::as_str).collect::<Vec<_>>());
    }
    for (name, formula) in &case.measures {
        let kind = match formula {
            Formula::Plain(formula) => formula.clone(),
            Formula::Arithmetic(arithmetic) => MeasureFormula::Expression(arithmetic.text()),
        };
        fixture = fixture.measure(MeasureDefinition { name: name.clone(), kind });
    }
    for (from, to) in &case.joins {
        fixture = fixture.join(from.0, to.0, &[(from.1, to.1)]);
    }
    fixture.build()
}
