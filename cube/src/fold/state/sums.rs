//! Sums of a column, or of the products of several.
//!
//! ```text
//! integers   Σ offset in 64 bits when no sum can leave them, else 128; the base is added once per number at the end
//! products   Σ in 64 or 128 bits, whichever no sum can leave, or else in halves of more
//! doubles    Σ of multiples of one unit in 128 bits, or lists of doubles that do not overlap
//! ```
//!
//! Which of them is chosen depends on the whole column; what comes out does not.

use ethnum::I256;

use super::{Into, huge::Huge, pick};
use crate::{
    fold::{
        exact::ExactSum,
        rows::{Rows, Slots},
    },
    storage::{
        bitmap::Bitmap,
        codes::Codes,
        numbers::{Integers, Numbers, Unit, with_offsets},
    },
};

/// What is summed.
#[derive(Clone, Debug)]
pub(crate) enum Addends<'a> {
    Column(&'a Numbers),
    /// The products of columns of integers.
    Integers {
        factors: Vec<&'a Integers>,
        unit: Unit,
    },
    /// The products of columns of numbers as doubles, each rounded.
    Doubles(Vec<&'a Numbers>),
    /// A column, apart for each code.
    Apart {
        column: &'a Numbers,
        codes: std::sync::Arc<Codes>,
        code_count: usize,
    },
}

/// Sums, by cell.
#[derive(Clone, Debug)]
pub(crate) struct Sums {
    totals: Totals,
    /// Numbers that are not null; absent when every fact has one.
    counts: Option<Vec<u32>>,
    /// What an integer counts.
    unit: Unit,
    /// What was left out of each number.
    base: i64,
    /// Whether narrow totals are two's complements.
    is_signed: bool,
    /// Sums per cell.
    width: usize,
}

#[derive(Clone, Debug)]
enum Totals {
    Narrow(Vec<u64>),
    Wide(Vec<i128>),
    Huge(Vec<Huge>),
    Exact(Vec<ExactSum>),
}

impl Addends<'_> {
    /// Sums per cell.
    pub(in crate::fold) fn width(&self) -> usize {
        if let Self::Apart { code_count, .. } = self { *code_count } else { 1 }
    }

    fn has_nulls(&self) -> bool {
        match self {
            Self::Column(numbers) | Self::Apart { column: numbers, .. } => numbers.nulls().is_some(),
            Self::Integers { factors, .. } => factors.iter().any(|factor| factor.nulls.is_some()),
            Self::Doubles(factors) => factors.iter().any(|factor| factor.nulls().is_some()),
        }
    }

    /// Bytes that one cell takes.
    pub(in crate::fold) fn cell_bytes(&self) -> usize {
        let total = match totals(self, 0) {
            Totals::Narrow(_) => size_of::<u64>(),
            Totals::Wide(_) => size_of::<i128>(),
            Totals::Huge(_) => size_of::<Huge>(),
            Totals::Exact(_) => size_of::<ExactSum>() + 4 * size_of::<f64>(),
        };
        self.width() * (total + if self.has_counts() { size_of::<u32>() } else { 0 })
    }

    /// Whether the count of facts does not tell how many numbers there are.
    fn has_counts(&self) -> bool {
        self.has_nulls() || matches!(self, Self::Apart { .. })
    }
}

/// Zeros for this many sums, of a kind that none of them leaves.
fn totals(addends: &Addends<'_>, len: usize) -> Totals {
    match addends {
        Addends::Column(Numbers::Integers { integers, .. })
        | Addends::Apart { column: Numbers::Integers { integers, .. }, .. } => {
            let rows = integers.offsets.len() as u128;
            let fits = u128::from(integers.offset_max).saturating_mul(rows) <= u128::from(u64::MAX);
            if fits { Totals::Narrow(vec![0; len]) } else { Totals::Wide(vec![0; len]) }
        }
        Addends::Column(Numbers::Doubles { unit: Some(_), .. })
        | Addends::Apart { column: Numbers::Doubles { unit: Some(_), .. }, .. } => Totals::Wide(vec![0; len]),
        Addends::Integers { factors, .. } => {
            let rows = factors.first().map_or(0, |factor| factor.offsets.len() as u128);
            let bound = factors
                .iter()
                .try_fold(rows.max(1), |bound, factor| bound.checked_mul(factor.magnitude_max().max(1).into()));
            match bound {
                Some(bound) if bound <= u128::from(i64::MAX.unsigned_abs()) => Totals::Narrow(vec![0; len]),
                Some(bound) if bound <= i128::MAX.unsigned_abs() => Totals::Wide(vec![0; len]),
                _ => Totals::Huge(vec![Huge::default(); len]),
            }
        }
        Addends::Column(Numbers::Doubles { .. }) | Addends::Apart { .. } | Addends::Doubles(_) => {
            Totals::Exact(vec![ExactSum::default(); len])
        }
    }
}

