//! Any body under a webhook's headers: never a panic, and an event only ever with an order's id.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tandem_core::consent::{Gates, OnUnknown};
use tandem_core::{Site, door};
use tandem_sources::{Request, woocommerce};

fuzz_target!(|body: &[u8]| {
    let source = tandem_sources::configure(woocommerce::NAME, None).expect("defaults");
    let mut headers = http::HeaderMap::new();
    let topics = ["order.created", "order.updated", "order.deleted", "action.woocommerce_payment_complete", "x"];
    if let Some(topic) = topics.get(body.len() % 7) {
        headers.insert("x-wc-webhook-topic", http::HeaderValue::from_static(topic));
    }
    let request = Request::new(&headers, body);
    let _ = source.authenticate(&request);
    let site =
        Site { id: "shop".into(), gates: Gates::advertising(OnUnknown::Grant), ..Site::default() };
    for draft in source.decode(&request, &site).parts.into_iter().flatten() {
        assert!(draft.event.order_id.is_some());
        let _ = door::admit(draft, &site, 1_800_000_000);
    }
});
