//! Files that a reader can hold in mind.

use super::TextFile;

/// Above this a file is named in passing.
const SOURCE_LINES_GOOD: usize = 400;
/// Above this it is a failure.
const SOURCE_LINES_MAX: usize = 700;
const MAIN_LINES_MAX: usize = 60;
const README_LINES_MAX: usize = 150;

/// Files that are larger than is good.
pub(super) fn notes(files: &[TextFile]) -> Vec<String> {
    let large = sources(files).filter(|(_, lines)| (SOURCE_LINES_GOOD + 1..=SOURCE_LINES_MAX).contains(lines));
    large.map(|(file, lines)| format!("{} has {lines} lines without its tests", file.path)).collect()
}

/// Files that are larger than is allowed.
pub(super) fn complaints(files: &[TextFile]) -> Vec<String> {
    let mains =
        sources(files).filter(|(file, _)| file.path.ends_with("/src/main.rs")).map(|found| (found, MAIN_LINES_MAX));
    let readme = files.iter().filter(|file| file.path == "README.md");
    let readme = readme.map(|file| ((file, file.text.lines().count()), README_LINES_MAX));
    sources(files)
        .map(|found| (found, SOURCE_LINES_MAX))
        .chain(mains)
        .chain(readme)
        .filter(|((_, lines), lines_max)| lines > lines_max)
        .map(|((file, lines), lines_max)| format!("{} has {lines} lines; at most {lines_max} are allowed", file.path))
        .collect()
}

/// Rust files with their number of lines, tests apart.
fn sources(files: &[TextFile]) -> impl Iterator<Item = (&TextFile, usize)> {
    files
        .iter()
        .filter(|file| file.has_extension("rs") && !is_test(&file.path))
        .map(|file| (file, file.text.lines().take_while(|line| *line != "#[cfg(test)]").count()))
}

fn is_test(path: &str) -> bool {
    path.split('/').any(|part| part == "tests" || part == "tests.rs")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: String) -> TextFile {
        TextFile { path: path.into(), text }
    }

    #[test]
    fn a_file_is_measured_without_its_tests() {
        let text = "line\n".repeat(SOURCE_LINES_MAX) + "#[cfg(test)]\n" + &"test\n".repeat(100);
        assert_eq!(complaints(&[file("a/src/b.rs", text.clone())]), Vec::<String>::new());
        assert_eq!(notes(&[file("a/src/b.rs", text.clone())]), ["a/src/b.rs has 700 lines without its tests"]);
        assert_eq!(complaints(&[file("a/src/b.rs", format!("one more\n{text}"))]).len(), 1);
        assert!(complaints(&[file("a/tests/b.rs", format!("one more\n{text}"))]).is_empty());
    }

    #[test]
    fn an_entry_point_and_the_front_page_are_short() {
        let long = file("a/src/main.rs", "line\n".repeat(MAIN_LINES_MAX + 1));
        let readme = file("README.md", "line\n".repeat(README_LINES_MAX + 1));
        assert_eq!(complaints(&[long, readme]).len(), 2);
    }
}
