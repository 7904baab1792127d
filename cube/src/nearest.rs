//! Did you mean.

/// Names that are listed instead of guessed at.
const LISTED_MAX: usize = 8;

/// The name that was probably meant, if one is close.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    let distance_max = (name.chars().count() / 3).max(2);
    candidates
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&wanted, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= distance_max && *distance < candidate.chars().count())
        .min()
        .map(|(_, candidate)| candidate)
}

/// `there is no level "Ctiy"; did you mean "City"?`, or a list of what there is when nothing is close and the list is short.
pub(crate) fn unknown<'a>(what: &str, name: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    let hint = match nearest(name, candidates.iter().copied()) {
        Some(candidate) => format!("; did you mean {candidate:?}?"),
        None if candidates.is_empty() => format!("; there is no {what} at all"),
        None if candidates.len() <= LISTED_MAX => format!("; there is {}", quoted_list(&candidates)),
        None => String::new(),
    };
    format!("there is no {what} {name:?}{hint}")
}

/// `"A", "B"`.
pub(crate) fn quoted_list(names: &[impl AsRef<str>]) -> String {
    names.iter().map(|name| format!("{:?}", name.as_ref())).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_mistake_finds_what_was_meant() {
        assert_eq!(nearest("Ctiy", ["Country", "City"]), Some("City"));
        assert_eq!(nearest("quantity.sum", ["Quantity.MEAN", "Quantity.SUM"]), Some("Quantity.SUM"));
        assert_eq!(nearest("Weather", ["Country", "City"]), None);
    }

    #[test]
    fn short_lists_are_shown_when_nothing_is_close() {
        assert_eq!(
            unknown("level", "Weather", ["Country", "City"]),
            r#"there is no level "Weather"; there is "Country", "City""#
        );
    }
}
