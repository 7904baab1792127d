//! “Did you mean”: the valid name that resembles what was written most.

use crate::limits::{NAMES_LISTED_MAX, NEAREST_CHARACTERS_MAX};

/// Similarity (Jaro-Winkler, between 0 and 1) below which two names have nothing to do with each other.
const SIMILARITY_MIN: f64 = 0.75;

/// The candidate that resembles `name` most, if any of them does. Case counts for nothing but breaks ties.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.chars().count() > NEAREST_CHARACTERS_MAX {
        return None;
    }
    let folded = name.to_lowercase();
    candidates
        .into_iter()
        .filter(|candidate| candidate.chars().count() <= NEAREST_CHARACTERS_MAX)
        .map(|candidate| {
            let close = strsim::jaro_winkler(&folded, &candidate.to_lowercase());
            (close, strsim::jaro_winkler(name, candidate), candidate)
        })
        .filter(|(close, _, _)| *close >= SIMILARITY_MIN)
        .max_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)).then_with(|| b.2.cmp(a.2)))
        .map(|(_, _, candidate)| candidate)
}

/// The second half of a message about an unknown name: the nearest valid one, else what there is to choose from.
///
/// `plural` says what the candidates are, for example `tables`.
pub fn suggestion<'a>(name: &str, plural: &str, candidates: impl IntoIterator<Item = &'a str> + Clone) -> String {
    if let Some(candidate) = nearest(name, candidates.clone()) {
        return format!("did you mean `{candidate}`?");
    }
    let mut all: Vec<&str> = candidates.into_iter().collect();
    all.sort_unstable();
    all.dedup();
    if all.is_empty() {
        return format!("there are no {plural}");
    }
    let listed: Vec<String> = all.iter().take(NAMES_LISTED_MAX).map(|name| format!("`{name}`")).collect();
    let more = if all.len() > NAMES_LISTED_MAX { ", …" } else { "" };
    format!("the {plural} are {}{more}", listed.join(", "))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_typing_error_finds_the_name_that_was_meant() {
        assert_eq!(nearest("Shop", ["Sales", "Shops"]), Some("Shops"));
        assert_eq!(nearest("citi", ["City", "Country"]), Some("City"));
        assert_eq!(nearest("ROLE_PARSI", ["ROLE_USER", "ROLE_PARIS", "ROLE_FRANCE"]), Some("ROLE_PARIS"));
        assert_eq!(nearest("paris", ["paris-only", "france-only"]), Some("paris-only"));
    }

    #[test]
    fn a_name_that_resembles_nothing_finds_nothing() {
        assert_eq!(nearest("xyz", ["Sales", "Shops"]), None);
        assert_eq!(nearest("Shops", []), None);
    }

    #[test]
    fn of_names_that_differ_in_case_the_closest_spelling_wins() {
        assert_eq!(nearest("CITY", ["city", "CITy"]), Some("CITy"));
    }

    #[test]
    fn without_a_resemblance_the_choice_is_listed_and_bounded() {
        assert_eq!(suggestion("xyz", "tables", ["Shops", "Sales"]), "the tables are `Sales`, `Shops`");
        assert_eq!(suggestion("xyz", "tables", []), "there are no tables");
        let many: Vec<String> = (0..100).map(|n| format!("t{n:03}")).collect();
        assert!(suggestion("§", "tables", many.iter().map(String::as_str)).ends_with("`t007`, …"));
    }

    proptest! {
        #[test]
        fn the_nearest_name_does_not_depend_on_the_order_of_candidates(name in ".{0,12}", mut names in prop::collection::vec(".{0,12}", 0..8)) {
            let before = nearest(&name, names.iter().map(String::as_str)).map(str::to_owned);
            names.reverse();
            prop_assert_eq!(before, nearest(&name, names.iter().map(String::as_str)).map(str::to_owned));
        }

        #[test]
        fn a_valid_name_is_nearest_to_itself(name in "[a-zA-Z ]{1,12}", names in prop::collection::vec("[a-zA-Z ]{1,12}", 0..8)) {
            let candidates = names.iter().map(String::as_str).chain([name.as_str()]);
            prop_assert_eq!(nearest(&name, candidates), Some(name.as_str()));
        }
    }
}