impl Sums {
    pub(in crate::fold) fn new(addends: &Addends<'_>, cells: usize) -> Self {
        let width = addends.width();
        let (unit, base) = match addends {
            Addends::Column(Numbers::Integers { integers, unit })
            | Addends::Apart { column: Numbers::Integers { integers, unit }, .. } => (*unit, integers.base),
            Addends::Column(Numbers::Doubles { unit: Some(exponent), .. })
            | Addends::Apart { column: Numbers::Doubles { unit: Some(exponent), .. }, .. } => {
                (Unit::Binary { exponent: *exponent }, 0)
            }
            Addends::Integers { unit, .. } => (*unit, 0),
            Addends::Column(_) | Addends::Apart { .. } | Addends::Doubles(_) => (Unit::One, 0),
        };
        let counts = addends.has_counts().then(|| vec![0; cells * width]);
        let is_signed = matches!(addends, Addends::Integers { .. });
        Self { totals: totals(addends, cells * width), counts, unit, base, is_signed, width }
    }

    pub(in crate::fold) fn empty(&self, cells: usize) -> Self {
        let len = cells * self.width;
        let totals = match &self.totals {
            Totals::Narrow(_) => Totals::Narrow(vec![0; len]),
            Totals::Wide(_) => Totals::Wide(vec![0; len]),
            Totals::Huge(_) => Totals::Huge(vec![Huge::default(); len]),
            Totals::Exact(_) => Totals::Exact(vec![ExactSum::default(); len]),
        };
        Self { totals, counts: self.counts.as_ref().map(|_| vec![0; len]), ..*self }
    }

    pub(in crate::fold) fn add(&mut self, addends: &Addends<'_>, rows: &Rows<'_>, slots: Slots<'_>) {
        match addends {
            Addends::Column(numbers) => self.add_column(numbers, rows, slots),
            Addends::Apart { column, codes, code_count } => {
                let mut apart = Vec::with_capacity(rows.len());
                rows.numbered(slots, |slot, row| {
                    let code = codes.get(row).unwrap_or_default() as usize;
                    apart.push(crate::storage::codes::code_of(slot * code_count + code));
                });
                self.add_column(column, rows, Slots::Each(&apart));
            }
            Addends::Integers { factors, .. } => {
                self.count(factors.iter().filter_map(|factor| factor.nulls.as_ref()), rows, slots);
                self.add_products(factors, rows, slots);
            }
            Addends::Doubles(factors) => {
                self.count(factors.iter().filter_map(|factor| factor.nulls()), rows, slots);
                let Totals::Exact(totals) = &mut self.totals else { return };
                rows.numbered(slots, |slot, row| {
                    let product = factors.iter().try_fold(1.0, |product, factor| Some(product * factor.double(row)?));
                    if let (Some(total), Some(product)) = (totals.get_mut(slot), product) {
                        total.add(product);
                    }
                });
            }
        }
    }

    #[expect(clippy::useless_conversion, reason = "the widest offsets have the type of totals already")]
    fn add_column(&mut self, numbers: &Numbers, rows: &Rows<'_>, slots: Slots<'_>) {
        self.count(numbers.nulls().into_iter(), rows, slots);
        match (&mut self.totals, numbers) {
            (Totals::Narrow(totals), Numbers::Integers { integers, .. }) => {
                with_offsets!(&integers.offsets, |offsets| match slots {
                    Slots::All(slot) => {
                        let mut sum = 0;
                        rows.each(offsets, |offset| sum += u64::from(offset));
                        totals.get_mut(slot as usize).into_iter().for_each(|total| *total += sum);
                    }
                    Slots::Each(slots) => rows.zip(offsets, slots, |slot, offset| {
                        if let Some(total) = totals.get_mut(slot) {
                            *total += u64::from(offset);
                        }
                    }),
                });
            }
            (Totals::Wide(totals), Numbers::Integers { integers, .. }) => {
                with_offsets!(&integers.offsets, |offsets| add(totals, offsets, rows, slots, |total, offset| {
                    *total += i128::from(offset);
                }));
            }
            (Totals::Wide(totals), Numbers::Doubles { values, unit: Some(exponent), .. }) => {
                add(totals, values, rows, slots, |total, value| *total += multiples(value, *exponent));
            }
            (Totals::Exact(totals), Numbers::Doubles { values, .. }) => {
                add(totals, values, rows, slots, ExactSum::add);
            }
            _ => unreachable!("sums are made for what is added to them"),
        }
    }

