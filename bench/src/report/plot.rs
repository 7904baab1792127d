use crate::results::Results;
pub(super) fn plot(_results: &Results) -> String {
    String::new()
}
