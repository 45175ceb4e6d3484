use super::*;
use crate::discovery::tests::{ask, get, golden};
use axum::http::Method;

const PATH: &str = "/autodiscover/autodiscover.xml";

fn wish(email: &str) -> String {
    format!(
        "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?>
<Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006\">
  <Request>
    <EMailAddress>{email}</EMailAddress>
    <AcceptableResponseSchema>{OUTLOOK}</AcceptableResponseSchema>
  </Request>
</Autodiscover>"
    )
}

async fn post(path: &str, body: &str) -> (u16, String, String) {
    ask(Method::POST, path, "autodiscover.demo.test", body).await
}

#[tokio::test]
async fn outlook_finds_the_server() {
    let (status, kind, text) = post(PATH, &wish("anna@demo.test")).await;
    assert_eq!((status, kind.as_str()), (200, "text/xml; charset=utf-8"));
    golden("autodiscover.xml", &text);
    for path in ["/AutoDiscover/AutoDiscover.xml", "/Autodiscover/Autodiscover.xml", "/AUTODISCOVER/AUTODISCOVER.XML"] {
        assert_eq!(post(path, &wish("anna@demo.test")).await.2, text, "{path}");
    }
    let any = "<a:Autodiscover xmlns:a='x'><a:Request><a:EMailAddress><![CDATA[ anna]]>&#64;demo.test\n\
               </a:EMailAddress></a:Request></a:Autodiscover>";
    assert_eq!(post(PATH, any).await.2, text);
    let (status, _, help) = get(PATH, "demo.test").await;
    assert_eq!(status, 200);
    assert!(help.contains("/mail/config-v1.1.xml"), "{help}");
    assert_eq!(ask(Method::PUT, PATH, "demo.test", "").await.0, 405);
}

#[tokio::test]
async fn names_cannot_break_the_answer() {
    let (_, _, text) = post(PATH, &wish("&quot;a&lt;/b&gt;&amp;&quot;@demo.test")).await;
    assert!(text.contains("<LoginName>&quot;a&lt;/b&gt;&amp;&quot;@demo.test</LoginName>"), "{text}");
}

#[tokio::test]
async fn wrong_requests_get_an_error_of_the_schema() {
    golden("autodiscover-error.xml", &error(Fault::Invalid, "16:56:32.6164027"));
    let laughs: String = (1..20).map(|n| format!("<!ENTITY l{n} '&l{};&l{};'>", n - 1, n - 1)).collect();
    let bomb = format!("<!DOCTYPE x [<!ENTITY l0 'ha'>{laughs}]>{}", wish("&l19;@demo.test"));
    let file = format!("<!DOCTYPE x [<!ENTITY f SYSTEM 'file:///etc/passwd'>]>{}", wish("&f;@demo.test"));
    let mobile = wish("anna@demo.test").replace("outlook/responseschema/2006a", "mobilesync/responseschema/2006");
    let deep = "<a>".repeat(20_000);
    for (body, code) in [
        (wish("anna@example.org").as_str(), "500"),
        (mobile.as_str(), "601"),
        (wish("anna").as_str(), "600"),
        (wish("").as_str(), "600"),
        (wish(&"a".repeat(600)).as_str(), "600"),
        (wish("&l9;@demo.test").as_str(), "600"),
        (bomb.as_str(), "600"),
        (file.as_str(), "600"),
        (deep.as_str(), "600"),
        ("", "600"),
        ("<", "600"),
        ("{\"Email\":\"anna@demo.test\"}", "600"),
        ("<Autodiscover><Request><EMailAddress>anna@demo.test</EMailAddress>", "600"),
        ("<Autodiscover><Request></Autodiscover></Request>", "600"),
    ] {
        let (status, kind, text) = post(PATH, body).await;
        assert_eq!((status, kind.as_str()), (200, "text/xml; charset=utf-8"));
        let start: String = body.chars().take(300).collect();
        assert!(text.contains(&format!("<ErrorCode>{code}</ErrorCode>")), "{start}\n{text}");
        assert!(!text.contains("<Account>"), "{text}");
    }
}

#[tokio::test]
async fn the_newer_way_leads_to_the_older_one() {
    let check = async |uri: &str, status: u16, expected: &str| {
        let json = "application/json".to_owned();
        assert_eq!(get(uri, "autodiscover.demo.test").await, (status, json, format!("{expected}\n")), "{uri}");
    };
    let found =
        "{\"Protocol\":\"AutodiscoverV1\",\"Url\":\"https://autodiscover.demo.test/autodiscover/autodiscover.xml\"}";
    check("/autodiscover/autodiscover.json?Email=anna%40demo.test&Protocol=AutodiscoverV1", 200, found).await;
    check("/AutoDiscover/AutoDiscover.json?email=anna@demo.test&protocol=autodiscoverv1&RedirectCount=1", 200, found)
        .await;
    check("/autodiscover/autodiscover.json/v1.0/anna%40demo.test?Protocol=AutodiscoverV1", 200, found).await;
    check(
        "/autodiscover/autodiscover.json?Email=anna@demo.test&Protocol=ActiveSync",
        400,
        "{\"ErrorCode\":\"InvalidProtocol\",\"ErrorMessage\":\"The protocol is not offered. Supported is 'AutodiscoverV1'.\"}",
    )
    .await;
    check(
        "/autodiscover/autodiscover.json?Email=anna@demo.test",
        400,
        "{\"ErrorCode\":\"MandatoryParameterMissing\",\"ErrorMessage\":\"A valid value must be provided for the query parameter 'Protocol'.\"}",
    )
    .await;
    check(
        "/autodiscover/autodiscover.json?Protocol=AutodiscoverV1",
        400,
        "{\"ErrorCode\":\"MandatoryParameterMissing\",\"ErrorMessage\":\"A valid value must be provided for the query parameter 'Email'.\"}",
    )
    .await;
    check(
        "/autodiscover/autodiscover.json?Email=anna@example.org&Protocol=AutodiscoverV1",
        404,
        "{\"ErrorCode\":\"UserNotFound\",\"ErrorMessage\":\"The address is not in a mail domain of this server.\"}",
    )
    .await;
}
