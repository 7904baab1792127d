//! RFC 4180 with a header line.

use super::{Answer, text::write_bare, too_long};
use crate::{request::QueryError, value::Cell};

pub(super) fn encode(answer: &Answer, bytes_max: usize) -> Result<Vec<u8>, QueryError> {
    let mut out = Vec::new();
    write_record(&mut out, answer.columns.iter().map(|column| Cell::Text(&column.name)));
    for row in 0..answer.row_count {
        write_record(&mut out, answer.values.iter().map(|values| values.get(row)));
        if out.len() > bytes_max {
            return Err(too_long(bytes_max));
        }
    }
    Ok(out)
}

fn write_record<'a>(out: &mut Vec<u8>, cells: impl Iterator<Item = Cell<'a>>) {
    let start = out.len();
    for (index, cell) in cells.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_cell(out, cell);
    }
    if out.len() == start {
        // An empty line would not be a record.
        out.extend_from_slice(b"\"\"");
    }
    out.extend_from_slice(b"\r\n");
}

fn write_cell(out: &mut Vec<u8>, cell: Cell<'_>) {
    match cell {
        Cell::Text(text) if text.contains(['"', ',', '\r', '\n']) => {
            out.push(b'"');
            out.extend_from_slice(text.replace('"', "\"\"").as_bytes());
            out.push(b'"');
        }
        Cell::Text(text) => out.extend_from_slice(text.as_bytes()),
        other => write_bare(out, other),
    }
}
