//! Lines of the log on standard output. A worker gathers those of the requests at hand, and writes them at once, before it waits for
//! more: a line per system call costs as much as half of a request.
//!
//! What a worker has gathered when the process is killed is lost: at most what it did since it last had nothing to do.

use std::{
    cell::RefCell,
    io::{self, Write as _},
};

use tracing_subscriber::fmt::MakeWriter;

use crate::limits::GATHERED_BYTES_MAX;

thread_local! {
    /// On threads that gather.
    static GATHERED: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// Standard output, for a `tracing` subscriber.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lines;

/// From now on, lines of this thread wait for [`write_out`].
pub(crate) fn gather() {
    GATHERED.with_borrow_mut(|gathered| *gathered = Some(Vec::new()));
}

/// Writes what this thread has gathered.
pub(crate) fn write_out() {
    GATHERED.with_borrow_mut(|gathered| {
        if let Some(lines) = gathered.as_mut().filter(|lines| !lines.is_empty()) {
            // There is nowhere to complain that the log cannot be written.
            let _ = io::stdout().write_all(lines);
            lines.clear();
        }
    });
}

// === impl Lines ===

impl io::Write for Lines {
    /// Takes whole lines only, as a subscriber writes them.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let is_enough = GATHERED.with_borrow_mut(|gathered| match gathered {
            None => io::stdout().write_all(line).map(|()| false),
            Some(lines) => {
                lines.extend_from_slice(line);
                Ok(lines.len() >= GATHERED_BYTES_MAX)
            }
        })?;
        if is_enough {
            write_out();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        *self
    }
}
