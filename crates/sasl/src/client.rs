//! The client's side of an exchange, for signing in at other servers.

use crate::keys::{check, xor};
use crate::scram::{ClientFinal, ServerFinal, ServerFirst, auth_message, binding_input, quoted};
use crate::{ChannelBinding, ClientError, KeysError, LOGIN_OCTETS_MAX, Mechanism, ScramHash, Secret, prepare_password};
use crate::{MESSAGE_OCTETS_MAX, NONCE_OCTETS, prepare};
use aws_lc_rs::constant_time;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Longer than any password manager's.
const PASSWORD_OCTETS_MAX: usize = 4096;

/// The strongest mechanism among those that a server offers. The password itself is only shown under TLS.
pub fn choose(offered: &[&str], tls: bool, binding: Option<&ChannelBinding>) -> Option<Mechanism> {
    let bindable = binding.is_some_and(|binding| !binding.is_empty());
    let is_offered = |m: &Mechanism| offered.iter().any(|name| name.eq_ignore_ascii_case(m.name()));
    let is_possible = |m: &Mechanism| (tls || !m.is_plaintext()) && (bindable || !m.wants_binding());
    Mechanism::ALL.into_iter().find(|m| is_offered(m) && is_possible(m))
}

/// One exchange.
pub struct Client {
    mechanism: Mechanism,
    login: String,
    password: Secret,
    nonce: String,
    binding: Option<ChannelBinding>,
    state: State,
}

enum State {
    Fresh,
    /// LOGIN sent its name.
    Named,
    /// SCRAM sent its first message.
    Greeted(ScramHash),
    /// SCRAM sent its proof; this is what the server has to answer.
    Proved {
        server_signature: Vec<u8>,
    },
    /// Nothing is left to send.
    Succeeded,
    Failed,
}

impl Client {
    /// An exchange by `mechanism`, on a connection that can be bound by `binding`; pass that to mechanisms without binding
    /// too, so that the server sees when somebody took the others out of its offer. `nonce` is random.
    ///
    /// # Errors
    /// `Credentials`, `BindingMissing`.
    pub fn new(
        mechanism: Mechanism,
        login: &str,
        password: &[u8],
        binding: Option<ChannelBinding>,
        nonce: [u8; NONCE_OCTETS],
    ) -> Result<Client, ClientError> {
        Client::with_nonce(mechanism, login, password, binding, STANDARD.encode(nonce))
    }

    pub(crate) fn with_nonce(
        mechanism: Mechanism,
        login: &str,
        password: &[u8],
        binding: Option<ChannelBinding>,
        nonce: String,
    ) -> Result<Client, ClientError> {
        let binding = binding.filter(|binding| !binding.is_empty());
        if mechanism.wants_binding() && binding.is_none() {
            return Err(ClientError::BindingMissing);
        }
        let password_fits = (1..=PASSWORD_OCTETS_MAX).contains(&password.len()) && !password.contains(&0);
        if !password_fits || login.len() > LOGIN_OCTETS_MAX {
            return Err(ClientError::Credentials);
        }
        let login = prepare::login(login).map_err(|_| ClientError::Credentials)?;
        let password = Secret::new(password.to_vec());
        Ok(Client { mechanism, login, password, nonce, binding, state: State::Fresh })
    }

    /// What can be sent with the command itself. Where a protocol has no place for it, leave this out and answer the server's
    /// empty challenge with [`Client::respond`]. LOGIN waits to be asked.
    pub fn initial(&mut self) -> Option<Vec<u8>> {
        match (&self.state, self.mechanism.scram()) {
            (State::Fresh, Some(hash)) => {
                self.state = State::Greeted(hash);
                Some([self.header(), self.bare()].concat().into_bytes())
            }
            (State::Fresh, None) if self.mechanism == Mechanism::Plain => {
                self.state = State::Succeeded;
                // RFC 4616 §2: the server derives the authorization identity from the login.
                Some([b"\0", self.login.as_bytes(), b"\0", self.password.expose()].concat())
            }
            _ => None,
        }
    }

    /// Answers the server's message, which may also be what came with its word of success. SCRAM computes here, a microsecond
    /// for each iteration that the server asks for: on a pool, please.
    ///
    /// # Errors
    /// When the exchange must not go on.
    pub fn respond(&mut self, message: &[u8]) -> Result<Vec<u8>, ClientError> {
        let answer = self.next(message);
        if answer.is_err() {
            self.state = State::Failed;
        }
        answer
    }

