//! Letters of one text part, in several languages and encodings.

use super::part::{Part, Transfer};
use super::{ANNA, BEN, Draft, Person};
use Transfer::{Base64, EightBit, QuotedPrintable, SevenBit};

const ADMIN: Person = ("Admin", "admin@demo.test");
const EVA: Person = ("Eva Müller", "eva@mueller.example");
const LUC: Person = ("Luc Lefèvre", "luc@lefevre.example");
const YUKI: Person = ("山田 由紀", "yuki@yamada.example");
const OLGA: Person = ("Ольга Смирнова", "olga@smirnova.example");
const LAYLA: Person = ("ليلى حداد", "layla@haddad.example");
const NOAM: Person = ("נעם לוי", "noam@levi.example");
const WEI: Person = ("王伟", "wei@wang.example");
const NIKOS: Person = ("Νίκος", "nikos@kafeneio.example");
const KIM: Person = ("Kim Jensen", "kim@jensen.example");
const SHOP: Person = ("Stamps & More", "orders@stamps.example");
const LUCK: Person = ("Lucky Lottery", "winner@lottery.example");

/// A letter in one charset.
fn letter(draft: Draft, charset: &'static str, transfer: Transfer, text: &str) -> Draft {
    let subtype = format!("plain; charset={charset}");
    draft.charset(charset).body(Part::text_in(text, &subtype, transfer))
}

pub(super) fn all() -> Vec<Draft> {
    let mut all = inbox();
    all.extend(archive());
    all.extend(sent_and_drafts());
    all.extend(junk_and_trash());
    all
}

fn inbox() -> Vec<Draft> {
    let new = |flags, hours, from, subject| Draft::new("INBOX", flags, hours, from, subject);
    vec![
        new("", 1, ADMIN, "Welcome to postamt").body(Part::text(
            "Hello Anna,\n\nthis mailbox is yours. Whatever is sent to any address on the SMTP port of this\ndemo lands here; \
             nothing leaves the machine.\n\nHave a look around: there are folders, a list, newsletters and some odd mail.\n\n\
             -- \nThe post office\n",
        )),
        letter(new("", 3, EVA, "Grillen am Samstag – kommst du?").charset("UTF-8"), "UTF-8", QuotedPrintable,
            "Hallo Anna,\n\nam Samstag grillen wir im Garten, ab fünf Uhr. Jörg bringt Würstchen mit, wir\nbräuchten noch einen \
             Salat. Süßes gibt es genug!\n\nViele Grüße\nEva\n"),
        letter(new("seen", 9, EVA, "Die Bücher für Jürgen"), "ISO-8859-1", QuotedPrintable,
            "Liebe Anna,\n\nich habe die Bücher gefunden; sie lagen natürlich über der Tür.\n\nSchöne Grüße, Eva\n"),
        letter(new("seen flagged", 14, LUC, "Le café de la rue d'à côté"), "UTF-8", QuotedPrintable,
            "Salut Anna,\n\nle café où nous étions l'été dernier a rouvert. On s'y retrouve mardi à midi ?\n\nÀ bientôt,\nLuc\n"),
        letter(new("", 20, YUKI, "京都からの手紙"), "ISO-2022-JP", SevenBit,
            "アンナさん\n\nこんにちは。京都は紅葉がとてもきれいです。\n写真を今度送りますね。\n\n由紀\n"),
        letter(new("seen answered", 30, OLGA, "Привет из Петербурга"), "KOI8-R", Base64,
            "Здравствуй, Анна!\n\nУ нас уже снег. Спасибо за открытку, она дошла за неделю.\n\nОльга\n"),
        letter(new("", 36, LAYLA, "موعد الاجتماع"), "UTF-8", Base64,
            "مرحباً آنا،\n\nهل يناسبك الاجتماع يوم الأحد الساعة العاشرة؟\n\nمع التحية\nليلى\n"),
        letter(new("seen", 40, NOAM, "שלום מחיפה"), "UTF-8", Base64,
            "היי אנה,\n\nהגענו בשלום. הים רגוע והאוכל מצוין.\n\nנעם\n"),
        letter(new("", 47, WEI, "关于下周的会议"), "GB18030", Base64,
            "安娜，你好：\n\n下周三的会议改到下午三点，请带上样品。\n\n王伟\n"),
        letter(new("seen", 52, NIKOS, "Καλημέρα"), "ISO-8859-7", QuotedPrintable,
            "Καλημέρα Άννα,\n\nο καφές είναι έτοιμος όποτε έρθεις.\n\nΝίκος\n"),
        letter(new("", 55, KIM, "🎉 We did it! 🚀"), "UTF-8", EightBit,
            "Anna!\n\n🎂 The release is out, and nobody had to stay late. Cake on Friday 🍰\n\nKim\n"),
        letter(
            new("", 58, ("Żaneta Nowak", "zaneta@nowak.example"), "Cześć z Krakowa"),
            "ISO-8859-2",
            EightBit,
            "Cześć Anno,\n\njuż jesteśmy na miejscu; żółte tramwaje wciąż jeżdżą.\n\nŻaneta\n",
        ),
        new("seen", 60, KIM, "Minutes, as flowed text").body(Part::text_in(
            "> Shall we move the meeting?\n>> Thursday would be better for me, since the train that I usually take \n>> does not run.\n\n\
             Thursday it is. This paragraph is one long line that was broken at spaces, \nso that a reader can flow it to the \
             width of the window.\n\n-- \nKim\n",
            "plain; charset=UTF-8; format=flowed", SevenBit)),
        new("", 70, KIM, "One very long line").body(Part::text_in(
            &format!("{}end.\n", "This line never ends, because somebody's editor wraps only what it shows. ".repeat(12)),
            "plain; charset=UTF-8", SevenBit)),
    ]
}

