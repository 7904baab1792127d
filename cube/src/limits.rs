//! Every limit of this crate, with its unit. What exceeds one is an error, never part of an answer.

/// Errors that one load reports before it gives up looking for more.
pub const LOAD_ERRORS_MAX: usize = 100;
/// Errors that are told of rows that one load skipped; the others are counted.
pub const SKIPPED_ERRORS_MAX: usize = 10;
/// Bytes of one CSV record: as many as are in memory of a file that has no line end.
pub const RECORD_BYTES_MAX: usize = 256 << 20;
/// Bytes of one CSV cell.
pub const CELL_BYTES_MAX: usize = 1 << 20;
/// Columns of one table.
pub const TABLE_COLUMNS_MAX: usize = 4096;
/// Rows of one table; row numbers are 32-bit and the last one means "no row".
pub const TABLE_ROWS_MAX: usize = u32::MAX as usize - 1;
/// Bytes of a CSV file that are in memory at a time: enough for several pieces per thread.
pub const BLOCK_BYTES: usize = 32 << 20;
/// Bytes of a CSV file that one thread reads at a time: enough for work that is worth a thread.
pub const PIECE_BYTES: usize = 2 << 20;
/// Bytes from which the types of columns are inferred, if the rows that should be seen have more.
pub const INFERENCE_BYTES: usize = 32 << 20;
/// Rows from which the types of columns are inferred.
pub const INFERENCE_ROWS: usize = 10_000;
/// Magnitude of a double. With it the sum over as many rows as a table can have stays finite.
pub const DOUBLE_MAGNITUDE_MAX: f64 = 1e290;
/// Digits of a decimal column; as many as always fit a signed 64-bit integer.
pub const DECIMAL_PRECISION_MAX: u8 = 18;
/// Bytes of a value that an error message quotes.
pub const QUOTED_BYTES_MAX: usize = 80;

/// Columns of one sum of products.
pub const SUM_PRODUCT_COLUMNS_MAX: usize = 4;
/// Bytes of one expression over measures.
pub const EXPRESSION_BYTES_MAX: usize = 1 << 16;
/// Operators above a number or measure of an expression.
pub const EXPRESSION_DEPTH_MAX: usize = 128;
/// Measures that one measure refers to through each other.
pub const MEASURE_DEPTH_MAX: usize = 64;

/// Level columns of one answer, ancestors included.
pub const QUERY_LEVELS_MAX: usize = 64;
/// Hierarchies that one query groups by.
pub const QUERY_HIERARCHIES_MAX: usize = 16;
/// Measures of one query.
pub const QUERY_MEASURES_MAX: usize = 256;
/// Clauses of the filter of one query.
pub const QUERY_FILTER_CLAUSES_MAX: usize = 256;
/// How deep `and`, `or` and `not` of a filter are nested.
pub const QUERY_FILTER_DEPTH_MAX: usize = 32;
/// Order criteria of one query.
pub const QUERY_ORDER_MAX: usize = 64;
/// Combinations of members that get an accumulator each, whether or not a fact has them; beyond, facts are sorted.
pub const DENSE_CELLS_MAX: usize = 1 << 22;
/// Combinations of members that have a visible fact, in one query.
pub const QUERY_CELLS_MAX: usize = 10_000_000;
/// Values of one answer of rows: rows times columns.
pub const ROW_VALUES_MAX: usize = 1 << 26;
/// Rows of one answer, before `offset` and `limit` cut it.
pub const ANSWER_ROWS_MAX: usize = 10_000_000;
/// Bytes of one answer as it is written.
pub const ANSWER_BYTES_MAX: usize = 1 << 30;
/// Rows that a read of rows returns when it does not say how many.
pub const ROWS_DEFAULT: usize = 1000;
/// Rows that one read of rows returns.
pub const ROWS_MAX: usize = 1_000_000;
/// Members that a list has when it does not say how many.
pub const MEMBERS_DEFAULT: usize = 1000;
/// Members of one list.
pub const MEMBERS_MAX: usize = 1_000_000;
/// Facts that go through one step of a scan before the next one, so that what is between steps stays in the first cache.
/// A multiple of 64, the bits of a selection word.
pub const CHUNK_ROWS: usize = 1 << 10;
/// A table with fewer rows keeps the order of its file; the rows of a larger one are put in order of time.
pub const CLUSTERED_ROWS_MIN: usize = 1 << 16;
/// What all masks of a cube may gather together, as a multiple of the bytes of the fact table: its columns, and about as much
/// again for the levels of other tables.
pub const GATHERED_TABLES_MAX: usize = 2;
/// Bytes that all masks of a cube may gather together, however small the fact table is.
pub const GATHERED_BYTES_MIN: usize = 64 << 20;
/// Queries of other masks after which what a mask has gathered counts as unused.
pub const GATHERING_IDLE_QUERIES: u64 = 64;
/// Cells of earlier queries that each mask keeps, the newest of them.
pub const CUBOIDS_MAX: usize = 16;
/// Cells of one query that are few enough to be kept.
pub const CUBOID_CELLS_MAX: usize = 1 << 16;
/// Combinations of members that may get an accumulator each however few facts there are.
pub const LAYOUT_CELLS_MIN: usize = 1 << 16;
/// Cells that are few enough for each thread to keep several copies of them in its first cache.
pub const LANE_CELLS_MAX: usize = 1 << 10;
/// Cells of sums of which each thread has several copies, for chunks whose facts all go to few of them.
pub const LANED_CELLS_MAX: usize = 1 << 14;
/// Bytes of such copies that the facts of one chunk may go to: about half of a first cache.
pub const LANE_BYTES_MAX: usize = 16 << 10;
/// Bits that distinct values take when each has one per cell; beyond, they are listed and sorted.
pub const DISTINCT_BITS_MAX: usize = 1 << 28;
/// Counters that the values of a quantile take when each has one per cell; beyond, they are listed and sorted.
pub const HISTOGRAM_COUNTERS_MAX: usize = 1 << 22;
/// Facts that are scanned together. A multiple of 64, the bits of a selection word.
pub const MORSEL_ROWS: usize = 1 << 16;
/// Bytes of the accumulators that one thread keeps for all combinations; beyond, facts are sorted.
pub const DENSE_BYTES_MAX: usize = 256 << 20;
/// Accumulators of one query: combinations that have a visible fact, times one more than the columns that are summed.
pub const QUERY_ACCUMULATORS_MAX: usize = 40_000_000;

/// How large one query may get. Only what the caller may see counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryLimits {
    /// Combinations of members that have a visible fact.
    pub cells_max: usize,
    /// Accumulators: combinations, times one more than the columns that are summed.
    pub accumulators_max: usize,
    /// Rows of the answer, totals counted, before `offset` and `limit` cut it.
    pub rows_max: usize,
}

impl Default for QueryLimits {
    fn default() -> Self {
        Self { cells_max: QUERY_CELLS_MAX, accumulators_max: QUERY_ACCUMULATORS_MAX, rows_max: ANSWER_ROWS_MAX }
    }
}
