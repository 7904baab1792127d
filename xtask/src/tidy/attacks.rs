//! `docs/attacks.md` names tests that exist: every class has one, or says why it has none.

use super::TextFile;

const PAGE: &str = "docs/attacks.md";
/// Classes of attacks that the page lists.
const CLASSES: usize = 52;
/// How the last cell of a class without a test begins.
const NO_TEST: &str = "No test: ";

/// A row of the table: the number, and the cell that names tests.
struct Class<'a> {
    number: &'a str,
    tests: &'a str,
}

/// Each class that is missing or has no test, and each test that is named and not there.
pub(super) fn complaints(files: &[TextFile]) -> Vec<String> {
    let Some(page) = files.iter().find(|file| file.path == PAGE) else { return vec![format!("{PAGE} is missing")] };
    let classes: Vec<Class<'_>> = page.text.lines().filter_map(class).collect();
    let mut complaints = Vec::new();
    let numbers: Vec<&str> = classes.iter().map(|class| class.number).collect();
    let expected: Vec<String> = (1..=CLASSES).map(|number| number.to_string()).collect();
    if numbers != expected {
        complaints.push(format!("{PAGE} does not list the classes 1 to {CLASSES}, in order"));
    }
    for Class { number, tests } in classes {
        let named = named_tests(tests);
        if named.is_empty() && tests.strip_prefix(NO_TEST).is_none_or(str::is_empty) {
            complaints.push(format!("{PAGE}: class {number} names no test, and gives no reason after `{NO_TEST}`"));
        }
        let missing = named.into_iter().filter(|(test, path)| !has_test(files, path, test));
        complaints
            .extend(missing.map(|(test, path)| format!("{PAGE}: class {number}: there is no test `{test}` in {path}")));
    }
    complaints
}

fn class(line: &str) -> Option<Class<'_>> {
    let mut cells = line.strip_prefix('|')?.strip_suffix('|')?.split('|').map(str::trim);
    let number = cells.next().filter(|cell| !cell.is_empty() && cell.bytes().all(|byte| byte.is_ascii_digit()))?;
    Some(Class { number, tests: cells.next_back()? })
}

/// Test and file of each ``[`test`](../file)``.
fn named_tests(cell: &str) -> Vec<(&str, &str)> {
    let links = cell.split("[`").skip(1).filter_map(|rest| rest.split_once("`](../"));
    links.filter_map(|(test, rest)| Some((test, rest.split_once(')')?.0))).collect()
}

/// Whether a file has a function of this name that is run as a test: by itself, or by proptest.
fn has_test(files: &[TextFile], path: &str, test: &str) -> bool {
    let Some(file) = files.iter().find(|file| file.path == path) else { return false };
    let (function, asynchronous) = (format!("fn {test}("), format!("async fn {test}("));
    let lines: Vec<&str> = file.text.lines().map(str::trim).collect();
    lines.windows(2).any(|pair| {
        matches!(pair, [attribute, line] if matches!(*attribute, "#[test]" | "#[tokio::test]")
            && (line.starts_with(&function) || line.starts_with(&asynchronous)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkout(rows: &str) -> [TextFile; 2] {
        let code = "#[test]\nfn there() {}\n\nfn no_test() {}\n\n    #[tokio::test]\n    async fn there_too() {}\n";
        [("docs/attacks.md", rows), ("a/b.rs", code)]
            .map(|(path, text)| TextFile { path: path.into(), text: text.into() })
    }

    #[test]
    fn a_test_that_is_not_there_and_a_class_without_one_are_reported() {
        let rows = "| 1 | x | [`there`](../a/b.rs), [`there_too`](../a/b.rs) |\n| 2 | x | [`no_test`](../a/b.rs) |\n\
                    | 3 | x | [`there`](../a/c.rs) |\n| 4 | x | |\n| 5 | x | No test: |\n| 6 | x | No test: it has a reason |\n";
        let complaints = complaints(&checkout(rows));
        assert_eq!(complaints.len(), 5, "{complaints:?}");
        assert!(complaints[0].contains("1 to 52"));
        for (complaint, class) in complaints[1..].iter().zip(["class 2", "class 3", "class 4", "class 5"]) {
            assert!(complaint.contains(class), "{complaint}");
        }
    }

    #[test]
    fn all_classes_with_a_test_each_are_no_complaint() {
        let rows: Vec<String> =
            (1..=CLASSES).map(|number| format!("| {number} | x | [`there`](../a/b.rs) |")).collect();
        assert_eq!(complaints(&checkout(&rows.join("\n"))), Vec::<String>::new());
    }
}
