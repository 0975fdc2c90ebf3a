//! Outgoing mail by SMTP; for alerts.

use std::error::Error;
use std::time::Duration;
use std::{fmt, io};

use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use secrecy::{ExposeSecret, SecretString};

/// How long the server may take for each step.
const PATIENCE: Duration = Duration::from_secs(15);

/// Where a certificate begins in PEM (RFC 7468, section 5.1).
const CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// Begun in the open and changed to TLS before anything is said; never goes on without.
    StartTls,
    /// TLS from the first byte.
    Implicit,
    /// None: for a server on this machine.
    Plain,
}

impl Encryption {
    /// The usual port.
    #[must_use]
    pub fn port(self) -> u16 {
        match self {
            Self::StartTls => 587,
            Self::Implicit => 465,
            Self::Plain => 25,
        }
    }
}

/// Who sends mail to whom, and by which server.
#[derive(Clone)]
pub struct Mailer {
    /// The server's name; its certificate must have it.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub encryption: Encryption,
    /// Name and password, where the server asks for them.
    pub login: Option<(String, SecretString)>,
    /// The sender.
    pub from: Address,
    /// The receivers; at least one.
    pub to: Vec<Address>,
    /// PEM of a certificate to trust besides the system's: of a mail server of one's own.
    pub authority: Option<Vec<u8>>,
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mailer({}:{})", self.host, self.port)
    }
}

/// `ops@shop.example`, or `Tandem <tandem@shop.example>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(Mailbox);

impl Address {
    /// Reads one; `None` when it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }

    /// Whether both lead to the same mailbox, whatever name stands before it.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.0.email == other.0.email
    }
}

impl Mailer {
    /// Whether TLS can be set up, with [`Self::authority`] if there is one.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self) -> Result<(), String> {
        // Installing twice is an error that means "already there".
        let _ = rustls::crypto::ring::default_provider().install_default();
        self.transport().map(drop)
    }

    /// Sends a plain text; what the server said.
    ///
    /// # Errors
    /// Why it was not taken.
    pub async fn send(&self, subject: &str, text: &str) -> Result<String, String> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = Message::builder().from(self.from.0.clone()).subject(subject);
        let builder = self.to.iter().fold(builder, |builder, to| builder.to(to.0.clone()));
        let message = builder.header(ContentType::TEXT_PLAIN).body(text.to_owned());
        let message = message.map_err(|error| error.to_string())?;
        let answer = self.transport()?.send(message).await.map_err(|error| explain(&error))?;
        let words = answer.message().collect::<Vec<_>>().join(" ");
        Ok(format!("{} {words}", answer.code()).trim().to_owned())
    }

    /// One connection a mail: alerts are rare.
    fn transport(&self) -> Result<AsyncSmtpTransport<Tokio1Executor>, String> {
        let tls = match self.encryption {
            Encryption::Plain => Tls::None,
            Encryption::StartTls => Tls::Required(self.parameters()?),
            Encryption::Implicit => Tls::Wrapper(self.parameters()?),
        };
        let builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(self.host.as_str());
        let mut builder = builder.port(self.port).tls(tls).timeout(Some(PATIENCE));
        if let Some((name, password)) = &self.login {
            builder =
                builder.credentials(Credentials::new(name.clone(), password.expose_secret().to_owned()));
        }
        Ok(builder.build())
    }

    fn parameters(&self) -> Result<TlsParameters, String> {
        let mut builder = TlsParameters::builder(self.host.clone());
        if let Some(pem) = &self.authority {
            // Text without one is read as none at all, and would be missed with the first mail only.
            if !pem.windows(CERTIFICATE.len()).any(|part| part == CERTIFICATE) {
                return Err("the authority holds no certificate in PEM".to_owned());
            }
            builder = builder.add_root_certificate(Certificate::from_pem(pem).map_err(|e| explain(&e))?);
        }
        builder.build().map_err(|error| explain(&error))
    }
}

/// Why mail did not go out; it holds the server's words, never the password.
fn explain(error: &smtp::Error) -> String {
    if let Some(tls) = causes(error).find_map(tls_error) {
        return explain_tls(tls);
    }
    // The library puts several of its own errors around a cause, and each repeats what is inside.
    let innermost =
        causes(error).filter_map(|cause| cause.downcast_ref::<smtp::Error>()).last().unwrap_or(error);
    if innermost.is_client() {
        // As a server that has no STARTTLS: the cause says all.
        return innermost.source().map_or_else(|| innermost.to_string(), ToString::to_string);
    }
    let mut text = innermost.to_string();
    for words in causes(innermost).map(ToString::to_string) {
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
    }
    text
}

/// The error and what is behind it, the outermost first.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (**error).source())
}

/// An error of TLS comes inside one of input and output.
fn tls_error<'a>(cause: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    cause.downcast_ref::<io::Error>()?.get_ref()?.downcast_ref()
}

fn explain_tls(error: &rustls::Error) -> String {
    use rustls::CertificateError::{
        BadSignature, NotValidForName, NotValidForNameContext, Other, UnknownIssuer,
    };
    use rustls::Error::{InvalidCertificate, InvalidMessage};
    match error {
        // A bad signature is one by somebody of the same name: the authority before the server's last change.
        InvalidCertificate(UnknownIssuer | BadSignature) => {
            "nobody who is trusted signed the server's certificate; if the server is your own, authority must hold the \
             certificate of who did"
                .to_owned()
        }
        InvalidCertificate(why @ (NotValidForName | NotValidForNameContext { .. })) => {
            format!("the server's certificate is for another name than host: {why}")
        }
        // The checker's name for it, which is of no type of ours (webpki, in `Error::CaUsedAsEndEntity`).
        InvalidCertificate(Other(why)) if why.to_string() == "CaUsedAsEndEntity" => {
            "the server's certificate is that of an authority itself, which counts for no server; make one with \
             basicConstraints CA:FALSE"
                .to_owned()
        }
        InvalidMessage(_) => {
            "what the server says at this port is not TLS; tls and port must be as it wants them".to_owned()
        }
        other => other.to_string(),
    }
}