    /// Whether a word of success from the server may be believed: with SCRAM once it has proved that it knows the password.
    pub fn succeeded(&self) -> bool {
        matches!(self.state, State::Succeeded)
    }

    fn next(&mut self, message: &[u8]) -> Result<Vec<u8>, ClientError> {
        if message.len() > MESSAGE_OCTETS_MAX {
            return Err(ClientError::Malformed("too long"));
        }
        match &self.state {
            // Prompts differ; their order does not.
            State::Fresh if self.mechanism == Mechanism::Login => {
                self.state = State::Named;
                Ok(self.login.clone().into_bytes())
            }
            State::Fresh if !message.is_empty() => Err(ClientError::Malformed("a challenge before our first message")),
            State::Fresh => self.initial().ok_or(ClientError::Unexpected),
            State::Named => {
                self.state = State::Succeeded;
                Ok(self.password.expose().to_vec())
            }
            &State::Greeted(hash) => self.prove(hash, message),
            State::Proved { server_signature } => {
                verify(server_signature, message)?;
                self.state = State::Succeeded;
                Ok(Vec::new())
            }
            State::Succeeded | State::Failed => Err(ClientError::Unexpected),
        }
    }

    /// The proof that we know the password (RFC 5802 §3).
    fn prove(&mut self, hash: ScramHash, message: &[u8]) -> Result<Vec<u8>, ClientError> {
        let challenge = ServerFirst::parse(message).map_err(ClientError::Malformed)?;
        let theirs = challenge.nonce.strip_prefix(&self.nonce).ok_or(ClientError::Nonce)?;
        if theirs.is_empty() {
            return Err(ClientError::Nonce);
        }
        let iterations = u32::try_from(challenge.iterations).unwrap_or(u32::MAX);
        let iterations = check(&challenge.salt, iterations).map_err(|e| match e {
            KeysError::Iterations(_) => ClientError::Iterations(challenge.iterations),
            KeysError::Salt(_) | KeysError::Form => ClientError::Malformed("the salt is empty or too long"),
        })?;
        let salted = hash.salted(prepare_password(self.password.expose()).expose(), &challenge.salt, iterations);
        let bound_to = self.bound_to().map(|(_, octets)| octets).unwrap_or_default();
        let without_proof = ClientFinal::without_proof(&binding_input(&self.header(), bound_to), &challenge.nonce);
        let server_first = std::str::from_utf8(message).map_err(|_| ClientError::Malformed("not UTF-8"))?;
        let signed = auth_message(&self.bare(), server_first, &without_proof);
        let client_key = hash.client_key(&salted);
        let signature = hash.hmac(&hash.digest(&client_key), signed.as_bytes());
        let server_signature = hash.hmac(&hash.hmac(&salted, b"Server Key"), signed.as_bytes());
        self.state = State::Proved { server_signature };
        Ok(ClientFinal::print(&without_proof, &xor(&client_key, &signature)).into_bytes())
    }

    fn bound_to(&self) -> Option<(&'static str, &[u8])> {
        self.binding.as_ref().filter(|_| self.mechanism.wants_binding()).and_then(ChannelBinding::strongest)
    }

    /// `gs2-header` (RFC 5802 §6): `y` where we could bind and were not offered to.
    fn header(&self) -> String {
        match (self.bound_to(), &self.binding) {
            (Some((name, _)), _) => format!("p={name},,"),
            (None, Some(_)) => "y,,".to_owned(),
            (None, None) => "n,,".to_owned(),
        }
    }

    /// `client-first-message-bare`.
    fn bare(&self) -> String {
        format!("n={},r={}", quoted(&self.login), self.nonce)
    }
}

/// Whether the server has answered with what only the owner of the account's keys can know.
fn verify(expected: &[u8], message: &[u8]) -> Result<(), ClientError> {
    match ServerFinal::parse(message).map_err(ClientError::Malformed)? {
        ServerFinal::Refused(reason) => Err(ClientError::Refused(reason)),
        ServerFinal::Signature(signature) => {
            constant_time::verify_slices_are_equal(&signature, expected).map_err(|_| ClientError::ServerUnproven)
        }
    }
}

#[cfg(test)]
mod tests;
