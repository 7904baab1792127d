//! Splits a file into documents without losing line numbers.

use serde_json::Value;

use super::diagnostic::Diagnostic;
use std::path::Path;

/// One document of a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Document {
    /// Line of the file at which it starts, from 1.
    pub(crate) line: u64,
    /// The document from that line on.
    pub(crate) text: String,
}

impl Document {
    /// The line of the file that a parser of the text calls this.
    pub(crate) fn line_of_file(&self, line: u64) -> u64 {
        self.line + line.saturating_sub(1)
    }
}

/// Splits YAML at its document markers. A marker at the start of a line ends a document even inside a
/// block scalar (YAML 1.2.2, §9.1.2), so that splitting by line is exact.
pub(crate) fn split_yaml(text: &str) -> Vec<Document> {
    let mut documents = Vec::new();
    let mut start = 0;
    let mut current = String::new();
    let mut push = |start: usize, body: &str| {
        if body.lines().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#')) {
            let is_skipped = |line: &&str| line.trim().is_empty() || line.starts_with('#');
            let skipped = body.split_inclusive('\n').take_while(is_skipped);
            let (lines, bytes) = skipped.fold((0, 0), |(lines, bytes), line| (lines + 1, bytes + line.len()));
            let text = body.get(bytes..).unwrap_or_default().to_owned();
            documents.push(Document { line: (start + lines + 1) as u64, text });
        }
    };
    for (index, line) in text.lines().enumerate() {
        let is_marker = |marker: &str| {
            line.strip_prefix(marker).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
        };
        if is_marker("---") || is_marker("...") {
            push(start, &current);
            current.clear();
            start = index + 1;
        } else {
            current.push_str(line);
            current.push('\n');
        }
    }
    push(start, &current);
    documents
}

/// Splits a stream of JSON values.
pub(crate) fn split_json(file: &Path, text: &str) -> Result<Vec<Document>, Diagnostic> {
    let mut documents = Vec::new();
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let mut begin = 0;
    while let Some(value) = values.next() {
        if let Err(error) = value {
            return Err(Diagnostic {
                file: file.to_owned(),
                line: error.line() as u64,
                column: Some(error.column() as u64),
                message: format!("not JSON: {error}"),
            });
        }
        let end = values.byte_offset();
        let before = text.get(..begin).unwrap_or_default();
        let body = text.get(begin..end).unwrap_or_default();
        let text = body.trim_start();
        let leading = body.get(..body.len() - text.len()).unwrap_or_default();
        let line = before.matches('\n').count() + leading.matches('\n').count() + 1;
        documents.push(Document { line: line as u64, text: text.to_owned() });
        begin = end;
    }
    Ok(documents)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_keep_their_place_in_the_file() {
        let documents =
            split_yaml("# a comment\n---\na: 1\n---\n\n# only a comment\n--- # marker with a comment\nb: 2\n");
        assert_eq!(documents.iter().map(|d| d.line).collect::<Vec<_>>(), [3, 8]);
        assert_eq!((documents[1].text.as_str(), documents[1].line_of_file(1)), ("b: 2\n", 8));
    }

    #[test]
    fn a_line_that_only_begins_like_a_marker_is_content() {
        assert_eq!(split_yaml("a: |\n  x\n----- BEGIN\n").len(), 1);
    }

    #[test]
    fn several_json_values_are_several_documents() {
        let documents = split_json(Path::new("x.json"), "{\"a\":1}\n\n{\"b\":\n2}").unwrap();
        assert_eq!(documents.iter().map(|d| d.line).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(split_json(Path::new("x.json"), "{\"a\":1}\n{").unwrap_err().line, 2);
    }
}
