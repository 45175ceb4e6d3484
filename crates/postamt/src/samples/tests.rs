use super::*;
use mail_parser::{MessageParser, MimeHeaders, PartType};
use std::collections::{BTreeMap, HashSet};

const SAMPLES: usize = 60;
const NOW: Timestamp = Timestamp::from_unix_ms(1_772_000_000_000);

fn parsed(sample: &Sample) -> mail_parser::Message<'_> {
    MessageParser::default().parse(&sample.octets).unwrap()
}

fn find(subject: &str) -> Sample {
    let mut found = samples(NOW).into_iter().filter(|sample| parsed(sample).subject() == Some(subject));
    found.next().unwrap_or_else(|| panic!("{subject}"))
}

#[test]
fn sixty_messages_in_their_mailboxes_the_same_every_time() {
    let all = samples(NOW);
    assert_eq!(all.len(), SAMPLES);
    assert_eq!(all, samples(NOW));
    let mut counts = BTreeMap::new();
    all.iter().for_each(|sample| *counts.entry(sample.mailbox).or_insert(0) += 1);
    let expected = [
        ("Archive", 7),
        ("Drafts", 2),
        ("INBOX", 21),
        ("Junk", 4),
        ("Lists/rust-de", 12),
        ("Newsletters", 6),
        ("Sent", 5),
        ("Trash", 3),
    ];
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), expected);
    assert!(all.iter().all(|sample| sample.date < NOW));
}

#[test]
fn all_are_well_formed() {
    let all = samples(NOW);
    let ids: HashSet<String> = all.iter().map(|sample| parsed(sample).message_id().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), SAMPLES);
    for sample in &all {
        let text = String::from_utf8_lossy(&sample.octets);
        let bare = text.replace("\r\n", "");
        assert!(!bare.contains(['\r', '\n']), "{text}");
        assert!(sample.octets.ends_with(b"\r\n"));
        assert!(text.split("\r\n").all(|line| line.len() <= 998), "RFC 5322 §2.1.1");
        let message = parsed(sample);
        assert!(message.date().is_some() && message.from().is_some() && message.to().is_some(), "{text}");
        let header = text.split("\r\n\r\n").next().unwrap();
        assert!(header.is_ascii(), "{header}");
        assert!(message.parts.iter().all(|part| !part.is_encoding_problem), "{text}");
    }
}

#[test]
fn languages_come_out_as_they_went_in() {
    let check = |subject: &str, words: &str| {
        let sample = find(subject);
        let text = parsed(&sample).body_text(0).unwrap().into_owned();
        assert!(text.contains(words), "{text}");
    };
    check("京都からの手紙", "紅葉");
    check("Привет из Петербурга", "Спасибо за открытку");
    check("关于下周的会议", "请带上样品");
    check("Die Bücher für Jürgen", "natürlich über der Tür");
    check("Καλημέρα", "ο καφές είναι έτοιμος");
    check("שלום מחיפה", "הים רגוע");
    check("موعد الاجتماع", "الساعة العاشرة");
    check("Cześć z Krakowa", "żółte tramwaje");
    check("🎉 We did it! 🚀", "🍰");
}

#[test]
fn structures_are_what_they_claim() {
    let invoice = find("Ihre Rechnung für März");
    let attachment = parsed(&invoice).attachment(0).unwrap().attachment_name().unwrap().to_owned();
    assert_eq!(attachment, "Rechnung für März.pdf");
    assert!(parsed(&invoice).attachment(0).unwrap().contents().starts_with(b"%PDF-1.4"));
    let everything = find("Everything at once");
    let everything = parsed(&everything);
    let names: Vec<_> = everything.attachments().filter_map(|part| part.attachment_name()).collect();
    assert_eq!(names, ["envelope.png", "Preise für Sammler €.csv", "envelope.png"]);
    let forward = find("Fwd: Fahrplan");
    let inner = parsed(&forward);
    let inner = inner.parts.iter().find_map(|part| match &part.body {
        PartType::Message(message) => message.subject().map(str::to_owned),
        _ => None,
    });
    assert_eq!(inner.as_deref(), Some("Fahrplan"));
    let bounce = find("Undelivered Mail Returned to Sender");
    let report = parsed(&bounce);
    assert!(report.content_type().is_some_and(|t| t.attribute("report-type") == Some("delivery-status")));
}

#[test]
fn every_reference_of_the_thread_leads_somewhere() {
    let all = samples(NOW);
    let list: Vec<_> = all.iter().filter(|sample| sample.mailbox == "Lists/rust-de").map(parsed).collect();
    let ids: HashSet<&str> = list.iter().filter_map(|message| message.message_id()).collect();
    let mut references = 0;
    for message in &list {
        for id in message.references().as_text_list().into_iter().flatten() {
            assert!(ids.contains(id.as_ref()), "{id}");
            references += 1;
        }
    }
    assert!(references >= 20, "{references}");
}
