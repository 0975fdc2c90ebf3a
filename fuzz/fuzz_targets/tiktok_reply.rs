//! Any reply of TikTok: a verdict, and never "delivered" without a readable code that says so.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tandem_destinations::{HttpReply, Reply, Verdict, platform};

fuzz_target!(|input: (u16, &[u8])| {
    let (status, body) = input;
    let platform = platform("tiktok").expect("known");
    let tiktok = (platform.configure)(&(platform.placeholder)()).expect("placeholders");
    let reply = tiktok.reply(&HttpReply::Answer { status, body: body.to_vec() });
    if matches!(reply, Reply::Whole(Verdict::Delivered { .. })) {
        let value: serde_json::Value = serde_json::from_slice(body).expect("delivered without JSON");
        assert!(value.get("code").is_some(), "delivered without a code");
    }
});
