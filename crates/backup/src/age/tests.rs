use super::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use std::io::{Read, Write};

/// Of `BY_RAGE`.
const RECIPIENT_TEXT: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";
/// What rage 0.11 wrote for that recipient, with a stanza that nobody knows.
const BY_RAGE: &str = "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBqRXc1NytiK1JUWDI2SkVUaUxhSmdsZUhQcXRmazFjaE5xanhVTDRh\
    cm1nClpGaFlWNXI1MDdMcFltejlPdk5Cam51S2g0a3JKOVlZdnZBVVNpNnhkdlEKLT4gKi1ncmVhc2UKWklKWkNYS3oxSHluaHp2WHJQRXp6b3JC\
    Q0tvUWI2YW1Rd0RKMkpBaHVkVk1uVVE4T2hIalQ3WkxNaHZ2RzNoSApxLzFuVktMTlBUeWd1WEwvRnpsb05EMTZzN3Z4dVZjSEtzMmJDRVFNb3I0\
    R1p0Ky93SW9CcXpZbk1hOAotLS0geGF2R2xpWFFlR29xLzNDWi9TTDdaczNETTdTWHFxZGV2WkNrUUZqS09Ubwosg1oR4OSfPXjCbHW81LL/LWS6\
    g7kWu7fP+zoPYLroJqQzwE9IRjWfOUmmvHuk069a";
const IDENTITY_TEXT: &str = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";

fn sealed(recipients: &[Recipient], pieces: &[&[u8]]) -> Vec<u8> {
    let mut sealer = Sealer::new(Vec::new(), recipients).unwrap();
    pieces.iter().for_each(|piece| sealer.write_all(piece).unwrap());
    sealer.finish().unwrap()
}

fn opened(octets: &[u8], identity: &Identity) -> Result<Vec<u8>, AgeError> {
    let told = |error: std::io::Error| *error.get_ref().unwrap().downcast_ref::<AgeError>().unwrap();
    let mut out = Vec::new();
    let mut opener = Opener::new(octets, std::slice::from_ref(identity)).map_err(told)?;
    opener.read_to_end(&mut out).map_err(told)?;
    Ok(out)
}

#[test]
fn keys_are_written_as_age_writes_them() {
    let identity: Identity = IDENTITY_TEXT.parse().unwrap();
    assert_eq!(&*identity.expose(), IDENTITY_TEXT);
    let recipient = identity.recipient();
    assert_eq!(recipient.to_string().parse(), Ok(recipient));
    assert!(!format!("{identity:?}").contains("SECRET"));
    let mut typo = recipient.to_string();
    typo.replace_range(10..11, if typo.as_bytes()[10] == b'q' { "p" } else { "q" });
    assert_eq!(typo.parse::<Recipient>(), Err(AgeError::Recipient));
    for wrong in ["", "age1", "age", IDENTITY_TEXT, &"age1q".repeat(40)] {
        assert_eq!(wrong.parse::<Recipient>(), Err(AgeError::Recipient), "{wrong}");
    }
    let file = format!("# made today\n\n{IDENTITY_TEXT}\r\n");
    assert_eq!(identities(&file).unwrap().len(), 1);
    assert_eq!(identities("something").err(), Some(AgeError::Identity));
}

#[test]
fn what_another_program_wrote_is_opened() {
    let identity: Identity = IDENTITY_TEXT.parse().unwrap();
    assert_eq!(identity.recipient().to_string(), RECIPIENT_TEXT);
    let octets = STANDARD.decode(BY_RAGE).unwrap();
    assert_eq!(opened(&octets, &identity), Ok(b"Written by rage.\n".to_vec()));
}

#[test]
fn only_its_recipients_open_it() {
    let (anna, ben, carla) =
        (Identity::generate().unwrap(), Identity::generate().unwrap(), Identity::generate().unwrap());
    let octets = sealed(&[anna.recipient(), ben.recipient()], &[b"hello"]);
    assert_eq!(opened(&octets, &anna), Ok(b"hello".to_vec()));
    assert_eq!(opened(&octets, &ben), Ok(b"hello".to_vec()));
    assert_eq!(opened(&octets, &carla), Err(AgeError::Foreign));
}

#[test]
fn every_changed_octet_is_noticed() {
    let anna = Identity::generate().unwrap();
    let octets = sealed(&[anna.recipient()], &[b"hello"]);
    for at in 0..octets.len() {
        let mut changed = octets.clone();
        changed[at] ^= 1;
        assert!(opened(&changed, &anna).is_err(), "octet {at}");
    }
    for end in 0..octets.len() {
        assert!(opened(&octets[..end], &anna).is_err(), "cut at {end}");
    }
}

#[test]
fn whole_pieces_are_not_cut() {
    let anna = Identity::generate().unwrap();
    for len in [0, 1, (64 << 10) - 1, 64 << 10, (64 << 10) + 1, 128 << 10] {
        let octets = vec![7; len];
        let file = sealed(&[anna.recipient()], &[&octets]);
        assert_eq!(opened(&file, &anna), Ok(octets), "{len}");
        if len > 64 << 10 {
            // Without its last piece it is not the whole.
            let end = file.len() - 16 - (len - 1) % (64 << 10) - 1;
            assert_eq!(opened(&file[..end], &anna), Err(AgeError::Damaged));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn any_pieces_come_back(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..70_000), 0..5)) {
        let anna: Identity = IDENTITY_TEXT.parse().unwrap();
        let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
        prop_assert_eq!(opened(&sealed(&[anna.recipient()], &pieces), &anna), Ok(pieces.concat()));
    }

    #[test]
    fn any_octets_are_refused_without_a_panic(octets in prop::collection::vec(any::<u8>(), 0..300)) {
        let anna: Identity = IDENTITY_TEXT.parse().unwrap();
        prop_assert!(opened(&octets, &anna).is_err());
        prop_assert!(opened(&[b"age-encryption.org/v1\n".as_slice(), &octets].concat(), &anna).is_err());
    }
}
