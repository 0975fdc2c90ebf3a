//! The page script's intake: any body, any cookies, any origin.
#![no_main]

use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;
use serde_json::json;
use tandem_core::consent::{Gates, OnUnknown};
use tandem_core::{Site, door};
use tandem_sources::Request;

fuzz_target!(|data: &[u8]| {
    // The first line is the Cookie header, the rest the body.
    let (cookie, body) = data.iter().position(|b| *b == b'\n').map_or((&b""[..], data), |at| data.split_at(at));
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_bytes(cookie) {
        headers.insert("cookie", value.clone());
        headers.insert("origin", value);
    }
    headers.insert("user-agent", HeaderValue::from_static("Mozilla/5.0 Firefox/140.0"));
    let settings = json!({"hosts": ["shop.example"], "path": "/x7k2"});
    let source = tandem_sources::configure("browser", Some(&settings)).expect("good settings");
    let site = Site {
        id: "shop".into(),
        currency: None,
        country: None,
        hybrid: true,
        gates: Gates::advertising(OnUnknown::Grant),
        ..Site::default()
    };
    let now_s = 1_767_225_600;
    let request = Request {
        client_ip: Some("203.0.113.7"),
        secure: true,
        now_ms: now_s * 1_000,
        ..Request::new(&headers, body)
    };
    let _ = source.authenticate(&request);
    let decoded = source.decode(&request, &site);
    for cookie in &decoded.cookies {
        assert!(HeaderValue::from_str(cookie).is_ok() && cookie.matches("Path=/").count() == 1);
    }
    for draft in decoded.parts.into_iter().flatten() {
        if let Ok((event, _)) = door::admit(draft, &site, now_s) {
            assert_eq!(event.source, "browser");
        }
    }
});
