//! TPC-H rows turned into the rows of a star, in the manner of the Star Schema Benchmark.
//!
//! - A city is the first nine letters of its nation and a digit; a category is `MFGR#` and the two digits of the TPC-H
//!   brand; a brand is its category and a number from 01 to 40. Digit and number are a hash of the key.
//! - Revenue is price less discount, to the cent below. Supply cost is six tenths of the retail price.
//! - Customers, suppliers and parts are as many as TPC-H has.

use std::io::{self, Write};

use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator, RegionGenerator,
    SupplierGenerator,
};

const CITIES_PER_NATION: u64 = 10;
const CITY_PREFIX_LETTERS: usize = 9;
const BRANDS_PER_CATEGORY: u64 = 40;

/// Nations with their regions, by number.
struct Nations(Vec<(String, String)>);

pub(super) fn write_customers(file: &mut impl Write, scale: f64) -> io::Result<()> {
    let nations = Nations::all();
    for customer in CustomerGenerator::new(scale, 1, 1).iter() {
        let (key, place) = (customer.c_custkey, nations.place(customer.c_nationkey, customer.c_custkey));
        writeln!(file, "{key},{},{place},{}", customer.c_name, customer.c_mktsegment)?;
    }
    Ok(())
}

pub(super) fn write_suppliers(file: &mut impl Write, scale: f64) -> io::Result<()> {
    let nations = Nations::all();
    for supplier in SupplierGenerator::new(scale, 1, 1).iter() {
        let (key, place) = (supplier.s_suppkey, nations.place(supplier.s_nationkey, supplier.s_suppkey));
        writeln!(file, "{key},{},{place}", supplier.s_name)?;
    }
    Ok(())
}

pub(super) fn write_parts(file: &mut impl Write, scale: f64) -> io::Result<()> {
    for part in PartGenerator::new(scale, 1, 1).iter() {
        let manufacturer = part.p_mfgr.to_string().replace("Manufacturer", "MFGR");
        let category = part.p_brand.to_string().replace("Brand", "MFGR");
        let brand = hash(part.p_partkey) % BRANDS_PER_CATEGORY + 1;
        let (key, size) = (part.p_partkey, part.p_size);
        writeln!(
            file,
            "{key},{manufacturer},{category},{category}{brand:02},{},{size},{}",
            part.p_type, part.p_container
        )?;
    }
    Ok(())
}

/// Orders and their lines come in the same order, so that one pass joins them.
pub(super) fn write_lineorders(file: &mut impl Write, scale: f64) -> io::Result<()> {
    let orders = OrderGenerator::new(scale, 1, 1);
    let lines = LineItemGenerator::new(scale, 1, 1);
    let mut lines = lines.iter().peekable();
    for order in orders.iter() {
        while let Some(line) = lines.next_if(|line| line.l_orderkey == order.o_orderkey) {
            let (price, quantity) = (line.l_extendedprice.into_inner(), line.l_quantity);
            let (discount, tax) = (line.l_discount.into_inner(), line.l_tax.into_inner());
            let revenue = price * (100 - discount) / 100;
            let supply_cost = price / quantity * 6 / 10;
            writeln!(
                file,
                "{},{},{},{},{},{},{},{quantity},{price},{discount},{revenue},{supply_cost},{tax},{}",
                order.o_orderkey,
                line.l_linenumber,
                order.o_custkey,
                line.l_partkey,
                line.l_suppkey,
                order.o_orderdate,
                order.o_orderpriority,
                line.l_shipmode
            )?;
        }
    }
    Ok(())
}

impl Nations {
    fn all() -> Self {
        let regions: Vec<String> =
            RegionGenerator::new(1.0, 1, 1).iter().map(|region| region.r_name.to_owned()).collect();
        let region_of = |key: i64| usize::try_from(key).ok().and_then(|key| regions.get(key)).cloned();
        let nations = NationGenerator::new(1.0, 1, 1);
        Self(
            nations
                .iter()
                .map(|nation| (nation.n_name.to_owned(), region_of(nation.n_regionkey).expect("regions are numbered")))
                .collect(),
        )
    }

    /// `city,nation,region` of somebody with this key.
    fn place(&self, nation: i64, key: i64) -> String {
        let nation = usize::try_from(nation).ok().and_then(|nation| self.0.get(nation));
        let (nation, region) = nation.expect("nations are numbered from 0");
        let prefix: String = nation.chars().chain(std::iter::repeat(' ')).take(CITY_PREFIX_LETTERS).collect();
        format!("{prefix}{},{nation},{region}", hash(key) % CITIES_PER_NATION)
    }
}

/// Spreads neighbouring keys; the last step of a well-known generator of random numbers.
fn hash(key: i64) -> u64 {
    let mut bits = key.cast_unsigned().wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn rows(write: impl Fn(&mut Vec<u8>) -> io::Result<()>) -> Vec<Vec<String>> {
        let mut text = Vec::new();
        write(&mut text).unwrap();
        String::from_utf8(text).unwrap().lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
    }

    #[test]
    fn dimensions_have_the_hierarchies_of_the_star_schema_benchmark() {
        let customers = rows(|file| write_customers(file, 0.1));
        let distinct = |column: usize| customers.iter().map(|row| row[column].clone()).collect::<BTreeSet<_>>();
        assert_eq!((distinct(2).len(), distinct(3).len(), distinct(4).len()), (250, 25, 5));
        assert!(distinct(2).contains("UNITED KI1") && distinct(2).contains("CHINA    7"));

        let parts = rows(|file| write_parts(file, 0.1));
        let distinct = |column: usize| parts.iter().map(|row| row[column].clone()).collect::<BTreeSet<_>>();
        assert_eq!((distinct(1).len(), distinct(2).len(), distinct(3).len()), (5, 25, 1000));
        assert!(parts.iter().all(|row| row[3].starts_with(&row[2]) && row[2].starts_with(&row[1])));
    }

    #[test]
    fn a_line_carries_its_order_and_its_revenue() {
        let lines = rows(|file| write_lineorders(file, 0.001));
        assert!(lines.len() > 5_000, "{} lines", lines.len());
        let number = |row: &[String], column: usize| row[column].parse::<i64>().unwrap();
        for row in &lines {
            assert_eq!(number(row, 10), number(row, 8) * (100 - number(row, 9)) / 100);
            assert!(row[5].as_str() >= "1992-01-01" && row[5].as_str() <= "1998-12-31");
        }
    }
}
