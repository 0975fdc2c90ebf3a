//! The Data Tag: any address, any cookies, any body.
#![no_main]

use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;
use serde_json::json;
use tandem_core::consent::{Gates, OnUnknown};
use tandem_core::{Site, door};
use tandem_sources::{Request, unclaimed};

fuzz_target!(|data: &[u8]| {
    // The first line is the query, the second the Cookie header, the rest the body.
    let mut lines = data.splitn(3, |b| *b == b'\n');
    let (query, cookie, body) =
        (lines.next().unwrap_or_default(), lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let query = format!("v=2&tid=G-ABC1234567&{}", String::from_utf8_lossy(query));
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_bytes(cookie) {
        headers.insert("cookie", value);
    }
    headers.insert("user-agent", HeaderValue::from_static("Mozilla/5.0 Firefox/140.0"));
    let settings = json!({"hosts": ["shop.example"]});
    let source = tandem_sources::configure("data_tag", Some(&settings)).expect("good settings");
    let site = Site { id: "shop".into(), gates: Gates::advertising(OnUnknown::Grant), ..Site::default() };
    let now_s = 1_767_225_600;
    for method in ["GET", "POST"] {
        let request = Request {
            method,
            path: "/data",
            query: &query,
            client_ip: Some("203.0.113.7"),
            now_ms: now_s * 1_000,
            ..Request::new(&headers, body)
        };
        let _ = (source.authenticate(&request), unclaimed::explain(&request));
        let decoded = source.decode(&request, &site);
        for cookie in &decoded.cookies {
            assert!(HeaderValue::from_str(cookie).is_ok() && cookie.matches("Path=/").count() == 1);
        }
        for draft in decoded.parts.into_iter().flatten() {
            if let Ok((event, _)) = door::admit(draft, &site, now_s) {
                assert_eq!(event.source, "data_tag");
            }
        }
    }
});
