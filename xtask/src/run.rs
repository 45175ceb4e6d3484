//! Starts programs and says so.

use anyhow::{Context, Result, ensure};
use std::path::PathBuf;
use std::process::Command;

/// The root of the workspace.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Runs cargo in the root; its output is ours.
pub fn cargo(args: &[&str]) -> Result<()> {
    eprintln!("+ cargo {}", args.join(" "));
    let status = cargo_command(args).status().context("cargo cannot be started")?;
    ensure!(status.success(), "cargo {} failed", args.join(" "));
    Ok(())
}

/// Runs a driver, named from the root; its output is ours.
pub fn python(script: &str, args: &[&str]) -> Result<()> {
    let status =
        Command::new("python3").arg(root().join(script)).args(args).status().context("python3 cannot be started")?;
    ensure!(status.success(), "{script} failed");
    Ok(())
}

/// What cargo prints.
pub fn cargo_output(args: &[&str]) -> Result<String> {
    let output = cargo_command(args).output().context("cargo cannot be started")?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "cargo {} failed: {told}", args.join(" "));
    Ok(String::from_utf8(output.stdout)?)
}

fn cargo_command(args: &[&str]) -> Command {
    // Through the name, not $CARGO: only rustup's proxy understands `+nightly`.
    let mut command = Command::new("cargo");
    command.args(args).current_dir(root());
    if args.first().is_some_and(|first| first.starts_with('+')) {
        command.env_remove("RUSTUP_TOOLCHAIN");
    }
    command
}

/// Whether a program of that name is in the search path.
pub fn installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
