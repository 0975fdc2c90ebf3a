//! A gateway with its stand-in, and the doctor run on it.

use std::net::SocketAddr;
use std::process::ExitStatus;

use tandem_sandbox::Options;

use crate::harness::{Gateway, Home, KEY, StandIn, TOKEN};
use crate::program;

/// The usual form of a pixel's id.
pub(crate) const PIXEL_ID: &str = "C4TESTPIXEL000000001";

/// Nobody may write to it.
pub(crate) const FOREIGN_PIXEL: &str = "C4FOREIGNPIXEL000002";

/// The usual tag.
pub(crate) const TAG: &str = "<script async src=\"/x7k2/s.js\"></script>";

/// A page as it should be.
pub(crate) const PAGE: &str = "<!doctype html><html><head><script async src=\"/x7k2/s.js\"></script></head><body>the shop</body></html>";

/// A running gateway.
pub(crate) struct Bed {
    pub(crate) gateway: Gateway,
    pub(crate) stand_in: StandIn,
    patient: Patient,
}

/// What the doctor is given: the gateway's configuration, with the ports that it got.
pub(crate) struct Patient {
    home: Home,
    config: String,
}

/// What the doctor said, in one line each.
pub(crate) struct Told {
    pub(crate) code: i32,
    pub(crate) all: String,
}

impl Bed {
    pub(crate) fn new() -> Self {
        Self::with("", "access")
    }

    /// With more lines in `[server]`, and the token of this name.
    pub(crate) fn with(server: &str, token: &str) -> Self {
        let stand_in = StandIn::with(Options {
            rate_per_s: None,
            revoked_tokens: vec!["revoked".to_owned()],
            foreign_pixels: vec![FOREIGN_PIXEL.to_owned()],
            ..Options::default()
        });
        let token = if token.is_empty() { "access" } else { token };
        let home = Home::new(&sites(&stand_in.base_url(), token));
        let folder = home.config().parent().unwrap().to_owned();
        for (name, text) in [
            ("access-token", "access"),
            ("revoked-token", "revoked"),
            ("private-token", TOKEN),
            ("key", KEY),
            ("plugin-secret", "secret-of-the-plugin"),
        ] {
            std::fs::write(folder.join(name), text).unwrap();
        }
        let text = std::fs::read_to_string(home.config()).unwrap();
        let text = text.replace(&format!("\"{TOKEN}\""), "\"file:private-token\"");
        let text = text.replacen("[store]", &format!("{server}\n[store]"), 1);
        std::fs::write(home.config(), &text).unwrap();
        let gateway = home.start();
        let public = format!("public = \"{}\"", gateway.public);
        let private = format!("private = \"{}\"", gateway.private);
        let config =
            text.replace("public = \"127.0.0.1:0\"", &public).replace("private = \"127.0.0.1:0\"", &private);
        Self { gateway, stand_in, patient: Patient { home, config } }
    }

    /// The gateway's own file.
    pub(crate) fn config(&self) -> String {
        self.patient.home.config().display().to_string()
    }

    /// On the shop at this address.
    pub(crate) fn doctor(&self, shop: SocketAddr, arguments: &[&str]) -> Told {
        self.doctor_at(&format!("http://{shop}"), arguments)
    }

    pub(crate) fn doctor_at(&self, url: &str, arguments: &[&str]) -> Told {
        self.doctor_with(str::to_owned, &[&["--url", url], arguments].concat())
    }

    /// With a configuration that differs from the running one.
    pub(crate) fn doctor_with(&self, change: impl Fn(&str) -> String, arguments: &[&str]) -> Told {
        self.patient.run(change, arguments)
    }

    /// The gateway ends; its configuration stays.
    pub(crate) fn stopped(self) -> (Patient, ExitStatus) {
        (self.patient, self.gateway.stop())
    }
}

impl Patient {
    pub(crate) fn run(&self, change: impl Fn(&str) -> String, arguments: &[&str]) -> Told {
        let path = self.home.config().with_file_name("doctor.toml");
        std::fs::write(&path, change(&self.config)).unwrap();
        let config = path.display().to_string();
        let told = program::run(&[&["doctor", "--config", &config], arguments].concat(), &[], b"");
        let all = format!("{} {}", told.stdout, told.stderr);
        Told { code: told.code, all: all.split_whitespace().collect::<Vec<_>>().join(" ") }
    }
}

impl Told {
    pub(crate) fn finds(&self, text: &str) {
        assert!(self.all.contains(text), "{text:?} is not in: {}", self.all);
    }

    pub(crate) fn fails(&self, text: &str) {
        self.finds(&format!("✗ fail {text}"));
        assert_eq!(self.code, 1, "{}", self.all);
    }

    pub(crate) fn warns(&self, text: &str) {
        self.finds(&format!("! look {text}"));
    }
}

fn sites(base_url: &str, token: &str) -> String {
    format!(
        r#"
        [[site]]
        id = "shop"
        country = "DE"
        consent.on_unknown = "grant"
        [site.sources.browser]
        hosts = ["127.0.0.1"]
        path = "/x7k2"
        cookie = "tdv"
        forms = false
        [site.sources.woocommerce]
        secrets = ["file:key"]
        plugin_secrets = ["file:plugin-secret"]
        [site.sources.events]
        write_keys = ["file:key"]
        [site.destinations.tiktok]
        pixel_id = "{PIXEL_ID}"
        access_token = "file:{token}-token"
        base_url = "{base_url}"
        "#
    )
}
