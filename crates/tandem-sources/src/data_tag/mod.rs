//! The format of the Data Tag, which many web containers use to reach a server container's Data Client: an existing container
//! can be pointed here by changing one address.
//!
//! By GET with parameters, by POST as JSON (one event or a list) or as a form with dotted names. The field names are those of
//! server containers and a number of looser ones for people.

mod body;
mod person;

use serde_json::{Map, Value, json};
use tandem_core::Site;
use tandem_core::door::Rejection;

use crate::tags::{self, Settings, Tag};
use crate::{AuthError, Decoded, Remembering, Reply, Request, Source, values};

/// Name in configuration, records and metrics.
pub const NAME: &str = "data_tag";

/// Most events in one body.
pub const MAX_EVENTS: usize = 20;

/// The Data Tag of one site.
pub struct DataTag {
    path: String,
    settings: Settings,
}

impl DataTag {
    /// Sets it up: `path`, and the settings of all tags.
    ///
    /// # Errors
    /// A text that names the setting at fault.
    pub fn new(mut settings: Value) -> Result<Self, String> {
        let path: Option<String> = tags::take(&mut settings, "path")?;
        let path = path.unwrap_or_else(|| "/data".to_owned());
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'/' | b'.');
        if !path.starts_with('/') || path.len() < 2 || path.ends_with('/') || !path.bytes().all(plain) {
            return Err(
                "path is like /data: a slash, then letters, digits, - _ . or further parts".to_owned()
            );
        }
        if path.starts_with("/v1/") || path.starts_with("/webhooks/") || path.starts_with("/plugin/") {
            return Err(format!("path {path:?} is taken by the gateway itself"));
        }
        let settings: Settings = serde_json::from_value(settings).map_err(|e| e.to_string())?;
        settings.check()?;
        Ok(Self { path, settings })
    }
}

impl Tag for DataTag {
    /// By the page's origin, else by the host that the request was sent to.
    fn claims(&self, request: &Request<'_>) -> bool {
        if !self.knows(request) {
            return false;
        }
        let origin = request.header("origin").filter(|o| *o != "null").or_else(|| request.header("referer"));
        let host = request.header("host").unwrap_or_default();
        let is_ours = |host: &str| values::is_of_hosts(&format!("https://{host}"), &self.settings.hosts);
        origin.is_some_and(|origin| self.settings.allows(origin)) || is_ours(host)
    }

    fn knows(&self, request: &Request<'_>) -> bool {
        request.path == self.path
    }

    fn allows(&self, origin: &str) -> bool {
        self.settings.allows(origin)
    }

    fn marks(&self) -> Vec<(&'static str, String)> {
        let mark = |host: &String| ("hosts", format!("{}{}", host.to_ascii_lowercase(), self.path));
        self.settings.hosts.iter().map(mark).collect()
    }
}

impl Source for DataTag {
    fn name(&self) -> &'static str {
        NAME
    }

    fn authenticate(&self, request: &Request<'_>) -> Result<(), AuthError> {
        self.settings.authenticate(request)
    }

    fn decode(&self, request: &Request<'_>, site: &Site) -> Decoded {
        let (is_list, events) = match body::events(request) {
            Ok(read) => read,
            Err(rejection) => {
                let reply = Some(reply(request, false, &[]));
                return Decoded { reply, ..Decoded::rejected(rejection) };
            }
        };
        let mut cookies = Map::new();
        let (mut hits, mut told) = (Vec::with_capacity(events.len()), Vec::new());
        for (index, event) in events.into_iter().enumerate() {
            let place = if is_list { format!("[{index}]") } else { String::new() };
            if index == MAX_EVENTS {
                let text =
                    "a request of the Data Tag holds at most 20 events; those from here on were not taken";
                hits.push(Err(Rejection::new("too_many_events", text).at(&place)));
                break;
            }
            let Value::Object(event) = event else {
                let text = "an event is a JSON object; this is something else";
                hits.push(Err(Rejection::new("event_not_object", text).at(&place)));
                continue;
            };
            told.push(body::receipt(&event, request));
            if let Some(Value::Object(more)) = event.get("common_cookie") {
                cookies.extend(more.iter().take(50).map(|(name, value)| (name.clone(), value.clone())));
            }
            hits.push(body::hit(event, place, request, site));
        }
        let reply = reply(request, is_list, &told);
        let decoded = tags::decode(NAME, &self.settings, hits, &cookies, request, site);
        Decoded { reply: Some(reply), ..decoded }
    }

    fn remembering(&self) -> Option<Remembering<'_>> {
        Some(self.settings.remembering())
    }

    fn tag(&self) -> Option<&dyn Tag> {
        Some(self)
    }
}

/// The smallest transparent picture.
const PICTURE: &[u8] =
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00\x21\xf9\x04\x01\x00\x00\x00\x00\x2c\
\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02\x44\x01\x00\x3b";

/// A picture for a GET, which may be an image in the page; else when and as what each event was taken.
fn reply(request: &Request<'_>, is_list: bool, told: &[(i64, String)]) -> Reply {
    if request.method == "GET" {
        return Reply { status: 200, content_type: "image/gif", body: PICTURE.to_vec() };
    }
    let one = |(timestamp, id): &(i64, String)| json!({ "timestamp": timestamp, "unique_event_id": id });
    let answer = match told {
        [only] if !is_list => one(only),
        list => list.iter().map(one).collect(),
    };
    Reply { status: 200, content_type: "application/json", body: answer.to_string().into_bytes() }
}
