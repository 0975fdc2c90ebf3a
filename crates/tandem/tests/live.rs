//! The live view, against the real program: who may see it, what it shows of an order from the webhook to the platform's
//! answer, that it shows nobody, and that it stands in nobody's way.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod harness;
mod shop;

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use harness::{ACCESS_TOKEN, Answer, Client, DEADLINE, Gateway, Home, KEY, PIXEL, StandIn, TOKEN, until};
use serde_json::{Value, json};
use shop::{NOW, deliveries, delivery, secrets_toml};

fn sites(stand_in: &StandIn) -> String {
    format!(
        r#"
        [[site]]
        id = "shop"
        consent.on_unknown = "grant"
        [site.sources.browser]
        hosts = ["shop.example"]
        path = "/x7k2"
        hold_seconds = 0
        bots = "send"
        [site.sources.woocommerce]
        secrets = {}
        [site.sources.events]
        write_keys = ["{KEY}"]
        [site.destinations.tiktok]
        pixel_id = "{PIXEL}"
        access_token = "{ACCESS_TOKEN}"
        base_url = "{}"
        [[site]]
        id = "other"
        [site.sources.events]
        write_keys = ["other-write-key"]
        "#,
        secrets_toml(&deliveries()),
        stand_in.base_url()
    )
}

/// A stream that is read line by line.
struct Stream {
    lines: BufReader<TcpStream>,
    /// All bytes that came, also the head.
    all: String,
}

impl Stream {
    /// Watches with the token.
    fn open(address: SocketAddr, query: &str, further: &str) -> Self {
        let mut tcp = TcpStream::connect(address).unwrap();
        tcp.set_read_timeout(Some(DEADLINE)).unwrap();
        let head = format!(
            "GET /live/stream?{query} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n{further}\r\n"
        );
        tcp.write_all(head.as_bytes()).unwrap();
        let mut stream = Self { lines: BufReader::new(tcp), all: String::new() };
        // The first words come when it is watched.
        stream.until(|line| line == ": tandem");
        stream
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.lines.read_line(&mut line).expect("the stream goes on");
        self.all.push_str(&line);
        (read > 0).then(|| line.trim_end().to_owned())
    }

    fn until(&mut self, fits: impl Fn(&str) -> bool) {
        while !fits(&self.line().expect("the stream goes on")) {}
    }

    /// The next record.
    fn next(&mut self) -> Value {
        loop {
            let line = self.line().expect("the stream goes on");
            if let Some(data) = line.strip_prefix("data: ") {
                return serde_json::from_str(data).unwrap();
            }
        }
    }

    /// Records up to the first that fits, that one last.
    fn records(&mut self, fits: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            all.push(self.next());
            if all.last().is_some_and(&fits) {
                return all;
            }
        }
    }

    /// Whether it ends by itself.
    fn ends(mut self) -> bool {
        while self.line().is_some() {}
        true
    }
}

fn is_attempt_of(id: &'static str) -> impl Fn(&Value) -> bool {
    move |record| {
        let events = record["events"].as_array().map_or(&[][..], Vec::as_slice);
        record["kind"] == "attempt" && events.iter().any(|event| event["event_id"] == id)
    }
}

fn browse(gateway: &Gateway, path: &str, cookie: &str) -> Answer {
    let headers = [("Accept", "text/html"), ("Cookie", cookie)];
    Client::new(gateway.private).call("GET", path, &headers, b"").unwrap()
}

fn sign_in(gateway: &Gateway, token: &str) -> Answer {
    let body = format!("token={token}&next=%2Flive%3Fsite%3Dshop");
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    Client::new(gateway.private).call("POST", "/login", &headers, body.as_bytes()).unwrap()
}

fn cookie_of(answer: &Answer) -> String {
    answer.headers("set-cookie")[0].split(';').next().unwrap().to_owned()
}

