//! The program `cubegate`.

#![forbid(unsafe_code)]

use std::process::ExitCode;

/// Large queries take and give back tens of megabytes; the system's allocator would hand them back to the kernel each time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cubegate_cli::main()
}
