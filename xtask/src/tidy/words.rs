//! Words that have no place in the checkout, and why.

use super::TextFile;

/// The words are taken apart, so that this file does not hold them.
const BANNED: [(&str, &str); 8] = [
    (concat!("/ro", "ot/"), "a path of one machine"),
    (concat!("/wo", "rk/"), "a path of one machine"),
    (concat!("registry.npm", "js.org"), "lock files work with any registry: omit where a package was downloaded from"),
    (concat!("static.crates", ".io"), "Cargo knows where its registry is"),
    (concat!("index.crates", ".io"), "Cargo knows where its registry is"),
    (concat!("proxy.golang", ".org"), "Go knows where its proxy is"),
    (concat!("deb.debian", ".org"), "apt knows where its mirror is"),
    (concat!("todo", "!("), "finish it, or say in an error what is not there yet"),
];

/// Each line that holds a banned word.
pub(super) fn complaints(files: &[TextFile]) -> Vec<String> {
    let lines =
        files.iter().flat_map(|file| (1..).zip(file.text.lines()).map(move |(number, line)| (file, number, line)));
    lines
        .flat_map(|(file, number, line)| {
            BANNED
                .iter()
                .filter(move |(word, _)| line.contains(word))
                .map(move |(word, reason)| format!("{}:{number} holds `{word}`: {reason}", file.path))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_banned_word_is_reported_with_its_place_and_the_reason() {
        let text = format!("fine\nsee {}me/notes\n", BANNED[0].0);
        let file = TextFile { path: "docs/page.md".into(), text };
        let complaints = complaints(&[file]);
        assert_eq!(complaints.len(), 1);
        assert!(complaints[0].starts_with("docs/page.md:2 holds"), "{complaints:?}");
    }
}