#[test]
fn only_who_knows_the_token_sees_pages() {
    let stand_in = StandIn::start();
    let home = Home::new(&sites(&stand_in));
    let gateway = home.start();
    for path in ["/", "/live", "/live?order=7"] {
        let sent = browse(&gateway, path, "");
        assert_eq!(sent.status, 303, "{path}");
        assert!(sent.headers("location")[0].starts_with("/login?next=%2F"), "{}", sent.head);
    }
    // A program, or the page's own stream, is told plainly.
    let plain = |path: &str, headers: &[(&str, &str)]| {
        Client::new(gateway.private).call("GET", path, headers, b"").unwrap().status
    };
    assert_eq!(plain("/live/stream", &[]), 401);
    for slip in [
        "/live?sight=shop",
        "/live/stream?sight=shop",
        "/live/stream?kind=sale",
        "/live/stream?site=a&site=b",
    ] {
        assert_eq!(plain(slip, &[("Authorization", &format!("Bearer {TOKEN}"))]), 400, "{slip}");
    }
    assert_eq!(plain("/live", &[("Authorization", "Bearer nope")]), 401);
    assert_eq!(plain("/live", &[("Authorization", &format!("Bearer {TOKEN}"))]), 200);
    assert_eq!(plain("/healthz", &[]), 200);
    assert_eq!(plain("/nothing", &[]), 404);

    let wrong = sign_in(&gateway, "wrong");
    assert_eq!(wrong.status, 401);
    assert!(wrong.headers("set-cookie").is_empty() && wrong.text().contains("not the token"));
    let right = sign_in(&gateway, TOKEN);
    assert_eq!((right.status, right.headers("location")[0].as_str()), (303, "/live?site=shop"));
    let set = &right.headers("set-cookie")[0];
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Strict") && !set.contains("Secure"), "{set}");
    assert!(!set.contains(TOKEN));
    let cookie = cookie_of(&right);
    for path in ["/", "/live?site=shop", "/login", "/nothing"] {
        let page = browse(&gateway, path, &cookie);
        assert_eq!(page.status, if path == "/nothing" { 404 } else { 200 }, "{path}");
        let policy = &page.headers("content-security-policy")[0];
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(page.headers("cache-control"), ["no-store"]);
        assert_eq!(page.headers("x-content-type-options"), ["nosniff"]);
        // Such a policy lets nothing inline run, and nothing from elsewhere load.
        let text = page.text();
        assert!(
            !text.contains(" style=") && !text.contains("<style") && !text.contains(" onclick"),
            "{path}"
        );
        assert!(!text.contains("src=\"http") && !text.contains("<script>"), "{path}");
    }
    // By https the cookie goes nowhere else.
    let headers = [("X-Forwarded-Proto", "https"), ("Content-Type", "application/x-www-form-urlencoded")];
    let body = format!("token={TOKEN}");
    let by_https = Client::new(gateway.private).call("POST", "/login", &headers, body.as_bytes()).unwrap();
    assert!(by_https.headers("set-cookie")[0].contains("; Secure"));

    // Another page can neither send the form nor guess what it carries.
    let leave = |body: &str| {
        let headers = [("Cookie", cookie.as_str())];
        Client::new(gateway.private).call("POST", "/logout", &headers, body.as_bytes()).unwrap()
    };
    assert_eq!(leave("").status, 403);
    let home = browse(&gateway, "/", &cookie).text();
    let key = home.split("name=\"form_key\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let left = leave(&format!("form_key={key}"));
    assert!(left.status == 303 && left.headers("set-cookie")[0].contains("Max-Age=0"), "{}", left.head);
    assert_eq!(browse(&gateway, "/", &cookie).status, 303, "the old cookie is worth nothing");

    // Guessing is slow.
    let statuses: Vec<u16> = (0..8).map(|_| sign_in(&gateway, "guess").status).collect();
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
    assert_eq!(sign_in(&gateway, TOKEN).status, 429);
}

#[test]
fn an_order_is_followed_from_the_webhook_to_the_platforms_answer() {
    let stand_in = StandIn::start();
    let home = Home::new(&sites(&stand_in));
    let gateway = home.start_with(&["--now", NOW]);
    let mut stream = Stream::open(gateway.private, "", "");
    let order = delivery("01b-order");
    let hook = || {
        let path = "/webhooks/woocommerce/shop";
        Client::new(gateway.public).call("POST", path, &order.header_refs(), &order.body).unwrap()
    };
    assert_eq!(hook().status, 200);
    // A quick platform answers before the request itself is told of.
    let mut all = [stream.next(), stream.next(), stream.next()];
    all.sort_by_key(|record| {
        ["received", "event", "attempt"].iter().position(|kind| record["kind"] == *kind)
    });
    let [received, event, attempt] = &all;
    let kinds = all.each_ref().map(|record| record["kind"].as_str().unwrap());
    assert_eq!(kinds, ["received", "event", "attempt"], "{all:#?}");
    assert_eq!(received["detail"]["topic"], "order.updated");
    assert_eq!(received["detail"]["body"]["status"], order.json["status"]);
    assert_eq!(received["events"][0]["event_id"], event["events"][0]["event_id"]);
    assert_eq!(event["request"], received["id"]);
    assert_eq!((&event["verdict"], &event["site"]), (&json!("accepted"), &json!("shop")));
    assert_eq!(event["detail"]["event"]["event_name"], "Purchase");
    assert_eq!(event["detail"]["destinations"][0]["destination"], "tiktok");
    assert!(event["detail"]["destinations"][0]["consent"].as_str().unwrap().starts_with("send"));
    assert_eq!((&attempt["verdict"], &attempt["destination"]), (&json!("delivered"), &json!("tiktok")));
    let detail = &attempt["detail"];
    assert_eq!(detail["request"]["headers"]["access-token"], "(secret)");
    let sent = &detail["request"]["body"]["data"][0];
    assert_eq!(sent["event_id"], event["events"][0]["event_id"]);
    assert!(sent["user"]["ip"].as_str().unwrap().ends_with(".0"), "{sent}");
    assert_eq!((&detail["reply"]["status"], &detail["reply"]["body"]["code"]), (&json!(200), &json!(0)));
    assert!(attempt["latency_ms"].is_i64());
    // The same once more, and somebody who has no key.
    assert_eq!(hook().status, 200);
    let again = stream.records(|record| record["kind"] == "event");
    assert!(
        ["duplicate", "ignored"].contains(&again.last().unwrap()["verdict"].as_str().unwrap()),
        "{again:#?}"
    );
    Client::new(gateway.public).call("POST", "/v1/events", &[("Authorization", "Bearer no")], b"{}").unwrap();
    assert_eq!(stream.next()["verdict"], "credentials_wrong");

    // The page shows the same, and what it points to explains it.
    let page = gateway.get("/live?destination=tiktok").text();
    assert!(page.contains("delivered") && !page.contains("credentials"), "{page}");
    let order_id = event["events"][0]["order_id"].as_str().unwrap();
    assert!(gateway.get(&format!("/live?order={order_id}")).text().contains("Event as stored"));
    assert!(gateway.get("/live?order=nobody").text().contains("Nothing that fits"));
    assert!(gateway.get("/").text().contains("tiktok"));
}

#[test]
fn filters_and_resumption() {
    let stand_in = StandIn::start();
    let home = Home::new(&sites(&stand_in));
    let gateway = home.start();
    let send = |id: &str, key: &str, fields: Value| {
        let mut event = json!({"event_name": "Purchase", "event_id": id, "value": 1, "currency": "EUR",
            "consent": {"advertising": "granted"}, "user": {"email": "a@example.com"}});
        event.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let bearer = format!("Bearer {key}");
        let headers = [("Authorization", bearer.as_str())];
        let body = event.to_string();
        let answer =
            Client::new(gateway.public).call("POST", "/v1/events", &headers, body.as_bytes()).unwrap();
        assert!(answer.status == 200 || answer.status == 422, "{}", answer.text());
    };
    let mut all = Stream::open(gateway.private, "", "");
    let mut order = Stream::open(gateway.private, "order=7&kind=event", "");
    let mut denied = Stream::open(gateway.private, "verdict=rejected", "");
    let mut other = Stream::open(gateway.private, "site=other", "");
    let mut named = Stream::open(gateway.private, "event=lead&destination=tiktok", "");
    send("a", KEY, json!({"order_id": "6"}));
    send("b", KEY, json!({"event_name": "Lead"}));
    send("c", "other-write-key", json!({}));
    send("d", KEY, json!({"event_time": "never"}));
    send("e", KEY, json!({"order_id": "7"}));
    assert_eq!(order.next()["events"][0]["event_id"], "e");
    assert_eq!(named.next()["events"][0]["event_id"], "b");
    // First the request that held it.
    assert_eq!(denied.next()["kind"], "received");
    assert_eq!(denied.next()["verdict"], "rejected");
    let of_other = other.records(|r| r["kind"] == "event");
    assert!(of_other.iter().all(|r| r["site"] == "other"), "{of_other:#?}");
    let seen = all.records(is_attempt_of("e"));
    assert!(!seen.is_empty());
    drop(all);
    // Who comes back goes on where it was; what was asked for is made meanwhile.
    let last = seen.last().unwrap()["id"].as_u64().unwrap();
    send("f", KEY, json!({}));
    let mut back = Stream::open(gateway.private, "after=0", &format!("Last-Event-ID: {last}\r\n"));
    let missed = back.records(is_attempt_of("f"));
    assert!(missed.iter().all(|r| r["id"].as_u64().unwrap() > last), "{missed:#?}");
    assert!(missed.iter().all(|r| r["events"][0]["event_id"] == "f"), "{missed:#?}");
    // In the page's form.
    let mut html = Stream::open(gateway.private, &format!("as=html&after={last}&kind=event"), "");
    assert!(html.next()["html"].as_str().unwrap().starts_with("<li class=\"record good\""));
    // Sixteen may watch; who is too many is told so, and there is room again when others leave.
    let status = || {
        let mut tcp = TcpStream::connect(gateway.private).unwrap();
        tcp.set_read_timeout(Some(DEADLINE)).unwrap();
        let head = format!("GET /live/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n");
        tcp.write_all(head.as_bytes()).unwrap();
        let mut line = String::new();
        BufReader::new(tcp).read_line(&mut line).unwrap();
        line
    };
    let others: Vec<_> = (0..10).map(|_| Stream::open(gateway.private, "", "")).collect();
    until("nobody else may watch", || status().contains(" 503 "));
    drop(others);
    until("there is room again", || status().contains(" 200 "));
}

#[test]
fn the_program_ends_while_somebody_watches() {
    let stand_in = StandIn::start();
    let home = Home::new(&sites(&stand_in));
    let gateway = home.start();
    let stream = Stream::open(gateway.private, "", "");
    // One that never reads.
    let mut deaf = TcpStream::connect(gateway.private).unwrap();
    deaf.write_all(
        format!("GET /live/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n").as_bytes(),
    )
    .unwrap();
    let began = Instant::now();
    assert!(gateway.stop().success());
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert!(stream.ends());
    drop(deaf);
}

/// What a page of the shop sends.
fn visit(gateway: &Gateway, visitor: &str, url: &str, event: Value) -> Answer {
    let body = json!({"visitor": visitor, "page": {"url": url}, "consent": {"advertising": "granted"}, "events": [event]});
    let headers = [
        ("Origin", "https://shop.example"),
        ("Content-Type", "application/json"),
        ("User-Agent", "Mozilla/5.0"),
    ];
    Client::new(gateway.public).call("POST", "/x7k2/a", &headers, body.to_string().as_bytes()).unwrap()
}

fn tandem(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_tandem")).args(arguments).output().unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), text)
}

#[test]
fn a_debug_link_marks_ones_own_visits_and_goes_nowhere() {
    let stand_in = StandIn::start();
    let home = Home::new(&sites(&stand_in));
    let gateway = home.start();
    let config = home.config();
    let (made, text) = tandem(&[
        "debug-link",
        "--config",
        config.to_str().unwrap(),
        "--label",
        "ada",
        "--url",
        "https://shop.example/sale?x=1",
    ]);
    assert!(made, "{text}");
    let link = text.lines().next().unwrap();
    assert!(link.starts_with("https://shop.example/sale?x=1&tandem_debug="), "{link}");
    let (made, text) =
        tandem(&["debug-link", "--config", config.to_str().unwrap(), "--url", "https://evil.example/"]);
    assert!(!made && text.contains("none of the site's hosts"), "{text}");

    let mut own = Stream::open(gateway.private, "visitor=ada", "");
    let (me, you) = ("01jd3zv7q8e4m5n6p7r8s9t0va", "01jd3zv7q8e4m5n6p7r8s9t0vb");
    let view =
        |id: &str| json!({"event_name": "ViewContent", "event_id": id, "contents": [{"content_id": "1"}]});
    let first = visit(&gateway, me, link, view("mine-1"));
    assert_eq!(first.status, 200, "{}", first.text());
    let visitor = first.json()["visitor"].as_str().unwrap_or(me).to_owned();
    assert_eq!(visit(&gateway, you, "https://shop.example/", view("yours-1")).status, 200);
    // One that somebody else signed marks nothing.
    let forged = link.replace(".ada.", ".eve.");
    assert_eq!(visit(&gateway, you, &forged, view("yours-2")).status, 200);
    assert_eq!(visit(&gateway, &visitor, "https://shop.example/cart", view("mine-2")).status, 200);
    let seen = own.records(is_attempt_of("mine-2"));
    assert!(seen.iter().all(|r| r["label"] == "ada"), "{seen:#?}");
    let ids: Vec<_> =
        seen.iter().flat_map(|r| r["events"].as_array().unwrap()).map(|e| &e["event_id"]).collect();
    assert!(ids.iter().all(|id| id.as_str().unwrap().starts_with("mine-")), "{ids:?}");
    // The parameter is kept by nobody and sent to nobody.
    assert!(!own.all.contains("tandem_debug"));
    gateway.drain();
    assert!(!Value::from(gateway.records("events")).to_string().contains("tandem_debug"));
    let sent = Client::new(stand_in.address).call("GET", "/sandbox/requests", &[], b"").unwrap().text();
    assert!(sent.contains("/sale?x=1") && !sent.contains("tandem_debug"), "{sent}");
    // The page offers links, too.
    assert!(gateway.get("/live").text().contains("?tandem_debug="));
}

#[test]
fn what_is_seen_can_be_explained_and_tailed() {
    let stand_in = StandIn::start();
    let home = Home::new(&sites(&stand_in));
    let gateway = home.start();
    let event = json!({"event_name": "Purchase", "event_id": "x-1", "order_id": "1", "value": 5, "currency": "EUR",
        "user": {"email": "a@example.com"}, "consent": {"advertising": "granted"}});
    let mut stream = Stream::open(gateway.private, "kind=event", "");
    assert_eq!(gateway.post_events(&event).status, 200);
    let seq = stream.next()["events"][0]["seq"].to_string();
    // The configuration names port 0; the commands need the real one.
    let text = std::fs::read_to_string(home.config()).unwrap();
    let with_port = text.replace("private = \"127.0.0.1:0\"", &format!("private = \"{}\"", gateway.private));
    let path = home.config().with_file_name("with_port.toml");
    std::fs::write(&path, with_port).unwrap();
    let path = path.to_str().unwrap();
    let (done, text) = tandem(&["explain", "--config", path, "--event", &seq]);
    assert!(done, "{text}");
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["events"][0]["event"]["event_id"], "x-1");
    assert_eq!(report["events"][0]["deliveries"][0]["request"]["body"]["data"][0]["event_id"], "x-1");
    assert!(!tandem(&["explain", "--config", path, "--event", "999"]).0);
    assert!(!tandem(&["explain", "--event", &seq]).0);

    let mut tail = Command::new(env!("CARGO_BIN_EXE_tandem"))
        .args(["tail", "--config", path, "--kind", "event"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut out = BufReader::new(tail.stdout.take().unwrap());
    // Until it watches, nothing comes; so events are sent until one does.
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        out.read_line(&mut line).unwrap();
        tell.send(line).unwrap();
    });
    let mut number = 0;
    let line = loop {
        number += 1;
        let mut event = event.clone();
        event["event_id"] = format!("tailed-{number}").into();
        event["order_id"] = format!("9{number}").into();
        assert_eq!(gateway.post_events(&event).status, 200);
        match told.recv_timeout(Duration::from_millis(100)) {
            Ok(line) => break line,
            Err(_) => assert!(number < 500),
        }
    };
    tail.kill().unwrap();
    tail.wait().unwrap();
    assert!(
        line.contains("Purchase tailed-") && line.contains("shop ← events") && line.contains("accepted"),
        "{line}"
    );
}

