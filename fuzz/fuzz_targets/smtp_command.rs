//! A line that is a command prints to one that is the same command; every refusal can be said.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smtp::Command;

fuzz_target!(|line: &[u8]| match Command::parse(line) {
    Ok(command) => {
        let printed = command.to_string();
        assert!(!printed.contains(['\r', '\n', '\0']), "{printed:?}");
        assert_eq!(Command::parse(printed.as_bytes()), Ok(command), "{printed:?}");
    }
    Err(error) => {
        let mut said = Vec::new();
        error.reply().print(&mut said);
        assert!(said.ends_with(b"\r\n") && !error.reply().is_positive());
    }
});
