//! The rule for visible rows, a second time: one row after the other, straight from the objects, without anything
//! of the product but its types of objects.
//!
//! `visible(x) ⇔ ROLE_ADMIN ∨ ∀h: A_h = ∅ ∨ ∃a ∈ A_h: x satisfies a`

use cubegate_api::{Restriction, Role, restriction::Condition};

use crate::support::Row;

/// Objects of a Session that is in order.
#[derive(Clone, Debug)]
pub(crate) struct NaivePolicy {
    pub(crate) roles: Vec<Role>,
    pub(crate) restrictions: Vec<Restriction>,
}

impl NaivePolicy {
    /// `hierarchies` are those of the cube, each a list of (table, column).
    pub(crate) fn visible(&self, base: &[String], hierarchies: &[Vec<(String, String)>], row: &Row) -> bool {
        let mut roles: Vec<String> = base.to_vec();
        while let Some(more) = self.next_inherited(&roles) {
            roles.push(more);
        }
        if roles.iter().any(|role| role == "ROLE_ADMIN") {
            return true;
        }
        let mut all = hierarchies.to_vec();
        for role in &roles {
            for line in self.lines(role) {
                let column = (line.table.clone().unwrap(), line.column.clone().unwrap());
                if !all.iter().any(|hierarchy| hierarchy.contains(&column)) {
                    all.push(vec![column]);
                }
            }
        }
        all.iter().all(|hierarchy| {
            let mut restricted = false;
            let mut admitted = false;
            for role in &roles {
                let lines = self.lines(role);
                let cut: Vec<&Condition> = lines
                    .into_iter()
                    .filter(|line| hierarchy.contains(&(line.table.clone().unwrap(), line.column.clone().unwrap())))
                    .collect();
                if !cut.is_empty() {
                    restricted = true;
                    admitted |= cut.into_iter().all(|line| satisfies(row, line));
                }
            }
            !restricted || admitted
        })
    }

    fn next_inherited(&self, roles: &[String]) -> Option<String> {
        let inherited = self.roles.iter().filter(|role| roles.contains(&role.spec.role_name.clone().unwrap()));
        inherited.flat_map(|role| role.spec.inherits.clone()).find(|role| !roles.contains(role))
    }

    fn lines(&self, role: &str) -> Vec<&Condition> {
        let mut lines = Vec::new();
        for object in &self.roles {
            if object.spec.role_name.as_deref() == Some(role) {
                for restriction in &self.restrictions {
                    if object.spec.restrictions.contains(restriction.metadata.name.as_ref().unwrap()) {
                        lines.extend(&restriction.spec.r#where);
                    }
                }
            }
        }
        lines
    }
}

fn satisfies(row: &Row, line: &Condition) -> bool {
    let (_, value) = row
        .iter()
        .find(|(name, _)| Some(&name.table) == line.table.as_ref() && Some(&name.column) == line.column.as_ref())
        .unwrap();
    let equal = line.equals.as_ref().is_some_and(|wanted| wanted.to_text() == *value);
    let among = line.r#in.as_ref().is_some_and(|wanted| wanted.iter().any(|wanted| wanted.to_text() == *value));
    equal || among
}