    fn add_products(&mut self, factors: &[&Integers], rows: &Rows<'_>, slots: Slots<'_>) {
        let is_null = |row| factors.iter().any(|factor| factor.nulls.as_ref().is_some_and(|nulls| nulls.get(row)));
        let has_nulls = factors.iter().any(|factor| factor.nulls.is_some());
        let numbers = |row| factors.iter().filter_map(move |factor| factor.at(row));
        match (&mut self.totals, factors) {
            (Totals::Narrow(totals), [one, two]) if !has_nulls => {
                with_offsets!(&one.offsets, |ones| with_offsets!(&two.offsets, |twos| {
                    add_pairs(totals, (ones, one.base), (twos, two.base), rows, slots);
                }));
            }
            (Totals::Narrow(totals), _) => rows.numbered(slots, |slot, row| {
                if let Some(total) = totals.get_mut(slot).filter(|_| !is_null(row)) {
                    *total = total.wrapping_add_signed(numbers(row).product::<i64>());
                }
            }),
            (Totals::Wide(totals), _) => rows.numbered(slots, |slot, row| {
                if let Some(total) = totals.get_mut(slot).filter(|_| !is_null(row)) {
                    *total += numbers(row).map(i128::from).product::<i128>();
                }
            }),
            (Totals::Huge(totals), _) => rows.numbered(slots, |slot, row| {
                if let Some(total) = totals.get_mut(slot).filter(|_| !is_null(row)) {
                    total.add(numbers(row).map(I256::from).product());
                }
            }),
            (Totals::Exact(_), _) => unreachable!("products of integers are summed as integers"),
        }
    }

    /// Counts the rows that are null in none of the columns.
    fn count<'n>(&mut self, nulls: impl Iterator<Item = &'n Bitmap>, rows: &Rows<'_>, slots: Slots<'_>) {
        let Some(counts) = &mut self.counts else { return };
        let nulls: Vec<&Bitmap> = nulls.collect();
        rows.numbered(slots, |slot, row| {
            if let Some(count) = counts.get_mut(slot) {
                *count += u32::from(!nulls.iter().any(|nulls| nulls.get(row)));
            }
        });
    }

    #[expect(clippy::needless_pass_by_value, reason = "states are merged alike, and some are used up")]
    pub(in crate::fold) fn merge(&mut self, other: Self, into: Into<'_>) {
        let expanded: Vec<u32>;
        let into = match into {
            Into::Cells(cells) if self.width > 1 => {
                let width = crate::storage::codes::code_of(self.width);
                expanded = cells.iter().flat_map(|cell| (0..width).map(move |code| cell * width + code)).collect();
                Into::Cells(&expanded)
            }
            into => into,
        };
        match (&mut self.totals, &other.totals) {
            (Totals::Narrow(ones), Totals::Narrow(others)) => {
                into.each(ones, others, |one, other| *one = one.wrapping_add(*other));
            }
            (Totals::Wide(ones), Totals::Wide(others)) => into.each(ones, others, |one, other| *one += other),
            (Totals::Huge(ones), Totals::Huge(others)) => into.each(ones, others, Huge::merge),
            (Totals::Exact(ones), Totals::Exact(others)) => into.each(ones, others, ExactSum::merge),
            _ => unreachable!("sums of one fold are of the same kind"),
        }
        if let (Some(ones), Some(others)) = (&mut self.counts, &other.counts) {
            into.each(ones, others, |one, other| *one += other);
        }
    }

    pub(in crate::fold) fn append(&mut self, other: Self, _cells: usize) {
        match (&mut self.totals, other.totals) {
            (Totals::Narrow(ones), Totals::Narrow(others)) => ones.extend(others),
            (Totals::Wide(ones), Totals::Wide(others)) => ones.extend(others),
            (Totals::Huge(ones), Totals::Huge(others)) => ones.extend(others),
            (Totals::Exact(ones), Totals::Exact(others)) => ones.extend(others),
            _ => unreachable!("sums of one fold are of the same kind"),
        }
        if let (Some(ones), Some(others)) = (&mut self.counts, other.counts) {
            ones.extend(others);
        }
    }

    pub(in crate::fold) fn pick(self, cells: &[u32]) -> Self {
        let expanded: Vec<u32>;
        let cells = if self.width > 1 {
            let width = crate::storage::codes::code_of(self.width);
            expanded = cells.iter().flat_map(|cell| (0..width).map(move |code| cell * width + code)).collect();
            &expanded
        } else {
            cells
        };
        let totals = match &self.totals {
            Totals::Narrow(totals) => Totals::Narrow(pick(totals, cells)),
            Totals::Wide(totals) => Totals::Wide(pick(totals, cells)),
            Totals::Huge(totals) => Totals::Huge(pick(totals, cells)),
            Totals::Exact(totals) => Totals::Exact(pick(totals, cells)),
        };
        Self { totals, counts: self.counts.as_ref().map(|counts| pick(counts, cells)), ..self }
    }

    /// Sums per cell: one, or one per code.
    pub(in crate::fold) fn width(&self) -> usize {
        self.width
    }

    /// Whether totals take 64 bits.
    pub(in crate::fold) fn is_narrow(&self) -> bool {
        matches!(self.totals, Totals::Narrow(_))
    }

    /// The totals that take 64 bits.
    pub(in crate::fold) fn narrow_mut(&mut self) -> &mut [u64] {
        if let Totals::Narrow(totals) = &mut self.totals { totals } else { &mut [] }
    }

    /// Numbers in a sum of a cell that has this many facts.
    pub(in crate::fold) fn count_of(&self, index: usize, facts: u32) -> u32 {
        self.counts.as_ref().map_or(facts, |counts| counts.get(index).copied().unwrap_or_default())
    }

    /// The sum in units; none when it does not fit, or is not one of integers.
    pub(in crate::fold) fn integer(&self, index: usize, count: u32) -> Option<i128> {
        let base = i128::from(self.base) * i128::from(count);
        match &self.totals {
            Totals::Narrow(totals) if self.is_signed => totals.get(index).map(|total| total.cast_signed().into()),
            Totals::Narrow(totals) => totals.get(index).map(|total| base + i128::from(*total)),
            Totals::Wide(totals) => totals.get(index).map(|total| base + total),
            Totals::Huge(totals) => totals.get(index).and_then(Huge::integer),
            Totals::Exact(_) => None,
        }
    }

    /// The sum, rounded once.
    pub(in crate::fold) fn double(&self, index: usize, count: u32) -> f64 {
        match &self.totals {
            Totals::Exact(totals) => totals.get(index).map_or(0.0, ExactSum::round),
            Totals::Huge(totals) => totals.get(index).map_or(0.0, |total| match total.integer() {
                Some(total) => self.unit.double(total),
                None => total.as_f64() * self.unit.factor(),
            }),
            Totals::Narrow(_) | Totals::Wide(_) => {
                self.integer(index, count).map_or(0.0, |integer| self.unit.double(integer))
            }
        }
    }
}

