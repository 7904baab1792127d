//! A measure as a Session declares it, and as the cube crate understands it.

use cubegate_api::model::{Conversion, Measure, OfHierarchy, OfLevel, OfMeasure, Quantile, Rates};
use cubegate_cube::{MeasureDefinition, MeasureFormula as Formula, RatesDefinition};

/// The schema admits exactly one way to come by values, but a model file may come from anywhere.
pub(super) fn definition(declared: Measure) -> Result<MeasureDefinition, String> {
    let Measure {
        name,
        sum,
        mean,
        min,
        max,
        stddev,
        variance,
        stddev_population,
        variance_population,
        median,
        quantile,
        distinct_count,
        sum_product,
        expression,
        share_of_parent,
        share_of_total,
        running_total,
        previous_member,
        convert,
    } = declared;
    let written = [
        sum.map(Formula::Sum),
        mean.map(Formula::Mean),
        min.map(Formula::Min),
        max.map(Formula::Max),
        stddev.map(Formula::Stddev),
        variance.map(Formula::Variance),
        stddev_population.map(Formula::StddevPopulation),
        variance_population.map(Formula::VariancePopulation),
        median.map(Formula::Median),
        quantile.map(|Quantile { column, q }| Formula::Quantile { column, q }),
        distinct_count.map(Formula::DistinctCount),
        sum_product.map(Formula::SumProduct),
        expression.map(Formula::Expression),
        share_of_parent.map(|OfHierarchy { measure, hierarchy }| Formula::ShareOfParent { measure, hierarchy }),
        share_of_total.map(|OfMeasure { measure }| Formula::ShareOfTotal { measure }),
        running_total.map(|OfLevel { measure, level }| Formula::RunningTotal { measure, level }),
        previous_member.map(|OfLevel { measure, level }| Formula::PreviousMember { measure, level }),
        convert.map(conversion),
    ];
    let mut written = written.into_iter().flatten();
    match (written.next(), written.next()) {
        (Some(kind), None) => Ok(MeasureDefinition { name, kind }),
        _ => Err(format!("measure {name}: write exactly one way to come by its values, as in `sum: Quantity`")),
    }
}

fn conversion(declared: Conversion) -> Formula {
    let Conversion { sum, currency, rates: Rates { table, from, to: rates_to, rate }, to } = declared;
    Formula::Convert { sum, currency, rates: RatesDefinition { table, from, to: rates_to, rate }, to }
}
