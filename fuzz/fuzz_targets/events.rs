//! Any body at the events API: a decision for each entry, a clean event or a rejection, never a panic. What comes out
//! can be stored and read back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tandem_core::consent::{Gates, OnUnknown};
use tandem_core::{Event, Site, door};
use tandem_sources::{Request, events};

fuzz_target!(|body: &[u8]| {
    let source = tandem_sources::configure(events::NAME, None).expect("defaults");
    let headers = http::HeaderMap::new();
    let site = Site {
        id: "shop".into(),
        currency: None,
        country: Some("DE".into()),
        hybrid: body.len() % 2 == 0,
        gates: Gates::advertising(OnUnknown::Grant),
        ..Site::default()
    };
    for part in source.decode(&Request::new(&headers, body), &site).parts {
        let Ok(draft) = part else { continue };
        let Ok((event, _)) = door::admit(draft, &site, 1_800_000_000) else { continue };
        let text = serde_json::to_string(&event).expect("serialises");
        let back: Event = serde_json::from_str(&text).expect("reads back");
        assert_eq!(back, event);
    }
});