/// Somebody's things in every place of what a page may send, where they belong and where they do not.
#[test]
fn of_a_page_that_tells_too_much_nobody_is_shown() {
    let stand_in = StandIn::start();
    let home = Home::new(&sites(&stand_in));
    let gateway = home.start();
    let mut stream = Stream::open(gateway.private, "", "");
    let mut html = Stream::open(gateway.private, "as=html", "");
    let (email, phone, name, street) =
        ("Zelda.Quux@example.org", "+1 (202) 555-0143", "Zeldaline", "Marmalade Crescent");
    let told = json!({
        "visitor": email,
        "page": {"url": format!("https://shop.example/thanks?email={email}&key=wc_order_SECRET99"), "referrer": phone, "title": email},
        "cookies": {"_ttp": name, "_fbp": email, "session": "COOKIESECRET"},
        "user": {"email": email, "phone": [phone], "external_id": name, "first_name": name, "address": {"street": street}},
        "locale": email, "consent": {"advertising": "granted", "evidence": name, "marketing": email},
        "note": street, "first_name": name, "billing": {"company": name}, email: 1, phone: {"x": name},
        "events": [
            {"event_name": "ViewContent", "event_id": "v-1", "contents": [{"content_id": phone, "content_name": email}], "customer": name},
            {"event_name": email, "event_id": "v-2", "properties": {"gift_for": name, "to": street}},
            {"event_name": "Purchase", "event_id": phone, "order_id": email, "value": phone},
            {"event_name": "Search", "event_id": "v-3", "search_string": phone, "phone_number": 12_025_550_143_i64},
        ],
    });
    let headers = [
        ("Origin", "https://shop.example"),
        ("User-Agent", email),
        ("Cookie", "tdm=COOKIESECRET; x=Zeldaline"),
    ];
    let send = |body: &str| {
        Client::new(gateway.public).call("POST", "/x7k2/a", &headers, body.as_bytes()).unwrap().status
    };
    assert_eq!(send(&told.to_string()), 200);
    send(&told.to_string()[..300]);
    send(&format!("{email},{phone},{name}"));
    let last = json!({"consent": {"advertising": "granted"}, "events": [{"event_name": "ViewContent", "event_id": "the-last"}]});
    assert_eq!(send(&last.to_string()), 200);
    stream.records(|r| r["kind"] == "event" && r["events"][0]["event_id"] == "the-last");
    html.records(|r| r["html"].as_str().is_some_and(|h| h.contains("the-last") && h.contains("kind event")));
    let pages = [gateway.get("/live").text(), gateway.get("/").text(), stream.all, html.all];
    assert!(
        pages[2].contains("(hidden, ") && pages[2].contains("first_name"),
        "the search has something to look in"
    );
    for (at, page) in pages.iter().enumerate() {
        let (text, digits) = (page.to_lowercase(), page.replace(|c: char| !c.is_ascii_digit(), ""));
        for needle in [
            "zelda",
            "quux",
            "marmalade",
            "secret99",
            "cookiesecret",
            "example.org",
            "example%2eorg",
            "0143\"",
        ] {
            assert!(
                !text.contains(needle),
                "{needle} in {at}: {}",
                text.split(needle)
                    .next()
                    .unwrap()
                    .chars()
                    .rev()
                    .take(300)
                    .collect::<String>()
                    .chars()
                    .rev()
                    .collect::<String>()
            );
        }
        assert!(!digits.contains("2025550143"), "phone in {at}");
        for secret in [TOKEN, KEY, ACCESS_TOKEN] {
            assert!(!page.contains(secret) || at > 1, "{secret} in {at}");
        }
    }
}

