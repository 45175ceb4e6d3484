use super::*;
use env::{Clock, Next, Sleep, Spawn, Tls};
use model::Moment;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

/// Echoes lines; `later` answers from a task after a minute, `tls` begins TLS, `bye` closes, silence of an hour ends it.
struct Echo {
    world: World,
    greeting: String,
    input: Vec<u8>,
    output: Vec<u8>,
    post: Arc<Mutex<(Vec<String>, Option<Waker>)>>,
    next: Next,
    deadline: Moment,
}

impl Conversation for Echo {
    fn receive(&mut self, input: &[u8], now: Moment) -> usize {
        self.deadline = now + Duration::from_secs(3600);
        let taken = input.len().min(7);
        self.input.extend_from_slice(&input[..taken]);
        taken
    }
    fn input_ended(&mut self, _now: Moment) {
        self.output.extend_from_slice(b"that is all\r\n");
        self.next = Next::Close;
    }
    fn advance(&mut self, cx: &mut Context<'_>, now: Moment) {
        let mut post = self.post.lock().unwrap();
        post.0.drain(..).for_each(|line| self.output.extend_from_slice(line.as_bytes()));
        post.1 = Some(cx.waker().clone());
        while let Some(end) = self.input.windows(2).position(|w| w == b"\r\n") {
            let line: Vec<u8> = self.input.drain(..end + 2).collect();
            match line.as_slice() {
                b"bye\r\n" => self.next = Next::Close,
                b"tls\r\n" => self.next = Next::StartTls,
                b"later\r\n" => {
                    let (post, sleep) = (self.post.clone(), self.world.sleep_until(now + Duration::from_secs(60)));
                    self.world.spawn(Box::pin(async move {
                        sleep.await;
                        let mut post = post.lock().unwrap();
                        post.0.push("now\r\n".into());
                        post.1.take().unwrap().wake();
                    }));
                }
                line => self.output.extend_from_slice(line),
            }
        }
    }
    fn output(&self) -> &[u8] {
        &self.output[..self.output.len().min(5)]
    }
    fn sent(&mut self, octets: usize) {
        self.output.drain(..octets);
    }
    fn deadline(&self) -> Option<Moment> {
        Some(self.deadline)
    }
    fn expire(&mut self, _now: Moment) {
        self.output.extend_from_slice(b"too late\r\n");
        self.next = Next::Close;
    }
    fn stop(&mut self, _now: Moment) {
        self.next = Next::Close;
    }
    fn next(&self) -> Next {
        self.next
    }
    fn secured(self: Box<Self>, tls: Tls, now: Moment) -> Box<dyn Conversation> {
        Box::new(echo(self.world.clone(), format!("{} {}\r\n", self.greeting.trim(), tls.version), now))
    }
}

fn echo(world: World, greeting: String, now: Moment) -> Echo {
    let deadline = now + Duration::from_secs(3600);
    let output = greeting.clone().into_bytes();
    Echo { world, greeting, input: Vec::new(), output, post: Arc::default(), next: Next::Continue, deadline }
}

struct Toy {
    world: World,
    name: String,
}

impl Harness for Toy {
    fn world(&self) -> World {
        self.world.clone()
    }
    fn set_up(&mut self, line: &str) -> Result<(), String> {
        self.name = line.strip_prefix("name ").ok_or("only names are known")?.to_owned();
        Ok(())
    }
    fn connect(&mut self, number: u32) -> Box<dyn Conversation> {
        Box::new(echo(self.world.clone(), format!("hello {} {number}\r\n", self.name), self.world.monotonic()))
    }
}

fn toy() -> Toy {
    Toy { world: World::new(1), name: "nobody".into() }
}

fn fails(text: &str) -> Mismatch {
    run::run(text, &mut toy(), run::Mode::Check).unwrap_err()
}

#[test]
fn a_transcript_with_everything() {
    let text = r"# all kinds of lines
name anna
S: hello $name 1
C: one
C: two $name
S: one
S: two anna
S2: hello $name 2
C2| raw \x41\t\\\r\nhalf
S2: raw A	\
S2-none
C2-cut
C: later
S-none
wait 59s
S-none
wait 1s
S: now
C: a
C: b
C: c
S*                               (whatever comes first)
S: c
C: tls
S-starttls
S: hello anna 1 TLSv1.3
wait 1h
S: too late
S-close
C3-eof
S3: …
S3: that is all
S3-close
";
    check_text("everything", text, &mut toy());
    assert_eq!(update(text, &mut toy()).unwrap(), text);
}

#[test]
fn differences_are_told_with_their_line() {
    let check = |text, line, expected: &str, got: &[&str]| {
        let got = got.iter().map(|line| line.to_string()).collect();
        assert_eq!(fails(text), Mismatch { line, expected: expected.into(), got });
    };
    check("S: hi", 1, "hi", &["hello nobody 1"]);
    check("S: hello …\nC: x\nC: y\nS: z", 4, "z", &["x", "y"]);
    check("S: hello …\nC: x\nC: y\nS: x\nC: z", 5, "no more from S", &["y"]);
    check("S: hello …\nC2: x\nS2: hello …", 4, "no more from S2", &["x"]);
    check("S: hello …\nS-close", 2, "the connection closed", &["an open connection"]);
    check("S: hello …\nS-starttls", 2, "TLS to begin", &["no TLS"]);
    check("S: hello …\nC: bye\nS: x", 3, "x", &["a closed connection"]);
    check("S: hello …\nC: bye\nC: x", 3, "C to be open", &["a closed connection"]);
    check("S: hello …\nS: x", 2, "x", &[]);
    check("game anna", 1, "game anna", &["only names are known"]);
    check("wait long", 1, "a line of a transcript: wait long", &["no time span: long"]);
    assert_eq!(fails("S: hi").to_string(), "1:\n  expected  hi\n  got       hello nobody 1");
}

#[test]
fn an_update_keeps_what_matches_and_writes_the_rest() {
    let check = |text: &str, updated: &str| {
        assert_eq!(update(text, &mut toy()).unwrap(), updated);
        check_text("updated", updated, &mut toy());
    };
    check("C: x\n", "C: x\nS: hello nobody 1\nS: x\n");
    check("S: hello $who 1\nC: x\nC: y\nS: …y\nC: z\n", "S: hello $who 1\nC: x\nC: y\nS: x\nS: …y\nC: z\nS: z\n");
    check("S: hi\nS: ho\nC: bye\nS-none\n", "S: hello nobody 1\nC: bye\nS-close\n");
    check("S*\nC: x\nS: z\n", "S*\nC: x\nS: x\n");
}

#[test]
fn a_folder_names_those_that_fail() {
    let folder = std::env::temp_dir().join(format!("transcript-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("deep")).unwrap();
    std::fs::write(folder.join("good.txt"), "S: hello …\n").unwrap();
    std::fs::write(folder.join("deep/bad.txt"), "S: goodbye …\n").unwrap();
    let outcome = catch_unwind(|| run_folder(&folder, |_| Box::new(toy())));
    std::fs::remove_dir_all(&folder).unwrap();
    let fault = outcome.unwrap_err().downcast_ref::<String>().unwrap().clone();
    assert!(fault.starts_with("1 of 2 transcripts fail:") && fault.contains("deep/bad.txt:1:"), "{fault}");
}
