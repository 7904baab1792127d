//! `{"columns":[{"name","kind","type"}],"rows":[[…]],"policyRevision":…}`.
//!
//! Written by hand: a decimal is a JSON number with all of its digits, which no number type of Rust would carry through
//! a serializer.

use super::{
    Answer, Remarks,
    text::{write_bare, write_json},
    too_long,
};
use crate::{request::QueryError, value::Cell};

pub(super) fn encode(answer: &Answer, remarks: Remarks<'_>, bytes_max: usize) -> Result<Vec<u8>, QueryError> {
    let mut out = Vec::new();
    out.extend_from_slice(b"{\"columns\":");
    write_json(&mut out, &answer.columns);
    out.extend_from_slice(b",\"rows\":[");
    for row in 0..answer.row_count {
        out.extend_from_slice(if row == 0 { b"[" } else { b",[" });
        for (index, values) in answer.values.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            write_cell(&mut out, values.get(row));
        }
        out.push(b']');
        if out.len() > bytes_max {
            return Err(too_long(bytes_max));
        }
    }
    out.extend_from_slice(b"],\"policyRevision\":");
    write_json(&mut out, &remarks.policy_revision);
    if let Some(explanation) = remarks.explanation {
        out.extend_from_slice(b",\"explain\":");
        write_json(&mut out, explanation);
    }
    out.push(b'}');
    Ok(out)
}

fn write_cell(out: &mut Vec<u8>, cell: Cell<'_>) {
    match cell {
        Cell::Null => out.extend_from_slice(b"null"),
        Cell::Text(text) => write_json(out, text),
        Cell::Date(_) | Cell::Timestamp(_) => {
            out.push(b'"');
            write_bare(out, cell);
            out.push(b'"');
        }
        Cell::Bool(_) | Cell::Int64(_) | Cell::Double(_) | Cell::Decimal { .. } => write_bare(out, cell),
    }
}
