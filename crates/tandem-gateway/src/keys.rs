//! Whose write key is it? Sites are asked in turn, each in constant time; a key let in once is remembered by its hash.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use sha2::{Digest, Sha256};
use tandem_sources::{AuthError, Request, events};

use crate::SiteRuntime;
use crate::sites::Sites;

/// SHA-256 of a write key that was let in → its site; saves asking every site for each request.
pub(crate) type KnownKeys = RwLock<HashMap<[u8; 32], String>>;

impl Sites {
    /// The site that lets this request in through its events source.
    pub(crate) fn by_key(&self, request: &Request<'_>) -> Result<Arc<SiteRuntime>, AuthError> {
        let digest: [u8; 32] = Sha256::digest(request.header("authorization").unwrap_or_default()).into();
        let known = self.known_keys.read().ok().and_then(|keys| keys.get(&digest).cloned());
        if let Some(site) = known.and_then(|id| self.get(&id).cloned()) {
            return Ok(site);
        }
        let mut refused = AuthError::Missing("send the site's write key as Authorization: Bearer KEY");
        for site in self.iter() {
            let Some(source) = site.source(events::NAME) else { continue };
            match source.authenticate(request) {
                Ok(()) => {
                    if let Ok(mut keys) = self.known_keys.write() {
                        keys.insert(digest, site.site.id.clone());
                    }
                    return Ok(site.clone());
                }
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }
}
