//! Who is signed in. The token is typed once; then a signed cookie speaks for it until it ends.
//!
//! The key is made from the token, so that a new token signs everybody out, and nothing has to be kept: only those who
//! signed out before their time are remembered.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use axum::http::{HeaderMap, header};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// How long a session lasts, in seconds.
const LIFE_S: i64 = 12 * 3_600;

/// Sessions that were ended before their time, remembered until that.
const MAX_ENDED: usize = 10_000;

/// Tries to sign in at once, and how many seconds the next one takes.
const TRIES: i64 = 5;
const SECONDS_A_TRY: i64 = 10;
const MAX_ADDRESSES: usize = 10_000;

/// Who asks for a page.
#[derive(Debug, Clone)]
pub(crate) enum Visitor {
    /// Somebody with a session.
    Person(Session),
    /// A program that sends the token with every request.
    Program,
}

/// A session that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Session {
    nonce: String,
    until_s: i64,
    /// What forms of its pages carry, so that no other page can send them.
    pub(crate) form_key: String,
}

/// All sessions, and who tries too often.
pub(crate) struct Sessions {
    key: Hmac<Sha256>,
    cookie: String,
    /// Nonce → until when it would have held, Unix seconds.
    ended: Mutex<HashMap<String, i64>>,
    /// Address → tries left, in seconds, and when they were counted.
    tries: Mutex<HashMap<String, (i64, i64)>>,
}

impl Sessions {
    pub(crate) fn new(token: &SecretString) -> Result<Self, getrandom::Error> {
        // Any length of key will do.
        let Ok(mut key) = Hmac::<Sha256>::new_from_slice(token.expose_secret().as_bytes()) else {
            return Err(getrandom::Error::UNEXPECTED);
        };
        key.update(b"tandem inspector session 1");
        let Ok(key) = Hmac::<Sha256>::new_from_slice(&key.finalize().into_bytes()) else {
            return Err(getrandom::Error::UNEXPECTED);
        };
        let mut sessions =
            Self { key, cookie: String::new(), ended: Mutex::default(), tries: Mutex::default() };
        // Cookies are not told apart by port: two gateways on one machine would sign each other out.
        sessions.cookie = format!("tandem_{}", &sessions.mac("cookie")[..8]);
        Ok(sessions)
    }

    fn signed(&self, text: &str) -> Hmac<Sha256> {
        let mut mac = self.key.clone();
        mac.update(text.as_bytes());
        mac
    }

    fn mac(&self, text: &str) -> String {
        hex::encode(self.signed(text).finalize().into_bytes())
    }

