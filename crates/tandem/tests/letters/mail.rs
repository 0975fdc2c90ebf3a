//! A mail server (RFC 5321): in the open, behind STARTTLS (RFC 3207), or behind TLS from the first byte (RFC 8314).

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// The authority that signed the two certificates below; it has no key any more.
pub(crate) const AUTHORITY: &str = include_str!("certificates/authority.pem");

/// A certificate for this machine, and its key.
pub(crate) const HERE: &str = include_str!("certificates/here.pem");

/// A certificate for another name, and its key.
pub(crate) const ELSEWHERE: &str = include_str!("certificates/elsewhere.pem");

/// A certificate for this machine that nobody else signed, and its key.
pub(crate) const SELF_SIGNED: &str = include_str!("certificates/self_signed.pem");

/// How a server is entered; with its certificate and key.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Door {
    /// Without TLS; it offers none.
    Open,
    /// With a word in the open, then TLS. Nobody gets further without.
    StartTls(&'static str),
    /// With TLS from the first byte.
    Implicit(&'static str),
}

/// A mail as it arrived.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mail {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    /// Headers, an empty line, and the text; lines end with LF.
    pub(crate) data: String,
    /// Whether it came inside TLS.
    pub(crate) in_tls: bool,
}

impl Mail {
    /// A header's value, unfolded.
    pub(crate) fn header(&self, name: &str) -> String {
        let head = self.data.split("\n\n").next().unwrap_or_default().replace("\n ", " ");
        let value = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        value.unwrap_or_default().to_owned()
    }

    /// The text, decoded (RFC 2045, section 6.7).
    pub(crate) fn text(&self) -> String {
        let text = self.data.split_once("\n\n").unwrap().1;
        if self.header("Content-Transfer-Encoding") != "quoted-printable" {
            return text.to_owned();
        }
        let joined = text.replace("=\n", "");
        let mut parts = joined.split('=');
        let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
        for part in parts {
            let (code, rest) = part.split_at(2);
            bytes.push(u8::from_str_radix(code, 16).unwrap());
            bytes.extend_from_slice(rest.as_bytes());
        }
        String::from_utf8(bytes).unwrap()
    }
}

/// See [`Door`].
pub(crate) struct MailServer {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<PostOffice>>,
}

#[derive(Default)]
struct PostOffice {
    /// Lines of the conversations, without the mails; and whether they were said inside TLS.
    said: Vec<(String, bool)>,
    mails: Vec<Mail>,
}

impl MailServer {
    pub(crate) fn open() -> Self {
        Self::behind(Door::Open)
    }

    pub(crate) fn behind(door: Door) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, state) = (listener.local_addr().unwrap(), Arc::<Mutex<PostOffice>>::default());
        let office = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let office = office.clone();
                // Who hangs up in the middle has sent nothing.
                std::thread::spawn(move || enter(stream, door, &office));
            }
        });
        Self { address, state }
    }

    pub(crate) fn mails(&self) -> Vec<Mail> {
        self.state.lock().unwrap().mails.clone()
    }

    /// All lines.
    pub(crate) fn said(&self) -> Vec<String> {
        self.state.lock().unwrap().said.iter().map(|(line, _)| line.clone()).collect()
    }

    /// The first word of each line that was said inside TLS, or outside.
    pub(crate) fn words(&self, in_tls: bool) -> Vec<String> {
        let office = self.state.lock().unwrap();
        let said = office.said.iter().filter(|(_, inside)| *inside == in_tls);
        said.map(|(line, _)| word(line)).collect()
    }
}

fn word(line: &str) -> String {
    line.to_ascii_uppercase().split([' ', ':']).next().unwrap_or_default().to_owned()
}