/// What a crowd costs: batches go through as fast as without, and nothing of them is lost.
#[test]
fn a_crowd_is_not_slowed_by_who_watches() {
    let stand_in = StandIn::start();
    let home = Home::new(&sites(&stand_in));
    let gateway = home.start();
    let batch = |run: usize, at: usize| {
        let event = |n: usize| json!({"event_name": "ViewContent", "event_id": format!("{run}-{at}-{n}"), "consent": {"advertising": "denied"}});
        Value::from((0..100).map(event).collect::<Vec<_>>())
    };
    let time = |run: usize| {
        let began = Instant::now();
        let mut client = Client::new(gateway.public);
        for at in 0..40 {
            assert_eq!(client.post_events(&batch(run, at)).unwrap().json()["accepted"], 100);
        }
        began.elapsed()
    };
    let alone = time(0);
    let mut crowd = Stream::open(gateway.private, "", "");
    let mut one = Stream::open(gateway.private, "id=1-39-99", "");
    let watched = time(1);
    println!("4,000 events: {alone:?} alone, {watched:?} watched");
    assert_eq!(one.records(|r| r["kind"] == "event").last().unwrap()["events"][0]["event_id"], "1-39-99");
    // Some are shown, the rest are counted.
    let (mut shown, mut missed) = (0, 0);
    while shown < 10 || missed == 0 {
        let told = crowd.next();
        match told["count"].as_u64() {
            Some(count) => missed += count,
            None => shown += 1,
        }
    }
    assert_eq!(gateway.summary()["totals"]["events"], 8_000);
}