    /// A new session, as the value of `Set-Cookie`.
    pub(crate) fn begin(&self, now_s: i64, secure: bool) -> Result<String, getrandom::Error> {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce)?;
        let (nonce, until_s) = (hex::encode(nonce), now_s + LIFE_S);
        let mac = self.mac(&format!("session\n{nonce}\n{until_s}"));
        Ok(self.set_cookie(&format!("{until_s}.{nonce}.{mac}"), LIFE_S, secure))
    }

    fn set_cookie(&self, value: &str, life_s: i64, secure: bool) -> String {
        let secure = if secure { "; Secure" } else { "" };
        format!("{}={value}; Path=/; Max-Age={life_s}; HttpOnly; SameSite=Strict{secure}", self.cookie)
    }

    /// The session of a request, while it holds.
    pub(crate) fn of(&self, headers: &HeaderMap, now_s: i64) -> Option<Session> {
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok());
        let mut pairs = cookies.flat_map(|all| all.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let value = pairs.find(|(name, _)| *name == self.cookie)?.1;
        let mut parts = value.splitn(3, '.');
        let (until, nonce, mac) = (parts.next()?, parts.next()?, parts.next()?);
        let mac = hex::decode(mac).ok()?;
        self.signed(&format!("session\n{nonce}\n{until}")).verify_slice(&mac).ok()?;
        let session = Session {
            form_key: self.mac(&format!("form\n{nonce}")),
            until_s: until.parse().ok()?,
            nonce: nonce.to_owned(),
        };
        self.holds(&session, now_s).then_some(session)
    }

    /// Whether a session has not ended meanwhile.
    pub(crate) fn holds(&self, session: &Session, now_s: i64) -> bool {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        now_s < session.until_s && !ended.contains_key(&session.nonce)
    }

    /// Whether a form came from a page shown under this sign-in.
    pub(crate) fn sent_by(&self, session: &Session, form_key: &str) -> bool {
        let Ok(mac) = hex::decode(form_key) else { return false };
        self.signed(&format!("form\n{}", session.nonce)).verify_slice(&mac).is_ok()
    }

    /// Ends a session, and gives the cookie that takes it away.
    pub(crate) fn end(&self, session: &Session, now_s: i64, secure: bool) -> String {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.retain(|_, until_s| *until_s > now_s);
        if ended.len() < MAX_ENDED {
            ended.insert(session.nonce.clone(), session.until_s);
        }
        self.set_cookie("", 0, secure)
    }

    /// Gives a try back to who signed in.
    pub(crate) fn forgive(&self, address: &str) {
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((left, _)) = tries.get_mut(address) {
            *left += SECONDS_A_TRY;
        }
    }

    /// Whether this address may try to sign in now; each try costs one.
    pub(crate) fn may_try(&self, address: &str, now_s: i64) -> bool {
        let full = TRIES * SECONDS_A_TRY;
        let refilled = |(left, at): (i64, i64)| (left + (now_s - at).max(0)).min(full);
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        if tries.len() >= MAX_ADDRESSES && !tries.contains_key(address) {
            tries.retain(|_, of| refilled(*of) < full);
            if tries.len() >= MAX_ADDRESSES {
                return false;
            }
        }
        let left = tries.get(address).map_or(full, |of| refilled(*of));
        let may = left >= SECONDS_A_TRY;
        tries.insert(address.to_owned(), (if may { left - SECONDS_A_TRY } else { left }, now_s));
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions(token: &str) -> Sessions {
        Sessions::new(&token.into()).unwrap()
    }

    fn carrying(set_cookie: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let pair = set_cookie.split(';').next().unwrap();
        headers.insert(header::COOKIE, format!("a=b; {pair}").parse().unwrap());
        headers
    }

    #[test]
    fn a_session_holds_until_its_end() {
        let all = sessions("token");
        let cookie = all.begin(1_000, true).unwrap();
        assert!(cookie.ends_with("; HttpOnly; SameSite=Strict; Secure"), "{cookie}");
        assert!(!all.begin(1_000, false).unwrap().contains("Secure"));
        let headers = carrying(&cookie);
        let session = all.of(&headers, 1_001).unwrap();
        assert!(
            all.sent_by(&session, &session.form_key)
                && !all.sent_by(&session, "00")
                && !all.sent_by(&session, "x")
        );
        assert_eq!(all.of(&headers, 1_000 + LIFE_S), None);
        assert_eq!(sessions("another").of(&headers, 1_001), None);
        assert_eq!(all.of(&carrying(&cookie.replace('.', "1.")), 1_001), None);
        assert!(all.end(&session, 1_002, false).contains("Max-Age=0"));
        assert_eq!(all.of(&headers, 1_003), None);
        assert!(all.of(&carrying(&all.begin(1_000, true).unwrap()), 1_003).is_some());
    }

    #[test]
    fn rubbish_is_no_session() {
        let all = sessions("token");
        for value in ["", ".", "..", "1.2.3", "99999999999.aa.bb"] {
            assert_eq!(all.of(&carrying(&format!("{}={value}", all.cookie)), 1), None, "{value}");
        }
        assert_eq!(all.of(&HeaderMap::new(), 1), None);
    }

    #[test]
    fn whoever_tries_too_often_waits() {
        let all = sessions("token");
        assert_eq!((0..20).filter(|_| all.may_try("a", 0)).count(), 5);
        assert!(all.may_try("b", 0));
        assert!(all.may_try("b", 0));
        all.forgive("b");
        assert_eq!((0..20).filter(|_| all.may_try("b", 0)).count(), 4);
        assert!(!all.may_try("a", 9) && all.may_try("a", 10) && !all.may_try("a", 10));
    }
}
