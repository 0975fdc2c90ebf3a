//! Whose write key is it? Sites are asked in turn, each in constant time; a key let in once is remembered by its hash.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use tandem_sources::{AuthError, Request, Source, events};

use crate::{Gateway, SiteRuntime};

impl Gateway {
    /// The site that lets this request in through its events source.
    pub(crate) fn site_by_key(
        &self,
        request: &Request<'_>,
    ) -> Result<(Arc<SiteRuntime>, &dyn Source), AuthError> {
        let digest: [u8; 32] = Sha256::digest(request.header("authorization").unwrap_or_default()).into();
        let known = self.known_keys.read().ok().and_then(|keys| keys.get(&digest).cloned());
        if let Some(found) = known.and_then(|id| self.events_of(&id)) {
            return Ok(found);
        }
        let mut refused = AuthError::Missing("send the site's write key as Authorization: Bearer KEY");
        for id in self.sites.keys() {
            let Some((site, source)) = self.events_of(id) else { continue };
            match source.authenticate(request) {
                Ok(()) => {
                    if let Ok(mut keys) = self.known_keys.write() {
                        keys.insert(digest, id.clone());
                    }
                    return Ok((site, source));
                }
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }

    fn events_of(&self, id: &str) -> Option<(Arc<SiteRuntime>, &dyn Source)> {
        let site = self.sites.get(id)?;
        Some((site.clone(), site.sources.get(events::NAME)?.as_ref()))
    }
}
