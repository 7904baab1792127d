use crate::results::Results;
pub(super) fn page(_results: &Results, _plot: &str) -> String {
    String::new()
}
