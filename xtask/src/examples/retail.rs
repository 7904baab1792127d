//! `examples/retail`: shops in thirteen cities and a year of their sales.
//!
//! How many pieces each city sold is given ([`CITIES`]); which shop sold what, when and for how much is drawn.
//!
//! ```text
//! CITIES ─▶ shops ─▶ per city: sales until its pieces are gone ─▶ by date ─▶ numbered ─▶ CSV
//! ```

use std::fmt::Write as _;

use super::random::Random;

const STRINGS_GROW: &str = "a String takes whatever is written";
const SEED: u64 = 0x_c0be_9a7e;
const DAYS_IN_MONTH: [u32; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const YEAR: u32 = 2025;

/// The two files of the example.
pub(super) struct Retail {
    pub(super) sales: String,
    pub(super) shops: String,
}

struct City {
    name: &'static str,
    region: &'static str,
    country: &'static str,
    code: &'static str,
    shops: usize,
    /// Pieces sold over the year: the sum of `Quantity` that a query by City must answer.
    pieces: u32,
}

struct Shop {
    id: String,
    size: Size,
}

#[derive(Clone, Copy)]
struct Size {
    name: &'static str,
    /// How many customers come, relative to the other sizes.
    weight: u32,
}

struct Product {
    name: &'static str,
    price_cents: u32,
    weight: u32,
}

struct Sale {
    day_of_year: u32,
    shop: String,
    product: &'static str,
    quantity: u32,
    price_cents: u32,
}

/// Draws the example.
pub(super) fn generate() -> Retail {
    let mut random = Random::new(SEED);
    let mut shops = "Shop ID,City,State or region,Country,Shop size\n".to_owned();
    let mut sales = Vec::new();
    for city in &CITIES {
        let shops_of_city = shops_of(city);
        for Shop { id, size } in &shops_of_city {
            writeln!(shops, "{id},{},{},{},{}", city.name, city.region, city.country, size.name).expect(STRINGS_GROW);
        }
        sales.extend(sales_of(city, &shops_of_city, &mut random));
    }
    // The sort is stable, and the sales were drawn city by city: one order, whatever the platform.
    sales.sort_by_key(|sale| sale.day_of_year);
    Retail { sales: sales_csv(&sales), shops }
}

fn shops_of(city: &City) -> Vec<Shop> {
    SIZES
        .into_iter()
        .cycle()
        .take(city.shops)
        .enumerate()
        .map(|(index, size)| Shop { id: format!("{}-{}", city.code, index + 1), size })
        .collect()
}

fn sales_of(city: &City, shops: &[Shop], random: &mut Random) -> Vec<Sale> {
    let mut sales = Vec::new();
    let mut pieces_left = city.pieces;
    while pieces_left > 0 {
        let product = random.weighted(&PRODUCTS, |product| product.weight);
        let quantity = random.weighted(&QUANTITIES, |(_, weight)| *weight).0.min(pieces_left);
        let discount_percent = random.weighted(&DISCOUNTS_PERCENT, |(_, weight)| *weight).0;
        sales.push(Sale {
            day_of_year: random.below(DAYS_IN_MONTH.iter().sum()),
            shop: random.weighted(shops, |shop| shop.size.weight).id.clone(),
            product: product.name,
            quantity,
            price_cents: product.price_cents * (100 - discount_percent) / 100,
        });
        pieces_left -= quantity;
    }
    sales
}

/// Quantities and prices are written with a decimal point, so that they are read as doubles.
fn sales_csv(sales: &[Sale]) -> String {
    let mut csv = "Sale ID,Date,Shop,Product,Quantity,Unit price\n".to_owned();
    for (index, Sale { day_of_year, shop, product, quantity, price_cents }) in sales.iter().enumerate() {
        let (units, cents) = (price_cents / 100, price_cents % 100);
        let (number, date) = (index + 1, date(*day_of_year));
        writeln!(csv, "R{number:06},{date},{shop},{product},{quantity}.0,{units}.{cents:02}").expect(STRINGS_GROW);
    }
    csv
}

fn date(day_of_year: u32) -> String {
    let mut day = day_of_year;
    for (month, days) in (1..).zip(DAYS_IN_MONTH) {
        if day < days {
            return format!("{YEAR}-{month:02}-{:02}", day + 1);
        }
        day -= days;
    }
    unreachable!("a day of the year is smaller than the year is long")
}

const CITIES: [City; 13] = [
    City { name: "Chicago", region: "Illinois", country: "USA", code: "US-CHI", shops: 3, pieces: 603 },
    City { name: "Houston", region: "Texas", country: "USA", code: "US-HOU", shops: 3, pieces: 606 },
    City { name: "Los Angeles", region: "California", country: "USA", code: "US-LAX", shops: 3, pieces: 606 },
    City { name: "Lyon", region: "Auvergne-Rhône-Alpes", country: "France", code: "FR-LYS", shops: 3, pieces: 609 },
    City {
        name: "Marseille",
        region: "Provence-Alpes-Côte d’Azur",
        country: "France",
        code: "FR-MRS",
        shops: 3,
        pieces: 603,
    },
    City { name: "New York", region: "New York", country: "USA", code: "US-NYC", shops: 4, pieces: 808 },
    City {
        name: "Nice",
        region: "Provence-Alpes-Côte d’Azur",
        country: "France",
        code: "FR-NCE",
        shops: 3,
        pieces: 609,
    },
    City { name: "Paris", region: "Île-de-France", country: "France", code: "FR-PAR", shops: 3, pieces: 603 },
    City {
        name: "Saint-Étienne",
        region: "Auvergne-Rhône-Alpes",
        country: "France",
        code: "FR-EBU",
        shops: 3,
        pieces: 603,
    },
    City { name: "San Antonio", region: "Texas", country: "USA", code: "US-SAT", shops: 3, pieces: 606 },
    City { name: "San Diego", region: "California", country: "USA", code: "US-SAN", shops: 3, pieces: 606 },
    City { name: "San Francisco", region: "California", country: "USA", code: "US-SFO", shops: 3, pieces: 612 },
    City { name: "San Jose", region: "California", country: "USA", code: "US-SJC", shops: 3, pieces: 603 },
];

const SIZES: [Size; 3] =
    [Size { name: "small", weight: 2 }, Size { name: "large", weight: 5 }, Size { name: "medium", weight: 3 }];

const QUANTITIES: [(u32, u32); 4] = [(1, 72), (2, 20), (3, 6), (4, 2)];

const DISCOUNTS_PERCENT: [(u32, u32); 3] = [(0, 80), (10, 15), (25, 5)];

const PRODUCTS: [Product; 12] = [
    Product { name: "Basil pot", price_cents: 349, weight: 10 },
    Product { name: "Beeswax candle", price_cents: 1250, weight: 8 },
    Product { name: "Cork board", price_cents: 2190, weight: 4 },
    Product { name: "Enamel kettle", price_cents: 4450, weight: 3 },
    Product { name: "Linen towel", price_cents: 1690, weight: 9 },
    Product { name: "Oak stool", price_cents: 8900, weight: 2 },
    Product { name: "Paper lantern", price_cents: 790, weight: 7 },
    Product { name: "Pocket lamp", price_cents: 1995, weight: 6 },
    Product { name: "Stoneware bowl", price_cents: 1475, weight: 8 },
    Product { name: "Wall clock", price_cents: 5600, weight: 2 },
    Product { name: "Wicker basket", price_cents: 3125, weight: 5 },
    Product { name: "Wool blanket", price_cents: 7350, weight: 3 },
];

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::workspace::Workspace;

    const CONFIG_MAP_BYTES_MAX: usize = 1024 * 1024;
    const FILE_BYTES_MAX: usize = 600_000;

    /// The generator writes no quotes, so that a test may split at commas.
    fn rows(csv: &str, header: &str) -> Vec<Vec<String>> {
        assert!(!csv.contains('"'));
        let mut lines = csv.lines();
        assert_eq!(lines.next(), Some(header));
        lines.map(|line| line.split(',').map(str::to_owned).collect()).collect()
    }

    fn sales(retail: &Retail) -> Vec<Vec<String>> {
        rows(&retail.sales, "Sale ID,Date,Shop,Product,Quantity,Unit price")
    }

    fn shops(retail: &Retail) -> Vec<Vec<String>> {
        rows(&retail.shops, "Shop ID,City,State or region,Country,Shop size")
    }

    #[test]
    fn the_checked_in_files_are_reproduced_byte_for_byte() {
        let workspace = Workspace::here();
        for file in super::super::files() {
            assert!(file.is_fresh(&workspace), "{} differs; run `cargo xtask examples`", file.path.display());
        }
    }

    #[test]
    fn quantities_by_city_are_those_of_the_story() {
        let retail = generate();
        let city_of: BTreeMap<String, (String, String)> =
            shops(&retail).into_iter().map(|row| (row[0].clone(), (row[1].clone(), row[3].clone()))).collect();
        let mut by_city = BTreeMap::<String, f64>::new();
        let mut by_country = BTreeMap::<String, f64>::new();
        for sale in sales(&retail) {
            let quantity: f64 = sale[4].parse().unwrap();
            let (city, country) = &city_of[&sale[2]];
            *by_city.entry(city.clone()).or_default() += quantity;
            *by_country.entry(country.clone()).or_default() += quantity;
        }
        let story = [
            ("Chicago", 603.0),
            ("Houston", 606.0),
            ("Los Angeles", 606.0),
            ("Lyon", 609.0),
            ("Marseille", 603.0),
            ("New York", 808.0),
            ("Nice", 609.0),
            ("Paris", 603.0),
            ("Saint-Étienne", 603.0),
            ("San Antonio", 606.0),
            ("San Diego", 606.0),
            ("San Francisco", 612.0),
            ("San Jose", 603.0),
        ];
        // A BTreeMap orders by code point, which is the order of the story.
        let found: Vec<(&str, f64)> = by_city.iter().map(|(city, quantity)| (city.as_str(), *quantity)).collect();
        assert_eq!(found, story);
        assert_eq!(by_country, BTreeMap::from([("France".into(), 3_027.0), ("USA".into(), 5_050.0)]));
    }

    #[test]
    fn there_are_forty_shops_and_each_has_sold_something() {
        let retail = generate();
        let shops: BTreeSet<String> = shops(&retail).into_iter().map(|row| row[0].clone()).collect();
        let selling: BTreeSet<String> = sales(&retail).into_iter().map(|row| row[2].clone()).collect();
        assert_eq!(shops.len(), 40);
        assert_eq!(shops, selling);
    }

    #[test]
    fn sale_identifiers_are_unique_and_dates_ascend_within_the_year() {
        let sales = sales(&generate());
        assert!((5_000..=10_000).contains(&sales.len()), "{} rows", sales.len());
        assert_eq!(sales.iter().map(|row| &row[0]).collect::<BTreeSet<_>>().len(), sales.len());
        assert!(sales.is_sorted_by_key(|row| &row[1]));
        assert_eq!(sales.first().unwrap()[1], "2025-01-01");
        assert_eq!(sales.last().unwrap()[1], "2025-12-31");
    }

    #[test]
    fn quantities_and_prices_have_a_decimal_point_and_identifiers_are_no_numbers() {
        let retail = generate();
        for row in sales(&retail) {
            assert!(row[4].contains('.') && row[4].parse::<f64>().unwrap() > 0.0, "{row:?}");
            assert!(row[5].contains('.') && row[5].parse::<f64>().unwrap() > 0.0, "{row:?}");
            assert!(row[0].parse::<f64>().is_err() && row[2].parse::<f64>().is_err(), "{row:?}");
        }
    }

    #[test]
    fn both_files_fit_one_config_map() {
        let Retail { sales, shops } = generate();
        assert!(sales.len() < FILE_BYTES_MAX && shops.len() < FILE_BYTES_MAX);
        assert!(sales.len() + shops.len() < CONFIG_MAP_BYTES_MAX);
    }
}
