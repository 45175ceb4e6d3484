use super::*;
use std::cell::Cell;

thread_local! {
    pub static OF_THREAD: Cell<Option<Language>> = const { Cell::new(None) };
}

/// What `work` says in German, whatever this process otherwise speaks.
pub fn in_german<T>(work: impl FnOnce() -> T) -> T {
    OF_THREAD.set(Some(Language::German));
    let done = work();
    OF_THREAD.set(None);
    done
}

#[test]
fn the_locale_chooses_as_posix_says() {
    let check = |all: &str, messages: &str, lang: &str, expected| {
        let values = [("LC_ALL", all), ("LC_MESSAGES", messages), ("LANG", lang)];
        let variable = |name: &str| values.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
        assert_eq!(of_environment(variable), expected, "{values:?}");
    };
    check("", "", "", Language::English);
    check("", "", "de_DE.UTF-8", Language::German);
    check("", "de", "en_US.UTF-8", Language::German);
    check("C", "de_DE", "de_DE", Language::English);
    check("de_AT@euro", "", "", Language::German);
    check("", "", "den_CA", Language::English);
    check("", "", "fr_FR.UTF-8", Language::English);
    assert_eq!(of_environment(|_| None), Language::English);
}

#[test]
fn an_option_goes_before_the_locale_and_json_is_english() {
    let check =
        |line: &str, expected| assert_eq!(of_arguments(line.split(' ').map(OsString::from)), expected, "{line}");
    check("status", None);
    check("status --language de", Some(Language::German));
    check("--language=en status", Some(Language::English));
    check("--language fr status", None);
    check("status --language de --json", Some(Language::English));
    check("send -- --json --language de", None);
}

#[test]
fn a_text_has_both_languages() {
    let (n, cause) = (2, both!("no space", "kein Platz"));
    let text = both!("{n} failed: {cause}", "{n} gescheitert: {cause}", cause = cause);
    assert_eq!(text.within(Language::English), "2 failed: no space");
    assert_eq!(text.within(Language::German), "2 gescheitert: kein Platz");
    let said = || say!("{n} letters", "{n} Briefe");
    assert_eq!((said(), in_german(said)), ("2 letters".to_owned(), "2 Briefe".to_owned()));
}
