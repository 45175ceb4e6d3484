//! Addresses, domains, local parts and flags of any text; what is parsed and printed is parsed to the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model::{Address, Domain, Flag, ForwardPath, Keyword, LocalPart};
use smtp::{Command, RcptParams};

fuzz_target!(|octets: &[u8]| {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    if let Ok(domain) = Domain::new(text) {
        let name = domain.as_str();
        assert!(
            name.len() <= Domain::OCTETS_MAX && name.bytes().all(|b| b.is_ascii_graphic() && !b.is_ascii_uppercase())
        );
        assert!(!name.contains(['@', '<', '>', '"', '\\']), "{name}");
        assert_eq!(Domain::new(name), Ok(domain.clone()));
        assert_eq!(Domain::new(&text.to_ascii_uppercase()).as_ref(), Ok(&domain));
    }
    if let Ok(local) = LocalPart::new(text) {
        assert!(local.as_str() == text && text.len() <= LocalPart::OCTETS_MAX);
        same(&Address { local, domain: Domain::new("demo.test").expect("a domain") });
    }
    if let Ok(address) = text.parse::<Address>() {
        same(&address);
    }
    if let Some(flag) = Flag::parse(text) {
        assert_eq!(Flag::parse(flag.as_str()), Some(flag));
    }
    if let Some(keyword) = Keyword::new(text) {
        let folded = Keyword::new(&text.to_ascii_lowercase()).expect("case does not matter");
        assert!(keyword == folded && keyword.cmp(&folded).is_eq() && keyword.as_str() == text);
    }
});

/// Printed, it is one line that both readers, of addresses and of commands, read as the same.
fn same(address: &Address) {
    let printed = address.to_string();
    assert!(!printed.contains(char::is_control));
    assert_eq!(printed.parse::<Address>().as_ref(), Ok(address));
    let command = Command::Rcpt(ForwardPath::Address(address.clone()), RcptParams::default());
    assert_eq!(Command::parse(command.to_string().as_bytes()), Ok(command));
}
