use super::*;

#[test]
fn first_messages() {
    let parsed = ClientFirst::parse(b"p=tls-exporter,a=a=2Cb=3D,n=x=3Dy,r=abc,e=x=y").unwrap();
    assert_eq!(parsed.flag, Flag::Used("tls-exporter".into()));
    assert_eq!((parsed.authzid.as_str(), parsed.login.as_str(), parsed.nonce.as_str()), ("a,b=", "x=y", "abc"));
    assert_eq!((parsed.header.as_str(), parsed.bare.as_str()), ("p=tls-exporter,a=a=2Cb=3D,", "n=x=3Dy,r=abc,e=x=y"));
    for name in ["a,b=", "=2C", "=,=", "Büro"] {
        assert_eq!(unquoted(&quoted(name)).as_deref(), Ok(name));
    }
    let check =
        |message: &str, expected: &str| assert_eq!(ClientFirst::parse(message.as_bytes()), Err(expected), "{message}");
    check("", "no channel binding flag");
    check("x,,n=a,r=b", "no channel binding flag");
    check("p,,n=a,r=b", "no channel binding flag");
    check("n", "no channel binding flag");
    check("n,", "no login");
    check("n,,", "no login");
    check("n,x,n=a,r=b", "no authorization identity");
    check("n,a=,n=a,r=b", "an empty name");
    check("n,,n=,r=b", "an empty name");
    check("n,,n=a=2D,r=b", "= in a name is neither =2C nor =3D");
    check("n,,n=a=,r=b", "= in a name is neither =2C nor =3D");
    check("n,,r=b,n=a", "no login");
    check("n,,n=a", "no nonce");
    check("n,,n=a,r=", "a nonce that is empty, too long or not printable");
    check("n,,n=a,r=b c", "a nonce that is empty, too long or not printable");
    check("n,,m=x,n=a,r=b", "an unknown extension");
    check("n,,n=a,r=b,m=x", "an unknown extension");
    check("n,,n=a,r=b,", "an unknown extension");
    check("n,,n=a,r=b,xy=z", "an unknown extension");
    check("n,,n=a\0,r=b", "a NUL");
    assert_eq!(ClientFirst::parse(b"n,,n=\xff,r=b"), Err("not UTF-8"));
}

#[test]
fn other_messages() {
    let check =
        |message: &str, expected: &str| assert_eq!(ServerFirst::parse(message.as_bytes()), Err(expected), "{message}");
    check("r=a,s=QQ==", "no iterations");
    check("r=a,s=QQ==,i=0", "no iterations");
    check("r=a,s=QQ==,i=+1", "no iterations");
    check("r=a,s=QQ==,i=99999999999999999999", "no iterations");
    check("r=a,s=QQ,i=1", "not base64");
    check("r=a,s=QR==,i=1", "not base64");
    check("m=x,r=a,s=QQ==,i=1", "an unknown extension");
    let check =
        |message: &str, expected: &str| assert_eq!(ClientFinal::parse(message.as_bytes()), Err(expected), "{message}");
    check("c=biws,r=a", "no proof");
    check("r=a,p=QQ==", "no channel binding");
    check("c=biws,p=QQ==", "no nonce");
    check("c=biws,r=a,p=Q", "not base64");
    check("c=biws,r=a,p=QQ==,x=y", "not base64");
    let parsed = ClientFinal::parse(b"c=biws,r=a,x=y,p=QQ==").unwrap();
    assert_eq!((parsed.binding.as_slice(), parsed.without_proof.as_str()), (&b"n,,"[..], "c=biws,r=a,x=y"));
    assert_eq!(ServerFinal::parse(b"e=other-error\x07"), Ok(ServerFinal::Refused("other-error".into())));
    assert_eq!(ServerFinal::parse(b"v=QQ==,x=y"), Ok(ServerFinal::Signature(b"A".to_vec())));
    assert_eq!(ServerFinal::parse(b"x=QQ=="), Err("no signature"));
}
