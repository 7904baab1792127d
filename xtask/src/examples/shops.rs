//! `examples/ten-thousand-shops`: one sale of each shop.

use std::fmt::Write as _;

const SHOPS: u32 = 10_000;

/// The file of the example. Shop n sells 1 to 9 pieces, by the last digit of n in the system of base nine.
pub(super) fn generate() -> String {
    let mut csv = "Sale ID,Shop,Quantity\n".to_owned();
    for number in 1..=SHOPS {
        writeln!(csv, "T{number:05},S{number:05},{}.0", number % 9 + 1).expect("a String takes whatever is written");
    }
    csv
}