fn enter(stream: TcpStream, door: Door, office: &Mutex<PostOffice>) -> io::Result<()> {
    match door {
        Door::Open => Talk::new(stream, office).greet()?.until_the_end().map(drop),
        Door::Implicit(pem) => Talk::inside(stream, pem, office).greet()?.until_the_end().map(drop),
        Door::StartTls(pem) => {
            let mut talk = Talk { needs_tls: true, ..Talk::new(stream, office) };
            talk.greet()?;
            if talk.until_the_end()? == End::Tls {
                // What somebody put behind the word in the open must not count as said inside.
                assert!(talk.lines.buffer().is_empty(), "more was said before TLS");
                Talk::inside(talk.lines.into_inner(), pem, office).until_the_end()?;
            }
            Ok(())
        }
    }
}

#[derive(PartialEq)]
enum End {
    Gone,
    /// Goes on inside TLS.
    Tls,
}

/// One conversation.
struct Talk<'a, S> {
    lines: BufReader<S>,
    office: &'a Mutex<PostOffice>,
    in_tls: bool,
    /// Whether nothing but TLS is taken.
    needs_tls: bool,
    /// Whether mail is taken.
    is_known: bool,
    mail: Mail,
}

impl<'a> Talk<'a, TcpStream> {
    fn new(stream: TcpStream, office: &'a Mutex<PostOffice>) -> Self {
        let lines = BufReader::new(stream);
        Self { lines, office, in_tls: false, needs_tls: false, is_known: true, mail: Mail::default() }
    }
}

impl<'a> Talk<'a, StreamOwned<ServerConnection, TcpStream>> {
    /// Only who has a login sends mail there.
    fn inside(stream: TcpStream, pem: &str, office: &'a Mutex<PostOffice>) -> Self {
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|config| config.with_no_client_auth().with_single_cert(vec![certificate], key));
        let connection = ServerConnection::new(Arc::new(config.unwrap())).unwrap();
        let lines = BufReader::new(StreamOwned::new(connection, stream));
        Self { lines, office, in_tls: true, needs_tls: false, is_known: false, mail: Mail::default() }
    }
}

impl<S: Read + Write> Talk<'_, S> {
    fn greet(&mut self) -> io::Result<&mut Self> {
        self.answer("220 mail.test ESMTP")?;
        Ok(self)
    }

    fn answer(&mut self, text: &str) -> io::Result<()> {
        self.lines.get_mut().write_all(format!("{text}\r\n").as_bytes())?;
        self.lines.get_mut().flush()
    }

    /// The next line; none when the other side hung up.
    fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = String::new();
        let length = self.lines.read_line(&mut line)?;
        Ok((length > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned()))
    }

    fn until_the_end(&mut self) -> io::Result<End> {
        while let Some(line) = self.line()? {
            self.office.lock().unwrap().said.push((line.clone(), self.in_tls));
            let within = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
            let answer = match word(&line).as_str() {
                "QUIT" => {
                    self.answer("221 2.0.0 bye")?;
                    return Ok(End::Gone);
                }
                "EHLO" if self.needs_tls => "250-mail.test\r\n250 STARTTLS",
                "EHLO" => "250-mail.test\r\n250 AUTH PLAIN",
                "STARTTLS" if self.needs_tls => {
                    self.answer("220 2.0.0 go ahead")?;
                    return Ok(End::Tls);
                }
                _ if self.needs_tls => "530 5.7.0 STARTTLS first",
                "AUTH" => {
                    self.is_known = true;
                    "235 2.7.0 welcome"
                }
                _ if !self.is_known => "530 5.7.0 who are you?",
                "MAIL" => {
                    self.mail = Mail { from: within, in_tls: self.in_tls, ..Mail::default() };
                    "250 2.1.0 ok"
                }
                "RCPT" => {
                    self.mail.to.push(within);
                    "250 2.1.5 ok"
                }
                "DATA" => {
                    self.answer("354 go on")?;
                    while let Some(line) = self.line()?.filter(|line| line != ".") {
                        self.mail.data.push_str(line.strip_prefix('.').unwrap_or(&line));
                        self.mail.data.push('\n');
                    }
                    self.office.lock().unwrap().mails.push(std::mem::take(&mut self.mail));
                    "250 2.0.0 taken"
                }
                _ => "502 5.5.2 what?",
            };
            self.answer(answer)?;
        }
        Ok(End::Gone)
    }
}
