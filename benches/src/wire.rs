//! A plain SMTP and IMAP client: enough to load a server and to see when mail arrives.

use anyhow::{Context, Result, bail, ensure};
use std::net::{IpAddr, SocketAddr};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};

/// A connection that is read by lines.
pub struct Wire {
    stream: BufReader<TcpStream>,
    line: Vec<u8>,
}

impl Wire {
    /// Connects, from a certain address where ports of one do not suffice.
    ///
    /// # Errors
    /// What the system says.
    pub async fn open(to: SocketAddr, from: Option<IpAddr>) -> Result<Wire> {
        let socket = TcpSocket::new_v4()?;
        if let Some(from) = from {
            socket.bind((from, 0).into())?;
        }
        let stream = socket.connect(to).await?;
        stream.set_nodelay(true)?;
        // Ten thousand of them may be open.
        Ok(Wire { stream: BufReader::with_capacity(1024, stream), line: Vec::new() })
    }

    /// Writes.
    ///
    /// # Errors
    /// When the connection is lost.
    pub async fn send(&mut self, octets: impl AsRef<[u8]>) -> Result<()> {
        Ok(self.stream.write_all(octets.as_ref()).await?)
    }

    /// The next line, without its end.
    ///
    /// # Errors
    /// When the connection is lost or ends.
    pub async fn line(&mut self) -> Result<&str> {
        self.line.clear();
        ensure!(self.stream.read_until(b'\n', &mut self.line).await? > 0, "the connection was closed");
        Ok(std::str::from_utf8(&self.line)?.trim_end())
    }

    /// Reads a literal away.
    async fn skip(&mut self, octets: u64) -> Result<()> {
        let mut rest = (&mut self.stream).take(octets);
        tokio::io::copy(&mut rest, &mut tokio::io::sink()).await?;
        Ok(())
    }
}

/// A reply of SMTP: its code, and its last line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    /// As 250.
    pub code: u16,
    /// All of the last line.
    pub text: String,
}

impl Reply {
    /// This reply, if it is of that class.
    ///
    /// # Errors
    /// Tells it, if it is not.
    pub fn expect(self, class: u16) -> Result<Reply> {
        ensure!(self.code / 100 == class, "SMTP: {}", self.text);
        Ok(self)
    }
}

/// A connection that sends messages.
pub struct Smtp(pub Wire);

impl Smtp {
    /// Connects and greets.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn open(to: SocketAddr) -> Result<Smtp> {
        let mut smtp = Smtp(Wire::open(to, None).await?);
        smtp.reply().await?.expect(2)?;
        smtp.say("EHLO load.bench.test\r\n").await?.expect(2)?;
        Ok(smtp)
    }

    /// The next reply.
    ///
    /// # Errors
    /// When the connection ends.
    pub async fn reply(&mut self) -> Result<Reply> {
        loop {
            let line = self.0.line().await?;
            if line.as_bytes().get(3) != Some(&b'-') {
                let code = line.get(..3).and_then(|code| code.parse().ok()).context("no code")?;
                return Ok(Reply { code, text: line.to_owned() });
            }
        }
    }

    /// Says something and waits for the reply.
    ///
    /// # Errors
    /// When the connection ends.
    pub async fn say(&mut self, line: impl AsRef<[u8]>) -> Result<Reply> {
        self.0.send(line).await?;
        self.reply().await
    }

    /// Sends a message that has its dot already; the commands before it in one piece.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn message(&mut self, from: &str, to: &str, dotted: &[u8]) -> Result<()> {
        let first = self.say(format!("MAIL FROM:<{from}>\r\nRCPT TO:<{to}>\r\nDATA\r\n")).await?;
        let (second, third) = (self.reply().await?, self.reply().await?);
        first.expect(2)?;
        second.expect(2)?;
        third.expect(3)?;
        self.say(dotted).await?.expect(2)?;
        Ok(())
    }
}

/// A message with the line that ends it.
pub fn dotted(mut message: Vec<u8>) -> Vec<u8> {
    message.extend_from_slice(b".\r\n");
    message
}

/// A connection that reads mail.
pub struct Imap(pub Wire);

impl Imap {
    /// Connects and logs in as the account u`n`.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn login(to: SocketAddr, n: usize, password: &str, from: Option<IpAddr>) -> Result<Imap> {
        let mut imap = Imap(Wire::open(to, from).await?);
        imap.0.line().await?;
        imap.command(&format!("LOGIN u{n}@bench.test {password}")).await?;
        Ok(imap)
    }

    /// Says something and waits for the end of the answer; the untagged lines.
    ///
    /// # Errors
    /// When the answer is not OK.
    pub async fn command(&mut self, command: &str) -> Result<Vec<String>> {
        self.0.send(format!("a {command}\r\n")).await?;
        self.answer().await.with_context(|| command.to_owned())
    }

    /// The rest of an answer.
    ///
    /// # Errors
    /// When it is not OK.
    pub async fn answer(&mut self) -> Result<Vec<String>> {
        let mut untagged = Vec::new();
        loop {
            let line = self.0.line().await?.to_owned();
            if let Some(octets) = line.strip_suffix('}').and_then(|line| line.rsplit_once('{')) {
                self.0.skip(octets.1.parse()?).await?;
            }
            match line.strip_prefix("a ") {
                Some(end) if end.starts_with("OK") => return Ok(untagged),
                Some(end) => bail!("IMAP: {end}"),
                None => untagged.push(line),
            }
        }
    }

    /// Begins to wait for news.
    ///
    /// # Errors
    /// When the connection ends.
    pub async fn idle(&mut self) -> Result<()> {
        self.0.send("a IDLE\r\n").await?;
        while !self.0.line().await?.starts_with('+') {}
        Ok(())
    }

    /// Waits for EXISTS.
    ///
    /// # Errors
    /// When the connection ends.
    pub async fn exists(&mut self) -> Result<()> {
        while !self.0.line().await?.ends_with(" EXISTS") {}
        Ok(())
    }

    /// Ends the waiting.
    ///
    /// # Errors
    /// When the connection ends.
    pub async fn done(&mut self) -> Result<()> {
        self.0.send("DONE\r\n").await?;
        self.answer().await.map(drop)
    }
}
