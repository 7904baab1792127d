//! Pages that say which test shows what: each row names tests that exist, or says why it has none.

use super::TextFile;

/// A page with rows `| id | … | tests |`.
struct Matrix {
    page: &'static str,
    /// Beginnings of ids, and how many follow each: `("3.3.", 4)` stands for 3.3.1 to 3.3.4. In order.
    rows: &'static [(&'static str, usize)],
    /// How the last cell of a row without a test begins.
    excuses: &'static [&'static str],
}

const MATRICES: [Matrix; 2] = [
    Matrix { page: "docs/attacks.md", rows: &[("", 52)], excuses: &["No test: "] },
    Matrix {
        page: "docs/asvs.md",
        // Levels 1 and 2; within each section those of level 3 come last.
        rows: &[
            ("3.2.", 2),
            ("3.3.", 4),
            ("3.4.", 6),
            ("3.5.", 5),
            ("3.7.", 2),
            ("4.1.", 3),
            ("4.2.", 1),
            ("4.3.", 2),
            ("4.4.", 4),
            ("7.1.", 3),
            ("7.2.", 4),
            ("7.3.", 2),
            ("7.4.", 5),
            ("7.5.", 2),
            ("7.6.", 2),
            ("9.1.", 3),
            ("9.2.", 4),
            ("10.1.", 2),
            ("10.2.", 2),
            ("10.3.", 4),
            ("10.4.", 11),
            ("10.5.", 5),
            ("10.6.", 2),
            ("10.7.", 3),
            ("16.1.", 1),
            ("16.2.", 5),
            ("16.3.", 4),
            ("16.4.", 3),
            ("16.5.", 3),
        ],
        excuses: &["No test: ", "Not applicable: ", "Not met: "],
    },
];

/// A row of a page: its id, and the cell that names tests.
struct Row<'a> {
    id: &'a str,
    tests: &'a str,
}

/// Each row that is missing or has no test, and each test that is named and not there.
pub(super) fn complaints(files: &[TextFile]) -> Vec<String> {
    MATRICES.iter().flat_map(|matrix| matrix.complaints(files)).collect()
}

impl Matrix {
    fn complaints(&self, files: &[TextFile]) -> Vec<String> {
        let Self { page, rows: _, excuses } = self;
        let Some(file) = files.iter().find(|file| file.path == *page) else {
            return vec![format!("{page} is missing")];
        };
        let rows: Vec<Row<'_>> = file.text.lines().filter_map(row).collect();
        let mut complaints = Vec::new();
        if !rows.iter().map(|row| row.id).eq(self.ids().iter().map(String::as_str)) {
            complaints.push(format!("{page} does not list all its rows, once each and in order"));
        }
        for Row { id, tests } in rows {
            let named = named_tests(tests);
            let is_excused = excuses.iter().any(|excuse| tests.strip_prefix(excuse).is_some_and(|why| !why.is_empty()));
            if named.is_empty() && !is_excused {
                complaints.push(format!(
                    "{page}: row {id} names no test, and gives no reason after `{}`",
                    excuses.join("` or `")
                ));
            }
            let missing = named.into_iter().filter(|(test, path)| !has_test(files, path, test));
            complaints
                .extend(missing.map(|(test, path)| format!("{page}: row {id}: there is no test `{test}` in {path}")));
        }
        complaints
    }

    fn ids(&self) -> Vec<String> {
        let section = |(beginning, count): &(&str, usize)| {
            (1..=*count).map(|number| format!("{beginning}{number}")).collect::<Vec<_>>()
        };
        self.rows.iter().flat_map(section).collect()
    }
}

fn row(line: &str) -> Option<Row<'_>> {
    let mut cells = line.strip_prefix('|')?.strip_suffix('|')?.split('|').map(str::trim);
    let is_id = |cell: &str| cell.starts_with(|first: char| first.is_ascii_digit());
    let id = cells.next().filter(|cell| is_id(cell))?;
    Some(Row { id, tests: cells.next_back()? })
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

    const FEW: Matrix =
        Matrix { page: "page.md", rows: &[("3.2.", 2), ("4.", 1)], excuses: &["No test: ", "Not met: "] };

    fn complaints(rows: &str) -> Vec<String> {
        let code = "#[test]\nfn there() {}\n\nfn no_test() {}\n\n    #[tokio::test]\n    async fn there_too() {}\n";
        let files =
            [("page.md", rows), ("a/b.rs", code)].map(|(path, text)| TextFile { path: path.into(), text: text.into() });
        FEW.complaints(&files)
    }

    #[test]
    fn a_test_that_is_not_there_and_a_row_without_one_are_reported() {
        let found = complaints(
            "| 3.2.1 | x | [`no_test`](../a/b.rs) |\n| 3.2.2 | x | [`there`](../a/c.rs) |\n| 4.1 | x | Not met: |\n",
        );
        assert_eq!(found.len(), 3, "{found:?}");
        for (complaint, row) in found.iter().zip(["row 3.2.1", "row 3.2.2", "row 4.1"]) {
            assert!(complaint.contains(row), "{complaint}");
        }
    }

    #[test]
    fn rows_that_are_missing_twice_or_out_of_order_are_reported() {
        let row = |id: &str| format!("| {id} | x | [`there`](../a/b.rs) |\n");
        for ids in [&["3.2.1", "4.1"][..], &["3.2.1", "3.2.1", "3.2.2", "4.1"], &["3.2.2", "3.2.1", "4.1"]] {
            let found = complaints(&ids.iter().map(|id| row(id)).collect::<String>());
            assert_eq!(found.len(), 1, "{ids:?}: {found:?}");
        }
    }

    #[test]
    fn rows_with_a_test_or_a_reason_are_no_complaint() {
        let rows = "| # | x | test |\n|---|---|---|\n| 3.2.1 | x | [`there`](../a/b.rs), [`there_too`](../a/b.rs) |\n\
                    | 3.2.2 | x | Not met: it has a reason |\n| 4.1 | x | No test: it has one too |\n";
        assert_eq!(complaints(rows), Vec::<String>::new());
    }
}
