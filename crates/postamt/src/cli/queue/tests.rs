use super::*;
use crate::admin::when::When;
use crate::language::tests::in_german;

const NOW: Timestamp = Timestamp::from_unix_ms(10_000_000);

fn at(ms: i64) -> When {
    When(Timestamp::from_unix_ms(NOW.unix_ms() + ms))
}

fn item() -> QueueItem {
    QueueItem {
        queue_id: "06559b0f9ac00001".into(),
        arrived: at(-7_200_000),
        size_octets: 1500,
        from: "anna@demo.test".into(),
        to: "ben@example.org".into(),
        original_to: None,
        next_hop: "example.org".into(),
        attempts: 4,
        next_attempt: at(180_000),
        expires: at(432_000_000),
        held: false,
        under_way: false,
        delay_told: false,
        last_answer: None,
        closed_until: None,
        closed_cause: None,
    }
}

#[test]
fn a_row_fits_below_the_heading() {
    let with_heading = |item: &QueueItem| heading() + &row(item, NOW, 100);
    let expected = "\
ID                AGE      SIZE      TRIES  NEXT      FROM → TO
06559b0f9ac00001  2 h      1.5 KiB       4  3 min     anna@demo.test → ben@example.org
";
    assert_eq!(with_heading(&item()), expected);
    let by_route = QueueItem { held: true, next_hop: "route:smarthost".into(), ..item() };
    let expected = "\
ID                AGE      SIZE      TRIES  NEXT      FROM → TO
06559b0f9ac00001  2 h      1.5 KiB       4  held      anna@demo.test → ben@example.org
                  by route:smarthost
";
    assert_eq!(with_heading(&by_route), expected);
    let long =
        QueueItem { to: format!("{}@example.org", "x".repeat(100)), last_answer: Some("y".repeat(200)), ..item() };
    let text = with_heading(&long);
    assert!(text.lines().all(|line| line.chars().count() <= 100) && text.contains('…'), "{text}");
}

#[test]
fn in_german_the_columns_are_the_same() {
    let expected = "\
ID                ALTER    GRÖSSE    VERS.  NÄCHSTER  VON → AN
06559b0f9ac00001  2 h      1,5 KiB       4  gehalten  anna@demo.test → ben@example.org
";
    let held = QueueItem { held: true, ..item() };
    assert_eq!(in_german(|| heading() + &row(&held, NOW, 100)), expected);
    let text = in_german(|| details(&QueueItem { delay_told: true, ..item() }, NOW, None));
    assert!(text.contains("    Zustand  4 Versuche; der nächste in 3 min, 1970-01-01 02:49:40Z\n"), "{text}");
    assert!(text.contains("danach bekommt der Absender einen Bericht; von der Verzögerung weiß er\n"), "{text}");
}

#[test]
fn a_closed_destination_says_why_and_until_when() {
    let closed = QueueItem {
        from: String::new(),
        next_attempt: at(-5),
        closed_until: Some(at(600_000)),
        closed_cause: Some("no route to host".into()),
        last_answer: Some("older".into()),
        ..item()
    };
    let expected = "\
06559b0f9ac00001  2 h      1.5 KiB       4  10 min    <> → ben@example.org
                  no route to host
";
    assert_eq!(row(&closed, NOW, 100), expected);
    let details = details(&closed, NOW, Some(80));
    assert!(
        details.contains("    waits    nothing is sent there until 1970-01-01 02:56:40Z: no route to host\n"),
        "{details}"
    );
    assert!(details.contains("    last     older\n"), "{details}");
}

#[test]
fn a_next_hop_is_checked_before_anything_is_asked() {
    assert_eq!(next_hop("smtp://192.0.2.7").unwrap(), "smtp://192.0.2.7:25");
    assert!(next_hop("http://x").unwrap_err().contains("smtp"));
}
