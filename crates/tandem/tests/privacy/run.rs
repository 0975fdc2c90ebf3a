//! A gateway that takes all of it, and everything it leaves behind.

use tandem_sandbox::Options;

use crate::harness::{ACCESS_TOKEN, Client, Gateway, Home, KEY, PIXEL, StandIn, TOKEN};
use crate::places::{Place, files, received, rows, shown};
use crate::shop::{Delivery, NOW, deliveries, secrets_toml};

/// Reads the live view's stream to its end.
fn watch(address: std::net::SocketAddr, query: &str) -> std::thread::JoinHandle<Vec<u8>> {
    use std::io::{Read, Write};
    let mut tcp = std::net::TcpStream::connect(address).unwrap();
    let request =
        format!("GET /live/stream?{query} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n");
    tcp.write_all(request.as_bytes()).unwrap();
    let mut all = vec![0; 4_096];
    // From the first words on it is watched.
    let read = tcp.read(&mut all).unwrap();
    all.truncate(read);
    std::thread::spawn(move || {
        tcp.read_to_end(&mut all).unwrap();
        all
    })
}

pub(crate) struct Run {
    /// What the live view tells meanwhile.
    live: Vec<std::thread::JoinHandle<Vec<u8>>>,
    pub(crate) stand_in: StandIn,
    home: Home,
    pub(crate) gateway: Gateway,
    /// Everything the senders were told.
    answers: Vec<u8>,
}

impl Run {
    pub(crate) fn start(log_format: &str) -> Self {
        Self::start_with(log_format, "")
    }

    /// With more settings behind those of the site.
    pub(crate) fn start_with(log_format: &str, more: &str) -> Self {
        let options =
            Options { rate_per_s: None, log_requests: 10_000, log_body_limit: 1 << 24, ..Options::default() };
        let stand_in = StandIn::with(options);
        let home = Home::new(&format!(
            r#"
            [log]
            level = "trace"
            format = "{log_format}"
            [[site]]
            id = "shop"
            consent.on_unknown = "grant"
            [site.sources.woocommerce]
            secrets = {}
            [site.sources.events]
            write_keys = ["{KEY}"]
            [site.destinations.tiktok]
            pixel_id = "{PIXEL}"
            access_token = "{ACCESS_TOKEN}"
            base_url = "{}"
            {more}
            "#,
            secrets_toml(&deliveries()),
            stand_in.base_url()
        ));
        let gateway = home.start_with(&["--now", NOW]);
        let live = ["", "as=html", "kind=received"].map(|query| watch(gateway.private, query)).into();
        Self { live, stand_in, home, gateway, answers: Vec::new() }
    }

    pub(crate) fn hook(&mut self, delivery: &Delivery) -> u16 {
        let path = "/webhooks/woocommerce/shop";
        let answer = Client::new(self.gateway.public)
            .call("POST", path, &delivery.header_refs(), &delivery.body)
            .unwrap();
        self.answers.extend_from_slice(&answer.body);
        answer.status
    }

    pub(crate) fn api(&mut self, body: &str, key: &str) -> u16 {
        let bearer = format!("Bearer {key}");
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        let answer =
            Client::new(self.gateway.public).call("POST", "/v1/events", &headers, body.as_bytes()).unwrap();
        self.answers.extend_from_slice(&answer.body);
        answer.status
    }

    /// Everything left behind, first of the running process, then of the one that ended.
    pub(crate) fn places(self) -> Vec<Place> {
        let Self { live, stand_in, home, gateway, answers } = self;
        gateway.drain();
        let mut places = vec![Place::new("answers to senders", &answers, "wc_order_25")];
        places.extend(shown(&gateway));
        places.extend(received(&stand_in));
        let running = files(home.store(), "while it runs");
        assert!(running.len() >= 2, "there is a write-ahead log to look into");
        assert!(
            running.iter().any(|p| p.text.contains("wc_order_25")),
            "the files are readable text in parts"
        );
        places.extend(running);
        let log = {
            let before = gateway.log();
            assert!(gateway.stop().success());
            before
        };
        for stream in live {
            places.push(Place::new("live stream", &stream.join().unwrap(), "wc_order_25"));
        }
        places.push(Place::new("log", log.as_bytes(), "ready"));
        places.push(Place::new("rows", &rows(home.store()), "wc_order_25"));
        let after = files(home.store(), "after the end");
        assert!(after[0].text.contains("wc_order_25"));
        places.extend(after);
        places
    }
}
