//! What the server's answers mean.

use super::answer::{Answer, Class};
use super::extensions::Extensions;
use super::reader::Heard;
use super::session::{Asked, Phase, Session};
use super::{Event, Reason, Stage};
use crate::policy::Flavour;
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use model::Moment;

/// Challenges of one authentication: the longest mechanisms need four.
const CHALLENGES_MAX: u32 = 16;

/// As servers write it, with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl Session {
    /// A reply came; `early` if nothing was asked that it could answer.
    pub(super) fn hear(&mut self, heard: Heard, early: bool, now: Moment) {
        let answer = heard.answer();
        let stage = self.stage();
        if answer.code == 421 && stage != Stage::Quit {
            return self.close(stage, Reason::Refused(answer));
        }
        if early {
            return self.hear_early(stage, answer);
        }
        let Some(expected) = self.expected.pop_front() else { return };
        match (expected.asked, answer.class()) {
            (Asked::Greeting, Class::Done) => {
                self.events.push_back(Event::Greeted);
                self.hello(now);
            }
            (Asked::Ehlo, Class::Done) => self.ready(Extensions::parse(&heard.lines)),
            (Asked::Ehlo, Class::No) if self.may_say_helo(&answer) => {
                let line = format!("HELO {}", self.policy.host_name);
                self.ask(Asked::Helo, &line, now);
            }
            (Asked::Helo, Class::Done) => self.ready(Extensions::default()),
            (Asked::Greeting | Asked::Ehlo | Asked::Helo, Class::No) => self.part(stage, answer),
            (Asked::StartTls, Class::Done) => {
                self.phase = Phase::TlsAgreed;
                self.events.push_back(Event::StartTls(Ok(())));
            }
            (Asked::StartTls, Class::No) => self.events.push_back(Event::StartTls(Err(answer))),
            (Asked::Auth, Class::Done) => self.events.push_back(Event::AuthDone(Ok(()))),
            (Asked::Auth, Class::No) => self.events.push_back(Event::AuthDone(Err(answer))),
            (Asked::Auth, Class::GoOn) => self.hear_challenge(&heard),
            (Asked::Reset, Class::Done) => self.go_on(now),
            (Asked::Reset, Class::No) => self.part(stage, answer),
            (Asked::Quit, _) => self.close(stage, Reason::Quit),
            (asked, class) => self.hear_exchange(asked, class, answer, now),
        }
    }

    /// RFC 5321 §3.2: the extensions are not known to the server.
    fn may_say_helo(&self, answer: &Answer) -> bool {
        self.policy.flavour == Flavour::Smtp && matches!(answer.code, 500 | 502 | 504)
    }

    fn ready(&mut self, extensions: Extensions) {
        self.extensions = extensions;
        self.events.push_back(Event::Ready);
    }

    /// The server wants no conversation: says QUIT without waiting for more (RFC 5321 §3.1).
    fn part(&mut self, stage: Stage, answer: Answer) {
        self.close(stage, Reason::Refused(answer));
        self.output.extend_from_slice(b"QUIT\r\n");
    }

    /// A reply to nothing, or to what is not sent yet. In the middle of a message it may be the reason why the server does
    /// not want the rest: then that is the message's answer, and the rest is not worth sending. Otherwise, and if it is
    /// positive in particular, nobody knows what it means.
    fn hear_early(&mut self, stage: Stage, answer: Answer) {
        let sending = matches!(stage, Stage::Body | Stage::BodyEnd);
        if sending
            && answer.class() == Class::No
            && let Some(exchange) = &mut self.exchange
        {
            exchange.fail(Stage::Body, answer.clone());
            return self.close(stage, Reason::Refused(answer));
        }
        self.close(stage, Reason::Broken(format!("the peer answers what was not asked: {answer}")));
    }

    fn hear_challenge(&mut self, heard: &Heard) {
        self.challenges += 1;
        let challenge = BASE64.decode(heard.lines.trim_end());
        match challenge {
            Ok(challenge) if !heard.cut && self.challenges <= CHALLENGES_MAX => {
                self.phase = Phase::Challenged;
                self.events.push_back(Event::Challenge(challenge));
            }
            _ => self.close(Stage::Auth, Reason::Broken("the peer's challenge cannot be read".to_owned())),
        }
    }

    fn hear_exchange(&mut self, asked: Asked, class: Class, answer: Answer, now: Moment) {
        let lmtp = self.policy.flavour == Flavour::Lmtp;
        let Some(exchange) = &mut self.exchange else {
            return self.unexpected(asked, &answer);
        };
        match (asked, class) {
            (Asked::Mail, Class::Done) => self.dirty = true,
            (Asked::Mail, Class::No) => exchange.fail(Stage::Mail, answer),
            (Asked::Rcpt(ordinal), Class::Done | Class::No) => {
                // Behind a refused MAIL a refused RCPT says nothing about the recipient.
                if exchange.failure.is_none() {
                    self.events.push_back(Event::Recipient { ordinal, answer: answer.clone() });
                }
                exchange.hear_recipient(answer);
                if exchange.all_answered() && exchange.failure.is_none() && exchange.transaction.is_chunked() {
                    self.open_body(now);
                }
            }
            (Asked::Data, Class::GoOn) if exchange.failure.is_none() => self.open_body(now),
            (Asked::Data, Class::GoOn) if exchange.accepted == 0 && !lmtp => {
                self.ask(Asked::Nothing, ".", now);
            }
            (Asked::Data, Class::No) => exchange.fail(Stage::Data, answer),
            (Asked::Nothing, _) => {}
            (Asked::Chunk, Class::Done) => self.send_chunks(now),
            (Asked::Chunk, Class::No) => {
                exchange.fail(Stage::Body, answer);
                exchange.body = None;
            }
            (Asked::BodyEnd, Class::Done | Class::No) => return self.hear_end(answer, now),
            _ => return self.unexpected(asked, &answer),
        }
        self.go_on(now);
    }

    fn hear_end(&mut self, answer: Answer, now: Moment) {
        let Some(exchange) = &mut self.exchange else { return };
        if exchange.failure.is_none() {
            exchange.answers.push(answer);
        }
        if self.expected.is_empty() && exchange.failure.is_none() {
            self.dirty = false;
            self.events.extend(self.exchange.take().and_then(|exchange| exchange.outcome()));
        }
        self.go_on(now);
    }

    fn unexpected(&mut self, asked: Asked, answer: &Answer) {
        let stage = asked.stage();
        self.close(stage, Reason::Broken(format!("the peer's answer to {stage} makes no sense: {answer}")));
    }
}