/// Adds the datum of each row to its slot.
fn add<T, D: Copy>(totals: &mut [T], data: &[D], rows: &Rows<'_>, slots: Slots<'_>, add: impl Fn(&mut T, D)) {
    match slots {
        Slots::All(slot) => {
            if let Some(total) = totals.get_mut(slot as usize) {
                rows.each(data, |datum| add(total, datum));
            }
        }
        Slots::Each(slots) => rows.zip(data, slots, |slot, datum| {
            if let Some(total) = totals.get_mut(slot) {
                add(total, datum);
            }
        }),
    }
}

/// Adds the product of two integers of each row to its slot.
fn add_pairs<A, B>(totals: &mut [u64], ones: (&[A], i64), twos: (&[B], i64), rows: &Rows<'_>, slots: Slots<'_>)
where
    A: Copy,
    B: Copy,
    u64: From<A> + From<B>,
{
    let product = |one: A, two: B| {
        let one = ones.1.wrapping_add_unsigned(u64::from(one));
        one.wrapping_mul(twos.1.wrapping_add_unsigned(u64::from(two)))
    };
    let (ones, twos) = (ones.0, twos.0);
    match (rows, slots) {
        (Rows::Range(range), Slots::All(slot)) => {
            let pairs =
                ones.get(range.clone()).unwrap_or_default().iter().zip(twos.get(range.clone()).unwrap_or_default());
            let sum = pairs.fold(0_i64, |sum, (one, two)| sum.wrapping_add(product(*one, *two)));
            totals.get_mut(slot as usize).into_iter().for_each(|total| *total = total.wrapping_add_signed(sum));
        }
        _ => rows.numbered(slots, |slot, row| {
            if let (Some(total), Some(one), Some(two)) = (totals.get_mut(slot), ones.get(row), twos.get(row)) {
                *total = total.wrapping_add_signed(product(*one, *two));
            }
        }),
    }
}

/// How many times `2^exponent` a double is, for an exponent of which it is a multiple.
#[inline]
fn multiples(value: f64, exponent: i32) -> i128 {
    const FRACTION_BITS: i32 = 52;
    let raw = value.to_bits();
    let biased = ((raw >> FRACTION_BITS) & 0x7ff) as i32;
    let fraction = raw & ((1 << FRACTION_BITS) - 1);
    let (magnitude, own) = if biased == 0 { (fraction, -1074) } else { (fraction | 1 << FRACTION_BITS, biased - 1075) };
    let shift = own - exponent;
    // A number is a multiple of the unit, so that nothing is shifted out.
    let magnitude =
        if shift >= 0 { i128::from(magnitude) << shift.min(126) } else { i128::from(magnitude >> (-shift).min(63)) };
    if value < 0.0 { -magnitude } else { magnitude }
}
