//! `xtext` (RFC 3461 §4) and RFC 6533's way to write characters in ASCII.

use crate::parameter::hex;

/// ENVID and ORCPT as SMTP says them: ASCII with `+XX` for what may not stand there.
pub fn xtext_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for octet in text.bytes() {
        if octet.is_ascii_graphic() && octet != b'+' && octet != b'=' {
            out.push(char::from(octet));
        } else {
            out.push_str(&format!("+{octet:02X}"));
        }
    }
    out
}

/// What `xtext` stands for; `None` if it is none or stands for no text.
pub fn xtext_decode(xtext: &str) -> Option<String> {
    let mut out = Vec::with_capacity(xtext.len());
    let mut rest = xtext.as_bytes();
    while let Some((&octet, behind)) = rest.split_first() {
        rest = behind;
        match (octet, behind) {
            (b'+', [high, low, behind @ ..]) if !high.is_ascii_lowercase() && !low.is_ascii_lowercase() => {
                out.push(hex(*high, *low)?);
                rest = behind;
            }
            (b'+' | b'=', _) => return None,
            // RFC 6533 §3 lets UTF-8 stand as it is.
            _ if octet.is_ascii_graphic() || octet > 127 => out.push(octet),
            _ => return None,
        }
    }
    String::from_utf8(out).ok()
}

/// An address of type `utf-8` with its `\x{HEX}` undone (RFC 6533 §3); what does not fit that form stays as it is.
pub(super) fn unitext_decode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("\\x{") {
        out.push_str(before);
        let digits = behind.bytes().take_while(u8::is_ascii_hexdigit).take(7).count();
        let escaped = behind.split_at_checked(digits).and_then(|(digits, behind)| {
            let c = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32)?;
            Some((c, behind.strip_prefix('}')?))
        });
        match escaped {
            Some((c, behind)) => {
                out.push(c);
                rest = behind;
            }
            None => {
                out.push_str("\\x{");
                rest = behind;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn xtext_as_it_is_sent() {
        assert_eq!(xtext_encode("a+b=c d"), "a+2Bb+3Dc+20d");
        assert_eq!(xtext_decode("a+2Bb"), Some("a+b".to_owned()));
        assert_eq!(xtext_decode("ä@b"), Some("ä@b".to_owned()));
        for bad in ["a+2", "a+zz", "a+2b", "a=b", "a b", "+FF"] {
            assert_eq!(xtext_decode(bad), None, "{bad}");
        }
    }

    #[test]
    fn characters_in_ascii() {
        let check = |text: &str, want: &str| assert_eq!(unitext_decode(text), want);
        check("J\\x{F6}rg\\x{2B}x@b", "Jörg+x@b");
        check("\\x{110000}\\x{}\\x{41", "\\x{110000}\\x{}\\x{41");
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(text in "\\PC{0,40}") {
            prop_assert_eq!(xtext_decode(&xtext_encode(&text)), Some(text));
        }
    }
}
