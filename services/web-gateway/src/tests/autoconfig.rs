//! What clients learn that know only an address.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use tower::ServiceExt;

use super::Bench;

impl Bench {
    /// Asks as a client does: without a token.
    async fn anonymous(&self, method: Method, path: &str, body: &str) -> (StatusCode, String) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "autoconfig.example.org:8080")
            .body(Body::from(body.to_owned()));
        let response = self.router.clone().oneshot(request.unwrap()).await.unwrap();
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await;
        (status, String::from_utf8(body.unwrap().to_vec()).unwrap())
    }
}

#[tokio::test]
async fn thunderbird_learns_all_ports() {
    let bench = Bench::furnished().await;
    for path in [
        "/mail/config-v1.1.xml?emailaddress=alice%40example.org",
        "/.well-known/autoconfig/mail/config-v1.1.xml?emailaddress=nobody@example.org",
        "/mail/config-v1.1.xml",
    ] {
        let (status, document) = bench.anonymous(Method::GET, path, "").await;
        assert_eq!(status, StatusCode::OK, "{path}: {document}");
        assert!(
            document.contains("<domain>example.org</domain>"),
            "{document}"
        );
        let imap = "<incomingServer type=\"imap\">\n<hostname>mail.example.org</hostname>\n\
                    <port>2993</port>\n<socketType>SSL</socketType>";
        assert!(document.contains(imap), "{document}");
        assert_eq!(document.matches("<socketType>STARTTLS<").count(), 3);
    }
    let elsewhere = "/mail/config-v1.1.xml?emailaddress=a@elsewhere.example";
    let (status, _) = bench.anonymous(Method::GET, elsewhere, "").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn outlook_learns_the_preferred_ports() {
    let bench = Bench::furnished().await;
    let request = "<Autodiscover><Request><EMailAddress>alice@example.org</EMailAddress>\
                   </Request></Autodiscover>";
    let path = "/autodiscover/autodiscover.xml";
    let (status, document) = bench.anonymous(Method::POST, path, request).await;
    assert_eq!(status, StatusCode::OK, "{document}");
    assert!(document.contains("<LoginName>alice@example.org</LoginName>"));
    assert_eq!(document.matches("<SSL>on</SSL>").count(), 3, "{document}");
    let (status, document) = bench.anonymous(Method::POST, path, "nonsense").await;
    assert_eq!(status, StatusCode::OK);
    assert!(
        document.contains("<ErrorCode>600</ErrorCode>"),
        "{document}"
    );
}

#[tokio::test]
async fn a_profile_is_well_formed() {
    let bench = Bench::furnished().await;
    let path = "/apple.mobileconfig?email=alice@example.org";
    let (status, document) = bench.anonymous(Method::GET, path, "").await;
    assert_eq!(status, StatusCode::OK, "{document}");
    for element in ["dict", "array", "key", "string", "integer", "plist"] {
        let begins = document.matches(&format!("<{element}>")).count()
            + document.matches(&format!("<{element} ")).count();
        let ends = document.matches(&format!("</{element}>")).count();
        assert_eq!(begins, ends, "{element}");
    }
    assert!(document.contains("<string>EmailTypeIMAP</string>"));
    let (status, _) = bench
        .anonymous(Method::GET, "/apple.mobileconfig", "")
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn dns_records_are_listed() {
    let bench = Bench::furnished().await;
    let listed = bench.get("/api/v1/domains/example.org/dns-records").await;
    let listed = listed.with(StatusCode::OK).json();
    let first = &listed["items"][0];
    assert_eq!(first["type"], "MX");
    assert_eq!(first["value"], "10 mail.example.org.");
    bench
        .get("/api/v1/domains/elsewhere.example/dns-records")
        .await
        .problem(StatusCode::NOT_FOUND, "missing");
}
