//! What is printed while a run goes on.

use super::gates::Gate;
use crate::results::{Line, Restricted, Results};

/// Who takes part, how fast they loaded and what they hold.
pub(crate) fn print_loading(results: &Results) {
    let Results { setting, machine, ours, .. } = results;
    println!("{}, {} cores, {} GiB, kernel {}", machine.processor, machine.cores, machine.memory_gib, machine.kernel);
    println!("{} threads; read bandwidth {:.1} GB/s", setting.threads, results.read_bytes_per_s / 1e9);
    let per_fact = |bytes: u64| number(bytes) / number(setting.facts as u64);
    println!("{} facts, {:.2} GB of CSV", setting.facts, number(setting.csv_bytes) / 1e9);
    println!("cubegate: loaded in {:.0} ms, {:.1} bytes per fact", ours.load_ms, per_fact(ours.resident_bytes));
    for (name, peer) in &results.peers {
        println!(
            "{name} {}: loaded in {:.0} ms, {:.1} bytes per fact ({:.1} by its own count)",
            peer.version,
            peer.load_ms,
            per_fact(peer.resident_bytes),
            per_fact(peer.reported_bytes)
        );
    }
}

/// The beginning of the part of one restriction.
pub(crate) fn print_restriction(restricted: &Restricted) {
    let Restricted { name, visible, mask_ms } = restricted;
    println!("\n{name}: {visible} facts visible, mask made in {mask_ms:.2} ms");
}

/// One query.
pub(crate) fn print_line(results: &Results, line: &Line) {
    let peers = line.peers.iter().map(|(name, best)| format!("{name} {:.2} ({})", best.timing.median_ms(), best.form));
    let ratio = line.ratio().map(|ratio| format!("{ratio:5.1}×  ")).unwrap_or_default();
    println!(
        "{:10} {:9.3} ms (min {:.3}, first {:.3})  {ratio}{:5.0} M facts/s/core {:3.0} % of bandwidth  {} rows  {}",
        line.query,
        line.ours.median_ms(),
        line.ours.min_ms(),
        line.first_ms,
        results.facts_per_core_s(line) / 1e6,
        results.bandwidth_part(line) * 100.0,
        line.rows,
        peers.collect::<Vec<_>>().join(", ")
    );
}

/// Which bounds hold.
pub(crate) fn print_gates(gates: &[Gate]) {
    println!();
    for gate in gates {
        println!("{}  {}: {}", gate.verdict(), gate.rule, gate.found);
    }
}

#[expect(clippy::cast_precision_loss, reason = "bytes and facts of one machine")]
fn number(count: u64) -> f64 {
    count as f64
}
