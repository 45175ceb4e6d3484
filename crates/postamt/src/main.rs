//! The whole post office in one program: command line, configuration, demo, and the wiring of all other crates.
//!
//! | module | what |
//! |---|---|
//! | `cli` | the commands |
//! | `admin` | the socket by which the running server is administered |
//! | `config` | one TOML file into one `ServePlan`, and everything that is wrong with it |
//! | `plan` | `ServePlan`: what shall be served |
//! | `reach`, `zone` | where mail programs reach it; what DNS should hold |
//! | `demo`, `samples` | the demo's plan and its sixty messages |
//! | `import`, `export` | mail from files and into them |
//! | `backups` | all of it, and back |
//! | `fetch` | mail from other servers |
//! | `figures` | what is counted, and its reference |
//! | `language` | English and German |
//! | `screen` | what the terminal shows |
//! | `server` | the wiring |

mod admin;
mod backups;
mod cli;
mod config;
mod demo;
mod export;
mod fetch;
mod figures;
mod headline;
mod import;
mod language;
mod plan;
mod reach;
mod samples;
mod screen;
mod server;
mod zone;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    small_pages();
    language::begin();
    cli::run()
}

/// Thousands of idle connections are small pieces all over the heap. In pages of 2 MiB, which the allocator asks for, each piece
/// keeps a whole one: connections cost a third more, and no less processor time (measured: `docs/performance.md`).
fn small_pages() {
    // Where the kernel does not know this, there are no large pages either.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}
