//! SCRAM, from the server's side.

use super::own_identity;
use crate::scram::{ClientFinal, ClientFirst, Flag, ServerFinal, ServerFirst, auth_message, binding_input};
use crate::{ChannelBinding, Failure, Mechanism, ScramHash, ScramKeys, prepare};

/// What is known so far.
pub(super) struct Exchange {
    mechanism: Mechanism,
    hash: ScramHash,
    binding: Option<ChannelBinding>,
    nonce: String,
    plus_offered: bool,
    first: Option<ClientFirst>,
    answer: Option<Answer>,
}

/// What was asked, and with which keys the answer is judged.
struct Answer {
    keys: ScramKeys,
    nonce: String,
    server_first: String,
}

impl Exchange {
    pub(super) fn new(
        mechanism: Mechanism,
        hash: ScramHash,
        binding: Option<ChannelBinding>,
        nonce: String,
        plus_offered: bool,
    ) -> Exchange {
        Exchange { mechanism, hash, binding, nonce, plus_offered, first: None, answer: None }
    }

    /// Takes the client's first message; whose keys are wanted.
    pub(super) fn begin(&mut self, message: &[u8]) -> Result<String, Failure> {
        let first = ClientFirst::parse(message)?;
        self.bound_to(&first.flag)?;
        let login = prepare::login(&first.login)?;
        own_identity(&first.authzid, &login)?;
        self.first = Some(first);
        Ok(login)
    }

    /// The octets that the client has to name (RFC 5802 §6).
    fn bound_to(&self, flag: &Flag) -> Result<&[u8], Failure> {
        match (flag, self.mechanism.wants_binding()) {
            (Flag::Used(name), true) => {
                let binding = self.binding.as_ref().and_then(|binding| binding.named(name));
                binding.ok_or(Failure::BindingUnsupported)
            }
            (Flag::NotOffered, false) if self.plus_offered => Err(Failure::Downgrade),
            (Flag::Unknown | Flag::NotOffered, false) => Ok(&[]),
            (Flag::Used(_), false) => Err(Failure::Malformed("channel binding without a mechanism of it")),
            (Flag::Unknown | Flag::NotOffered, true) => {
                Err(Failure::Malformed("a mechanism of channel binding without it"))
            }
        }
    }

    /// The first challenge.
    pub(super) fn challenge(&mut self, keys: ScramKeys) -> Result<Vec<u8>, Failure> {
        let Some(first) = self.first.as_ref().filter(|_| self.answer.is_none()) else {
            return Err(Failure::Malformed("out of order"));
        };
        if keys.hash != self.hash {
            return Err(Failure::Rejected);
        }
        let nonce = format!("{}{}", first.nonce, self.nonce);
        let challenge = ServerFirst { nonce, salt: keys.salt.clone(), iterations: keys.iterations.into() };
        let server_first = challenge.print();
        self.answer = Some(Answer { keys, nonce: challenge.nonce, server_first: server_first.clone() });
        Ok(server_first.into_bytes())
    }

    /// Judges the client's proof; the login, and our own proof.
    pub(super) fn finish(&self, message: &[u8]) -> Result<(String, Vec<u8>), Failure> {
        let (Some(first), Some(answer)) = (&self.first, &self.answer) else {
            return Err(Failure::Malformed("out of order"));
        };
        let last = ClientFinal::parse(message)?;
        if last.nonce != answer.nonce {
            return Err(Failure::Malformed("not our nonce"));
        }
        if last.binding != binding_input(&first.header, self.bound_to(&first.flag)?) {
            return Err(Failure::BindingMismatch);
        }
        let signed = auth_message(&first.bare, &answer.server_first, &last.without_proof);
        if !answer.keys.prove(signed.as_bytes(), &last.proof) {
            return Err(Failure::Rejected);
        }
        let signature = answer.keys.server_signature(signed.as_bytes());
        Ok((prepare::login(&first.login)?, ServerFinal::print_signature(&signature)))
    }
}
