//! Measures, as a cube declares them.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// A measure: a name and exactly one way to come by its values. A column is written as `Table/Column`, or as the column alone
/// when one reachable table has it. Nulls take no part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("[has(self.sum), has(self.mean), has(self.min), has(self.max), has(self.stddev), has(self.variance), has(self.stddevPopulation), has(self.variancePopulation), has(self.median), has(self.quantile), has(self.distinctCount), has(self.sumProduct), has(self.expression), has(self.shareOfParent), has(self.shareOfTotal), has(self.runningTotal), has(self.previousMember), has(self.convert)].exists_one(kind, kind)")
    .message("write exactly one of sum, mean, min, max, stddev, variance, stddevPopulation, variancePopulation, median, quantile, distinctCount, sumProduct, expression, shareOfParent, shareOfTotal, runningTotal, previousMember and convert"))]
pub struct Measure {
    /// Name of the measure, unique in the cube.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Sum of this numeric column of the fact table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sum: Option<String>,
    /// Arithmetic mean of this numeric column of the fact table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean: Option<String>,
    /// Smallest value of this column of numbers, dates or timestamps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<String>,
    /// Largest value of this column of numbers, dates or timestamps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<String>,
    /// Standard deviation of a sample of this numeric column of the fact table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stddev: Option<String>,
    /// Variance of a sample of this numeric column of the fact table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variance: Option<String>,
    /// Standard deviation of a whole population of this numeric column of the fact table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stddev_population: Option<String>,
    /// Variance of a whole population of this numeric column of the fact table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variance_population: Option<String>,
    /// Middle value of this numeric column of the fact table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub median: Option<String>,
    /// The value that a share of the others is below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantile: Option<Quantile>,
    /// Number of different values of this column, of any type and any reachable table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distinct_count: Option<String>,
    /// Sum of the products of these numeric columns of the fact table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 4))]
    pub sum_product: Option<Vec<String>>,
    /// Arithmetic over other measures: `[Revenue.SUM] / ([contributors.COUNT] - 2.5)`. Of null and of a division by zero comes
    /// null.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub expression: Option<String>,
    /// A measure over its value one level up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share_of_parent: Option<OfHierarchy>,
    /// A measure over its value over all visible facts that the query's filter leaves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share_of_total: Option<OfMeasure>,
    /// Sum of a measure over the members of a level up to this one, in natural order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running_total: Option<OfLevel>,
    /// A measure at the member before this one, among those that the answer's facts have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_member: Option<OfLevel>,
    /// Amounts in several currencies, summed in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub convert: Option<Conversion>,
}

/// The value that a share of the others is below, interpolated linearly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Quantile {
    /// Numeric column of the fact table.
    pub column: String,
    /// The share, from 0 to 1, in quotes: `"0.95"`.
    #[schemars(regex(pattern = r"^(0(\.[0-9]{1,15})?|1(\.0{1,15})?)$"))]
    pub q: String,
}

/// A measure and a hierarchy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OfHierarchy {
    /// Name of another measure.
    pub measure: String,
    /// Name of the hierarchy.
    pub hierarchy: String,
}

/// A measure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OfMeasure {
    /// Name of another measure.
    pub measure: String,
}

/// A measure and a level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OfLevel {
    /// Name of another measure.
    pub measure: String,
    /// Name of the level, `Hierarchy/Level` when two hierarchies have one of that name.
    pub level: String,
}

/// Amounts in several currencies, summed in one. Null where an amount's currency has no rate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Conversion {
    /// Numeric column of the fact table: the amounts.
    pub sum: String,
    /// Column of the currency of each amount.
    pub currency: String,
    /// Where the rates are.
    pub rates: Rates,
    /// Currency to convert to, where neither the query nor the cube has a `referenceCurrency`.
    pub to: String,
}

/// A table of exchange rates: for one unit of `from` there are `rate` units of `to`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rates {
    /// Name of the table.
    pub table: String,
    /// Its column of currencies to convert from.
    pub from: String,
    /// Its column of currencies to convert to.
    pub to: String,
    /// Its column of rates.
    pub rate: String,
}
