//! An expected line: exact text, `…` for any text, `$name` for one word that stays the same.

use std::collections::BTreeMap;

/// What names stand for so far.
pub(crate) type Bindings = BTreeMap<String, String>;

enum Token<'a> {
    Text(&'a str),
    Any,
    Name(&'a str),
}

/// Whether `line` is what `pattern` wants; names met for the first time are bound if it is.
pub(crate) fn matches(pattern: &str, line: &str, bindings: &mut Bindings) -> bool {
    let mut bound = bindings.clone();
    let fits = fits(&tokens(pattern), line, &mut bound);
    if fits {
        *bindings = bound;
    }
    fits
}

/// `text` with what its names stand for; names that are not bound stay as they are.
pub(crate) fn fill(text: &str, bindings: &Bindings) -> String {
    let mut filled = String::new();
    for token in tokens(text) {
        match token {
            Token::Text(text) => filled.push_str(text),
            Token::Any => filled.push('…'),
            Token::Name(name) => match bindings.get(name) {
                Some(value) => filled.push_str(value),
                None => filled.extend(["$", name]),
            },
        }
    }
    filled
}

/// Cuts a pattern at `…` and `$name`. Names begin with a lower-case letter, so that `$Junk` is a keyword and no name.
fn tokens(pattern: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = pattern;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('…') {
            tokens.push(Token::Any);
            rest = after;
        } else if let Some((name, after)) = name(rest) {
            tokens.push(Token::Name(name));
            rest = after;
        } else {
            let special = |(at, c): &(usize, char)| *at > 0 && (*c == '…' || *c == '$');
            let end = rest.char_indices().find(special).map_or(rest.len(), |(at, _)| at);
            let (text, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
            tokens.push(Token::Text(text));
            rest = after;
        }
    }
    tokens
}

fn name(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix('$').filter(|t| t.starts_with(|c: char| c.is_ascii_lowercase()))?;
    let part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let after = text.trim_start_matches(part);
    Some((text.strip_suffix(after)?, after))
}

/// Depth of the recursion is the number of tokens in a line that a tester wrote.
fn fits(tokens: &[Token<'_>], line: &str, bindings: &mut Bindings) -> bool {
    let Some((token, tokens)) = tokens.split_first() else { return line.is_empty() };
    match token {
        Token::Text(text) => line.strip_prefix(text).is_some_and(|rest| fits(tokens, rest, bindings)),
        Token::Any => cuts(line, line.len()).any(|(_, rest)| fits(tokens, rest, bindings)),
        Token::Name(name) => match bindings.get(*name).cloned() {
            Some(value) => line.strip_prefix(&value).is_some_and(|rest| fits(tokens, rest, bindings)),
            None => {
                let in_word = |c: char| !c.is_whitespace() && !"()[]<>{},;\"".contains(c);
                let word_octets = line.len() - line.trim_start_matches(in_word).len();
                cuts(line, word_octets).filter(|(word, _)| !word.is_empty()).any(|(word, rest)| {
                    bindings.insert((*name).into(), word.into());
                    let fits = fits(tokens, rest, bindings);
                    if !fits {
                        bindings.remove(*name);
                    }
                    fits
                })
            }
        },
    }
}

/// The ways to cut `line` in two with at most `most` octets before the cut, the longest first.
fn cuts(line: &str, most: usize) -> impl Iterator<Item = (&str, &str)> {
    (0..=most).rev().filter_map(|at| line.split_at_checked(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_and_lines() {
        let check =
            |pattern, line, expected| assert_eq!(matches(pattern, line, &mut Bindings::new()), expected, "{pattern}");
        check("* 2 EXISTS", "* 2 EXISTS", true);
        check("* 2 EXISTS", "* 2 EXISTSX", false);
        check("a1 OK …", "a1 OK done", true);
        check("a1 OK …", "a1 NO done", false);
        check("…[UIDNEXT 4]…", "* OK [UIDNEXT 4] next", true);
        check("* FLAGS ($Junk)", "* FLAGS ($Junk)", true);
        check("$ 5", "$ 5", true);
        check("$a-$a", "7-7", true);
        check("$a $a", "7 8", false);
    }

    #[test]
    fn names_keep_their_value_and_a_failed_match_binds_nothing() {
        let mut bindings = Bindings::new();
        assert!(!matches("[UIDVALIDITY $validity] x", "[UIDVALIDITY 17] y", &mut bindings));
        assert!(bindings.is_empty());
        assert!(matches("…[UIDVALIDITY $validity] …", "* OK [UIDVALIDITY 17] y", &mut bindings));
        assert!(matches("$validity", "17", &mut bindings));
        assert!(!matches("$validity", "18", &mut bindings));
        assert_eq!(fill("x $validity $other …", &bindings), "x 17 $other …");
    }
}
