//! LIMITS (RFC 9422): a client that knows our bounds plans for them instead of running into them.

use crate::policy::Policy;

/// RFC 9422 §4.1, §4.2: a limit has six digits at most, and is never 0.
const VALUE_MAX: usize = 999_999;

/// The line of EHLO.
pub(crate) fn offer(policy: &Policy) -> String {
    let messages = usize::try_from(policy.transactions_max).unwrap_or(VALUE_MAX);
    let limit = |value: usize| value.clamp(1, VALUE_MAX);
    format!("LIMITS RCPTMAX={} MAILMAX={}", limit(policy.recipients_max), limit(messages))
}
