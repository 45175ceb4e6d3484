//! How quantities and tables look in a terminal.

use crate::language::{Language, caller};

/// `1.2 KiB`: two digits are enough to compare.
pub fn size(octets: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if octets < 1024 {
        return format!("{octets} B");
    }
    let (mut value, mut unit) = (octets as f64 / 1024.0, "KiB");
    for next in UNITS.into_iter().skip(1) {
        if value < 1000.0 {
            break;
        }
        (value, unit) = (value / 1024.0, next);
    }
    if value >= 9.95 {
        return format!("{value:.0} {unit}");
    }
    let text = format!("{value:.1} {unit}");
    if caller() == Language::German { text.replace('.', ",") } else { text }
}

/// `5 s`, `12 min`, `3 h`, `4 d`: the largest unit of which there are two, or the smallest.
pub fn span(ms: i64) -> String {
    let s = ms.max(0) / 1000;
    match s {
        0..120 => format!("{s} s"),
        120..7200 => format!("{} min", s / 60),
        7200..172_800 => format!("{} h", s / 3600),
        _ => format!("{} d", s / 86_400),
    }
}

/// `1 delivery`, `2 deliveries`: the singular and the plural in English, then in German.
pub fn count(n: usize, english: [&str; 2], german: [&str; 2]) -> String {
    let [one, many] = if caller() == Language::German { german } else { english };
    if n == 1 { format!("1 {one}") } else { format!("{n} {many}") }
}

pub fn accounts(n: usize) -> String {
    count(n, ["account", "accounts"], ["Konto", "Konten"])
}

pub fn domains(n: usize) -> String {
    count(n, ["domain", "domains"], ["Domain", "Domains"])
}

pub fn messages(n: usize) -> String {
    count(n, ["message", "messages"], ["Nachricht", "Nachrichten"])
}

pub fn deliveries(n: usize) -> String {
    count(n, ["delivery", "deliveries"], ["Zustellung", "Zustellungen"])
}

/// `text` in at most `columns`, its end cut off with a mark. Controls, which a peer may have sent, do not reach the terminal.
pub fn cut(text: &str, columns: usize) -> String {
    let text = harmless(text);
    if text.chars().count() <= columns {
        return text;
    }
    let mut kept: String = text.chars().take(columns.saturating_sub(1)).collect();
    kept.push('…');
    kept
}

/// Without anything that changes how a terminal shows what comes behind.
pub fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Lines of at most `columns`, broken between words; all but the first are indented.
pub fn wrap(text: &str, columns: Option<usize>, indent: usize) -> String {
    let Some(columns) = columns else { return format!("{text}\n") };
    let (mut out, mut at) = (String::new(), 0);
    for (n, word) in text.split(' ').enumerate() {
        let width = word.chars().count();
        if n > 0 && at + 1 + width > columns && at > indent {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            at = indent;
        } else if n > 0 {
            out.push(' ');
            at += 1;
        }
        out.push_str(word);
        at += width;
    }
    out.push('\n');
    out
}

/// Rows under a heading, columns two spaces apart; those whose heading begins with `>` are aligned to the right.
pub fn table(heading: &[String], rows: &[Vec<String>], columns: Option<usize>) -> String {
    let plain = |text: &str| text.trim_start_matches('>').to_owned();
    let all = std::iter::once(heading.iter().map(|text| plain(text)).collect()).chain(rows.iter().cloned());
    let all: Vec<Vec<String>> = all.collect();
    let width =
        |at: usize| all.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..heading.len()).map(width).collect();
    let mut out = String::new();
    for row in &all {
        let mut line = String::new();
        for ((cell, width), heading) in row.iter().zip(&widths).zip(heading) {
            let cell = match heading.starts_with('>') {
                true => format!("{cell:>width$}"),
                false => format!("{cell:<width$}"),
            };
            line.push_str(&cell);
            line.push_str("  ");
        }
        let line = line.trim_end();
        out.push_str(&columns.map_or_else(|| line.to_owned(), |columns| cut(line, columns)));
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_short() {
        let sizes = [0, 1023, 1024, 1500, 10_240, 1_023_000, 1 << 20, 5 << 30, 20 << 40].map(size);
        assert_eq!(sizes, ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "10 KiB", "999 KiB", "1.0 MiB", "5.0 GiB", "20 TiB"]);
        let spans = [-5, 0, 119_000, 120_000, 7_199_000, 7_200_000, 172_800_000].map(span);
        assert_eq!(spans, ["0 s", "0 s", "119 s", "2 min", "119 min", "2 h", "2 d"]);
    }

    #[test]
    fn long_text_is_cut_or_wrapped() {
        assert_eq!(cut("postamt", 7), "postamt");
        assert_eq!(cut("postämter", 7), "postäm…");
        assert_eq!(cut("a\x1b[2Jb", 10), "a [2Jb");
        assert_eq!(wrap("one two three four", Some(10), 2), "one two\n  three\n  four\n");
        assert_eq!(wrap("one two three four", None, 2), "one two three four\n");
        assert_eq!(wrap("averyveryverylongword x", Some(10), 2), "averyveryverylongword\n  x\n");
    }

    #[test]
    fn columns_of_a_table_are_aligned() {
        let rows = [vec!["anna@demo.test".to_owned(), "5".to_owned()], vec!["b".to_owned(), "50".to_owned()]];
        let text = table(&["ADDRESS", ">N"].map(String::from), &rows, Some(80));
        assert_eq!(text, "ADDRESS          N\nanna@demo.test   5\nb               50\n");
    }
}