fn archive() -> Vec<Draft> {
    let new = |flags, days: u64, from, subject| Draft::new("Archive", flags, days * 24, from, subject);
    vec![
        new("seen", 200, BEN, "Keys").body(Part::text("The spare keys are in the blue tin.\n\nBen\n")),
        new("seen answered", 170, SHOP, "Your order 2026-0031").body(Part::text(
            "Thank you for your order.\n\n  2 x sheet of stamps   17.00\n  1 x tweezers           4.50\n\nIt leaves tomorrow.\n")),
        letter(new("seen flagged", 150, EVA, "Rezept für Zwetschgenkuchen"), "UTF-8", EightBit,
            "Für den Teig: 300 g Mehl, 20 g Hefe, 60 g Butter, ⅛ l Milch.\nBelegen mit 1½ kg Zwetschgen, 40 min bei 190 °C.\n"),
        new("seen", 120, KIM, "Re: Contract").field("In-Reply-To: <contract@demo.test>").field("References: <contract@demo.test>")
            .body(Part::text("> Is the second page signed as well?\n\nYes, both are.\n\nKim\n")),
        letter(new("seen", 90, LUC, "Recette de la tarte"), "ISO-8859-1", QuotedPrintable,
            "Voilà la recette : une pâte brisée, six pommes, un peu de crème fraîche.\n"),
    ]
}

fn sent_and_drafts() -> Vec<Draft> {
    let sent = |hours, to, subject| Draft::new("Sent", "seen", hours, ANNA, subject).to(to);
    let draft = |hours, subject| Draft::new("Drafts", "seen draft", hours, ANNA, subject).to(BEN);
    vec![
        sent(2, BEN, "Lunch?").body(Part::text("At noon, downstairs?\n\nAnna\n")),
        sent(29, OLGA, "Re: Привет из Петербурга")
            .body(Part::text("Спасибо, Ольга! Снег у нас обещают в декабре.\n\nАнна\n")),
        sent(54, KIM, "Re: Minutes").body(Part::text("> Thursday it is.\n\nFine with me.\n\nAnna\n")),
        sent(100, EVA, "Salat")
            .body(Part::text("Liebe Eva,\n\nich bringe Kartoffelsalat mit, den ohne Mayonnaise.\n\nAnna\n")),
        sent(3000, KIM, "Contract").id("contract").body(Part::text("Is the second page signed as well?\n\nAnna\n")),
        draft(4, "Holidays").body(Part::text("Dear Ben,\n\nabout the summer: \n")),
        draft(80, "").body(Part::text("(nothing but a thought)\n")),
    ]
}

fn junk_and_trash() -> Vec<Draft> {
    let junk = |hours, from, subject| Draft::new("Junk", "$Junk", hours, from, subject);
    let trash = |hours, from, subject| Draft::new("Trash", "seen", hours, from, subject);
    vec![
        junk(6, LUCK, "YOU HAVE WON!!!")
            .body(Part::text("Dear Winner,\n\nsend us 50 EUR to get your 1,000,000 EUR.\n")),
        junk(33, ("Security Team", "alert@bank.invalid"), "Your acc0unt is lim1ted").body(Part::html(
            "<p>Dear customer, <a href=\"http://bank.invalid/login\">verify your account</a> within 24 hours.</p>\n",
        )),
        letter(
            junk(75, ("快速发票", "sales@invoice.invalid"), "代开各类发票"),
            "GB18030",
            Base64,
            "您好，我公司可代开各类发票，欢迎来电。\n",
        ),
        junk(120, ("Pills Online", "rx@pills.invalid"), "Ch3ap m3ds")
            .body(Part::text("No prescription needed. Click now.\n")),
        trash(150, SHOP, "20 % off everything").body(Part::text("Only this week.\n")),
        trash(160, KIM, "Forget my last mail").body(Part::text("It was meant for somebody else.\n\nKim\n")),
        trash(170, BEN, "test").body(Part::text("test\n")),
    ]
}
