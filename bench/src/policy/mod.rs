//! A large policy: how long it takes to compile, how much of a Secret it fills, how long it takes to decide by it.
//!
//! ```text
//! objects ──compile──▶ Snapshot ──publish──▶ Secret ──read, bind──▶ what pods hold ──each request──▶ roles, rows
//! ```
//!
//! One core, and nobody beside us: no peer has such a policy.

mod limits;
mod measure;
mod objects;

use anyhow::{Result, ensure};

use crate::{
    machine::Machine,
    report::{Gate, print_gates},
};
use measure::Figures;
use objects::Callers;
pub(crate) use objects::Scale;

/// Measures, prints, and fails when a gate does not hold.
pub(crate) fn run(scale: Scale) -> Result<()> {
    let machine = Machine::here();
    println!("{}, {} GiB, kernel {}, {}", machine.processor, machine.memory_gib, machine.kernel, machine.commit);
    let Scale { users, roles, restrictions } = scale;
    println!("{users} TechnicalUsers, {roles} Roles, {restrictions} Restrictions; one core");
    let objects = objects::objects(scale);
    let callers = Callers::of(scale);
    let figures = measure::measure(&objects, &callers)?;
    print(&figures);
    let gates = gates(&figures);
    print_gates(&gates);
    let failed = gates.iter().filter(|gate| gate.holds != Some(true)).count();
    ensure!(failed == 0, "{failed} of {} gates do not hold", gates.len());
    Ok(())
}

fn print(figures: &Figures) {
    println!("\n{:28} {:>12} {:>12}", "", "median", "p99");
    for (what, timing) in [
        ("compile", &figures.compile),
        ("publish", &figures.publish),
        ("read", &figures.read),
        ("bind to the model", &figures.bind),
    ] {
        println!("{what:28} {:9.1} ms {:9.1} ms", timing.median_ms(), timing.quantile_ms(0.99));
    }
    for (what, timing) in [("roles and rows, first time", &figures.cold), ("roles and rows, again", &figures.again)] {
        println!("{what:28} {:9.2} µs {:9.2} µs", timing.median_ms() * 1e3, timing.quantile_ms(0.99) * 1e3);
    }
    println!("{} bytes of snapshot, {} published", figures.snapshot_bytes, figures.published_bytes);
}

fn gates(figures: &Figures) -> Vec<Gate> {
    let at_most = |rule: &str, found_ms: f64, bound_ms: f64| Gate {
        rule: format!("{rule} in at most {bound_ms} ms"),
        found: format!("{found_ms:.4} ms"),
        holds: Some(found_ms <= bound_ms),
    };
    vec![
        at_most("compiled", figures.compile.median_ms(), limits::COMPILE_MS_MAX),
        at_most("roles and rows of a caller, first time, p99", figures.cold.quantile_ms(0.99), limits::COLD_MS_MAX),
        at_most("roles and rows of a caller, again, median", figures.again.median_ms(), limits::AGAIN_MS_MAX),
        Gate {
            rule: format!("published in at most {} bytes", cubegate_policy::limits::PUBLISHED_BYTES_MAX),
            found: figures.published_bytes.to_string(),
            holds: Some(figures.published_bytes <= cubegate_policy::limits::PUBLISHED_BYTES_MAX),
        },
    ]
}
