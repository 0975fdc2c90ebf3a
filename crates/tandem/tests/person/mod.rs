//! Somebody in front of the pages of the private port.
#![allow(dead_code, reason = "each test binary uses a part")]

use crate::harness::{Answer, Client, Gateway, TOKEN};

/// Somebody who is signed in.
pub(crate) struct Person<'a> {
    pub(crate) gateway: &'a Gateway,
    pub(crate) cookie: String,
}

impl<'a> Person<'a> {
    pub(crate) fn sign_in(gateway: &'a Gateway) -> Self {
        let headers = [("Content-Type", "application/x-www-form-urlencoded")];
        let body = format!("token={TOKEN}");
        let answer = Client::new(gateway.private).call("POST", "/login", &headers, body.as_bytes()).unwrap();
        let cookie = answer.headers("set-cookie")[0].split(';').next().unwrap().to_owned();
        Self { gateway, cookie }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        let headers = [("Accept", "text/html"), ("Cookie", self.cookie.as_str())];
        Client::new(self.gateway.private).call("GET", path, &headers, b"").unwrap()
    }

    pub(crate) fn page(&self, path: &str) -> String {
        let answer = self.get(path);
        // Written so where it stands for itself: a slash is no sign of markup.
        let text = answer.text().replace("&#x2f;", "/");
        assert_eq!(answer.status, 200, "{path}: {text}");
        assert!(answer.head.contains("frame-ancestors 'none'"));
        assert!(!text.contains("style=") && !text.contains("<script>"), "{path}: {text}");
        assert_eq!(text.matches("<h1").count(), 1, "{path}");
        text
    }

    /// What forms of the session's pages carry.
    pub(crate) fn form_key(&self) -> String {
        let text = self.page("/");
        text.split("name=\"form_key\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
    }

    /// What a form of the page would send: with the key it carries.
    pub(crate) fn press(&self, page: &str, path: &str, fields: &str) -> Answer {
        let text = self.page(page);
        let key = text.split("name=\"form_key\" value=\"").nth(1).unwrap().split('"').next().unwrap();
        self.post(path, &format!("form_key={key}&{fields}"))
    }

    /// What a form with a file sends.
    pub(crate) fn upload(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut body = String::new();
        for (name, value) in fields {
            body.push_str(&format!(
                "--edge\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            ));
        }
        body.push_str("--edge--\r\n");
        let headers = [
            ("Accept", "text/html"),
            ("Cookie", self.cookie.as_str()),
            ("Content-Type", "multipart/form-data; boundary=edge"),
        ];
        Client::new(self.gateway.private).call("POST", path, &headers, body.as_bytes()).unwrap()
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> Answer {
        let headers = [
            ("Accept", "text/html"),
            ("Cookie", self.cookie.as_str()),
            ("Content-Type", "application/x-www-form-urlencoded"),
        ];
        Client::new(self.gateway.private).call("POST", path, &headers, body.as_bytes()).unwrap()
    }
}
