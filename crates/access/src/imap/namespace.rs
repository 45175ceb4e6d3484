//! NAMESPACE (RFC 9051 §6.3.10, RFC 2342).

use super::client::Client;
use super::out::Out;
use super::running::Outcome;
use imap::Answer;
use imap::response::{Namespace, namespace as write};
use mailstore::SEPARATOR;

/// One personal namespace without a prefix; nobody shares yet.
pub(crate) fn namespace(client: &Client, out: &mut Out) -> Outcome {
    let personal = [Namespace { prefix: "", delimiter: Some(SEPARATOR) }];
    write(out, [&personal, &[], &[]], client.name_form());
    Ok(Answer::ok("those are the namespaces"))
}
