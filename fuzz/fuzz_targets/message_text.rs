//! Header fields, encoded words, addresses, dates, subjects, transfer encodings and searchable text of any octets.
#![no_main]

use libfuzzer_sys::fuzz_target;
use message::transfer::Decoder;
use message::{Scanner, Selection, SentAt, TransferEncoding, decode_header, decode_transfer, header, text};

fuzz_target!(|input: &[u8]| {
    let fields: Vec<_> = header::Fields::new(input).collect();
    assert!(fields.iter().all(|field| &input[field.range.clone()] == field.raw));
    let names: Vec<&[u8]> = fields.iter().map(|field| field.name).take(4).collect();
    let included = message::header_fields(input, &names, Selection::Include).len();
    let excluded = message::header_fields(input, &names, Selection::Exclude).len();
    assert!(included + excluded >= fields.iter().map(|field| field.raw.len()).sum::<usize>());

    let shown = decode_header(input);
    let (base, _) = message::base_subject(&shown);
    assert!(base.len() <= shown.len());
    let _ = SentAt::parse(input);
    let (addresses, _) = message::parse_addresses(input, 50);
    assert!(addresses.len() <= 52);

    for encoding in [TransferEncoding::Base64, TransferEncoding::QuotedPrintable, TransferEncoding::Binary] {
        let whole = decode_transfer(&encoding, input).expect("the encoding is known");
        assert!(whole.len() <= input.len());
        let mut decoder = Decoder::new(&encoding).expect("the encoding is known");
        let mut pieces = Vec::new();
        input.chunks(3).for_each(|chunk| decoder.push(chunk, &mut pieces));
        decoder.finish(&mut pieces);
        assert_eq!(pieces, *whole);
    }

    let mut scanner = Scanner::new(Scanner::DEFAULT_BUDGET);
    scanner.push(input);
    for part in scanner.finish().structure.parts().iter().take(20) {
        let body = &input[part.body_start as usize..part.body_end as usize];
        let found = text::searchable(part, body, &Scanner::DEFAULT_BUDGET);
        assert!(text::contains_folded(&found, &found));
        let _ = part.filename();
    }
});
