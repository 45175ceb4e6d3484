use super::*;
use crate::world::{cheap_hash, open, spec};
use crate::{CatchAll, Credential};
use env::virtual_world::World;
use proptest::prelude::*;
use sasl::{Client, ScramHash};

/// `anna` in the clear, `ben` with a hash alone.
fn directory(world: &World) -> Arc<Directory> {
    let mut spec = spec(&["anna", "ben"], CatchAll::Refuse);
    spec.accounts[1].credential = cheap_hash(b"ben");
    Arc::new(open(world, spec))
}

fn bound(exporter: u8) -> Option<ChannelBinding> {
    channel_binding(&Tls { exporter: Some([exporter; 32]), ..Tls::default() })
}

struct Try<'a> {
    mechanism: Mechanism,
    login: &'a str,
    password: &'a str,
    bindings: [Option<ChannelBinding>; 2],
}

fn plainly<'a>(mechanism: Mechanism, login: &'a str, password: &'a str) -> Try<'a> {
    Try { mechanism, login, password, bindings: [None, None] }
}

/// A whole exchange as a protocol without data in its success has it; who is signed in, or why nobody.
fn sign_in(world: &World, directory: &Arc<Directory>, attempt: &Try<'_>) -> Result<String, SignInError> {
    let Try { mechanism, login, password, bindings: [ours, theirs] } = attempt;
    let peer = Some("192.0.2.1".parse().unwrap());
    let from = SignInFrom { peer, binding: ours.clone(), plus_offered: true };
    let mut client = Client::new(*mechanism, login, password.as_bytes(), theirs.clone(), [1; 18]).unwrap();
    let initial = client.initial();
    let random = world.env().random;
    let mut step = SignIn::begin(directory.clone(), from, &*random, *mechanism, initial.as_deref());
    loop {
        step = match step.last_as_challenge() {
            SignInStep::Challenge(sign_in, challenge) => sign_in.respond(&client.respond(&challenge).unwrap()),
            SignInStep::Working(work) => world.block_on(work),
            SignInStep::Done { account, last } => {
                assert!(last.is_none() && client.succeeded());
                return Ok(account.address.to_string());
            }
            SignInStep::Refused { error, login: named } => {
                assert!(named.is_none_or(|named| named == *login));
                return Err(error);
            }
        }
    }
}

#[test]
fn every_mechanism_signs_in_who_knows_the_password() {
    let world = World::new(1);
    let directory = directory(&world);
    for mechanism in Mechanism::ALL {
        let binding = || bound(1).filter(|_| mechanism.wants_binding());
        let attempt = |password| Try { bindings: [binding(), binding()], ..plainly(mechanism, "anna", password) };
        assert_eq!(sign_in(&world, &directory, &attempt("anna")), Ok("anna@demo.test".into()), "{mechanism}");
        let error = sign_in(&world, &directory, &attempt("wrong")).unwrap_err();
        assert!(!error.is_temporary() && !matches!(error, SignInError::Malformed(_)), "{mechanism}: {error}");
        assert_eq!(error.to_string(), "login or password is wrong");
    }
}

#[test]
fn a_failed_proof_is_counted() {
    let world = World::new(1);
    let directory = directory(&world);
    let wrong = plainly(Mechanism::ScramSha256, "anna", "wrong");
    let throttled = (0..100).find_map(|_| sign_in(&world, &directory, &wrong).err().filter(SignInError::is_temporary));
    assert!(matches!(throttled, Some(SignInError::Auth(AuthError::Throttled { .. }))));
}

#[test]
fn who_is_bound_elsewhere_is_refused() {
    let world = World::new(1);
    let directory = directory(&world);
    let attempt = Try { bindings: [bound(1), bound(2)], ..plainly(Mechanism::ScramSha1Plus, "anna", "anna") };
    assert_eq!(sign_in(&world, &directory, &attempt), Err(SignInError::Failed(Failure::BindingMismatch)));
    let unaware = Try { bindings: [bound(1), None], ..plainly(Mechanism::ScramSha1, "anna", "anna") };
    assert_eq!(sign_in(&world, &directory, &unaware), Ok("anna@demo.test".into()));
    assert!(channel_binding(&Tls::default()).is_none());
}

#[test]
fn the_last_response_is_empty() {
    let world = World::new(1);
    let account = directory(&world).accounts().next().unwrap();
    let last = || SignInStep::Done { account: account.clone(), last: Some(b"v=".to_vec()) }.last_as_challenge();
    for (response, refused) in [(&b""[..], false), (b"x", true)] {
        let SignInStep::Challenge(sign_in, challenge) = last() else { panic!() };
        assert_eq!(challenge, b"v=");
        let step = sign_in.respond(response);
        assert_eq!(matches!(step, SignInStep::Refused { error: SignInError::Malformed(_), .. }), refused);
        assert_eq!(matches!(step, SignInStep::Done { last: None, .. }), !refused);
    }
}

#[test]
fn offered_is_what_everybody_has() {
    let world = World::new(1);
    let check = |credential: Credential, bind: bool, expected: &[Mechanism]| {
        let mut spec = spec(&["anna"], CatchAll::Refuse);
        spec.accounts[0].credential = credential;
        assert_eq!(open(&world, spec).mechanisms(bind), expected);
    };
    let plain = [Mechanism::Plain, Mechanism::Login];
    check(cheap_hash(b"x"), true, &plain);
    check(Credential::Clear("x".into()), true, &Mechanism::ALL);
    check(
        Credential::Clear("x".into()),
        false,
        &[&[Mechanism::ScramSha256, Mechanism::ScramSha1], &plain[..]].concat(),
    );
    assert!(Mechanism::ALL.iter().all(|m| m.scram().is_none_or(|hash| ScramHash::ALL.contains(&hash))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_responses_are_answered_and_sign_in_nobody(
        mechanism in prop::sample::select(Mechanism::ALL.to_vec()),
        responses in prop::collection::vec("(n,,)?(n=anna,r=a)?\\PC{0,8}", 1..5),
    ) {
        let world = World::new(1);
        let random = world.env().random;
        let mut step = SignIn::begin(directory(&world), SignInFrom::default(), &*random, mechanism, None);
        let mut responses = responses.iter();
        while let SignInStep::Challenge(sign_in, _) = step.last_as_challenge() {
            let Some(response) = responses.next() else { return Ok(()) };
            step = sign_in.respond(response.as_bytes());
            if let SignInStep::Working(work) = step {
                step = world.block_on(work);
            }
        }
    }
}
