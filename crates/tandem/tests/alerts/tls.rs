//! Mail with TLS: it goes inside, to the server that is meant, or not at all.

use super::*;
use crate::letters::mail::{AUTHORITY, Door, ELSEWHERE, HERE, SELF_SIGNED};

/// A self-signed certificate that is an authority too, as `openssl req -x509` makes it, and its key.
const BROWSERS: &str = include_str!("../browsers/front/localhost.pem");

/// What the doctor says of a server; with a certificate to trust besides the system's.
fn tried(server: &MailServer, tls: &str, authority: Option<&str>) -> String {
    let (stand_in, home) = (stand_in(), Home::new(""));
    let trust = authority.map(|pem| {
        std::fs::write(home.config().with_file_name("mail-ca.pem"), pem).unwrap();
        "authority = \"file:mail-ca.pem\""
    });
    let tls = format!("tls = \"{tls}\"\n{}", trust.unwrap_or_default());
    let email = email(server).replace("tls = \"none\"", &tls);
    doctor(&home, &(email + &site(&stand_in, harness::ACCESS_TOKEN)))
}

/// Each kind of TLS, with the server's side of it and what is said in the open.
fn kinds(certificate: &'static str) -> [(&'static str, Door, &'static [&'static str]); 2] {
    [
        ("starttls", Door::StartTls(certificate), &["EHLO", "STARTTLS"]),
        ("implicit", Door::Implicit(certificate), &[]),
    ]
}

#[test]
fn mail_and_password_go_inside_tls() {
    let signed = kinds(HERE).map(|kind| (kind, AUTHORITY));
    let own = kinds(SELF_SIGNED).map(|kind| (kind, SELF_SIGNED));
    for ((tls, door, openly), authority) in signed.into_iter().chain(own) {
        let server = MailServer::behind(door);
        let text = tried(&server, tls, Some(authority));
        let line = "✓ ok e-mail: e-mail by 127.0.0.1 took a test notice: 250 2.0.0 taken";
        assert!(text.contains(line), "{tls}: {text}");
        assert_eq!(server.words(false), openly, "{tls}");
        let inside = server.words(true);
        let (sent, after) = inside.split_at(6);
        assert_eq!(sent, ["EHLO", "AUTH", "MAIL", "RCPT", "RCPT", "DATA"], "{tls}");
        // Whether the farewell was heard yet is left to chance.
        assert!(after.iter().all(|word| word == "QUIT"), "{tls}: {after:?}");
        let login = BASE64_STANDARD.encode("\0tandem\0password-of-the-mail");
        assert!(server.said().contains(&format!("AUTH PLAIN {login}")), "{tls}: {:?}", server.said());
        let mails = server.mails();
        assert_eq!((mails.len(), mails[0].in_tls), (1, true), "{tls}");
        assert_eq!(mails[0].header("Subject"), "[Tandem] A test of Tandem's alerts");
    }
}

#[test]
fn a_certificate_of_another_name_or_authority_gets_nothing() {
    for (certificate, authority, why) in [
        (ELSEWHERE, Some(AUTHORITY), "the server's certificate is for another name than host: "),
        // Of the authority's name, and not the authority.
        (HERE, Some(SELF_SIGNED), "nobody who is trusted signed the server's certificate; if"),
        (HERE, Some(BROWSERS), "nobody who is trusted signed the server's certificate; if"),
        (HERE, None, "nobody who is trusted signed the server's certificate; if"),
        (BROWSERS, Some(BROWSERS), "the server's certificate is that of an authority itself"),
    ] {
        for (tls, door, openly) in kinds(certificate) {
            let server = MailServer::behind(door);
            let text = tried(&server, tls, authority);
            let told = format!("✗ fail e-mail: e-mail by 127.0.0.1 did not take a test notice: {why}");
            assert!(text.contains(&told), "{tls}: {told:?} is not in {text}");
            assert_eq!(server.words(false), openly, "{tls}");
            assert_eq!((server.words(true).len(), server.mails().len()), (0, 0), "{tls}");
        }
    }
}

#[test]
fn a_server_without_tls_gets_nothing_where_tls_is_asked_for() {
    for (tls, why) in [
        ("starttls", "STARTTLS is not supported on this server"),
        ("implicit", "what the server says at this port is not TLS"),
    ] {
        let server = MailServer::open();
        let text = tried(&server, tls, Some(AUTHORITY));
        let told = format!("✗ fail e-mail: e-mail by 127.0.0.1 did not take a test notice: {why}");
        assert!(text.contains(&told), "{tls}: {told:?} is not in {text}");
        let said = server.words(false);
        assert!(!said.iter().any(|word| ["AUTH", "MAIL"].contains(&word.as_str())), "{tls}: {said:?}");
        assert_eq!(server.mails().len(), 0, "{tls}");
    }
}
