//! The inspector's pages in Chromium: readable by everybody (axe), on a phone too, without errors, and without script.
//!
//! Which pages there are, the pages say: those of the navigation, and one of each kind that they link to. So a new page is
//! checked as soon as it is linked.

mod shop;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use crate::browser::Browser;
use crate::driver::Kind;
use crate::harness::{Client, Gateway, Home, TOKEN};

/// What axe is to look for: the rules of WCAG 2.1, A and AA, and good practice beyond.
const RULES: &[&str] = &["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"];

/// Widths of a desk and of a phone, in CSS pixels.
const DESK: u32 = 1_280;
const PHONE: u32 = 390;

/// Beside what is linked: a page that is not there, a search without a result, and the answers to a question.
const MORE: &[&str] =
    &["/nowhere", "/login", "/events?q=nothing", "/why?q=nothing", "/why?q=2001", "/why?q=wc_order_2002"];

/// Neither pages nor to be opened by a look around.
const NO_PAGES: &[&str] = &["/assets/", "/api/", "/logout", "/metrics"];

/// Reads the pages of one gateway, signed in.
struct Reader {
    browser: Browser,
    private: SocketAddr,
}

impl Reader {
    fn sign_in(gateway: &Gateway) -> Self {
        let reader = Self { browser: Browser::start(Kind::Chromium), private: gateway.private };
        reader.open("/login");
        reader.browser.fill("#token", TOKEN);
        reader.browser.click("main button");
        reader.browser.wait_until("location.pathname === '/' && document.readyState === 'complete'");
        reader
    }

    fn open(&self, path: &str) {
        self.browser.goto(&format!("http://{}{path}", self.private));
    }

    fn look(&self, theme: &str, width: u32) {
        let scheme = json!({"features": [{"name": "prefers-color-scheme", "value": theme}]});
        self.browser.devtools("Emulation.setEmulatedMedia", &scheme);
        let size = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        self.browser.devtools("Emulation.setDeviceMetricsOverride", &size);
    }

    fn run_script(&self, on: bool) {
        self.browser.devtools("Emulation.setScriptExecutionDisabled", &json!({"value": !on}));
    }

    /// The text of the only `h1`, asked of the document and not of a script in it.
    fn heading(&self) -> Result<String, String> {
        let document = self.browser.devtools("DOM.getDocument", &json!({}));
        let all = json!({"nodeId": document["root"]["nodeId"], "selector": "h1"});
        let found = self.browser.devtools("DOM.querySelectorAll", &all);
        let [heading] = found["nodeIds"].as_array().map(Vec::as_slice).unwrap_or_default() else {
            return Err(format!("it has not one h1: {found}"));
        };
        let html = self.browser.devtools("DOM.getOuterHTML", &json!({"nodeId": heading}));
        Ok(html["outerHTML"].as_str().unwrap_or_default().to_owned())
    }

    /// Paths of the navigation, and one path of each kind that its pages link to.
    fn pages(&self) -> Vec<String> {
        let mut pages: BTreeMap<String, String> = BTreeMap::new();
        let links = |css: &str| -> Vec<String> {
            let all = self.browser.run(&format!(
                "return [...document.querySelectorAll('{css}')].filter(a => a.origin === location.origin)\
                 .map(a => a.pathname + a.search)"
            ));
            all.as_array().unwrap().iter().map(|path| path.as_str().unwrap().to_owned()).collect()
        };
        self.open("/");
        let mut to_read = links("nav a");
        assert!(!to_read.is_empty(), "there is no navigation");
        pages.extend(to_read.iter().map(|path| (shape(path), path.clone())));
        while let Some(path) = to_read.pop() {
            self.open(&path);
            for path in links("main a") {
                // A name with a dot is a file to keep: `/events.csv`.
                let is_file = path.split('?').next().is_some_and(|path| path.contains('.'));
                if !is_file
                    && NO_PAGES.iter().all(|no| !path.starts_with(no))
                    && !pages.contains_key(&shape(&path))
                    && self.is_page(&path)
                {
                    pages.insert(shape(&path), path.clone());
                    to_read.push(path);
                }
            }
        }
        pages.into_values().collect()
    }

    /// Whether it is there and meant for people.
    fn is_page(&self, path: &str) -> bool {
        let answer = get(self.private, path);
        answer.0 == 200 && answer.1.contains("text/html")
    }
}

/// Status and kind of an answer to a program, as which a page is not asked to sign in.
fn get(private: SocketAddr, path: &str) -> (u16, String) {
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("Authorization", bearer.as_str()), ("Accept", "text/html")];
    let answer = Client::new(private).call("GET", path, &headers, b"").unwrap();
    (answer.status, answer.headers("content-type").join(" "))
}

/// What a path has in common with others of its kind: `/events/17` and `/events/18`, `/events?q=1` and `/events?site=shop`.
fn shape(path: &str) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let mut parts = path.split('/').skip(1);
    let first = parts.next().unwrap_or_default();
    format!("/{first}{}{}", "/*".repeat(parts.count()), if query.is_empty() { "" } else { "?" })
}

fn axe() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../browser/node_modules/axe-core/axe.min.js");
    std::fs::read_to_string(&path)
        .unwrap_or_else(|e| panic!("{}: {e}; `npm ci` in browser/ brings it", path.display()))
}

/// Everything that is wrong with the page that is open.
fn faults(reader: &Reader, axe: &str, width: u32) -> Vec<String> {
    let browser = &reader.browser;
    browser.run(axe);
    let report = browser.run_async(&format!(
        "const report = await axe.run(document, {{runOnly: {{type: 'tag', values: {}}}, resultTypes: ['violations']}}); \
         return report.violations.map(v => v.id + ' (' + v.help + '): ' + \
           v.nodes.slice(0, 3).map(n => n.target.join(' ') + ' ' + n.failureSummary.replace(/\\s+/g, ' ')).join('; '))",
        json!(RULES)
    ));
    let mut faults: Vec<String> =
        report.as_array().unwrap().iter().map(|fault| fault.as_str().unwrap().to_owned()).collect();
    if width == PHONE {
        let wide = browser
            .run("return document.scrollingElement.scrollWidth - document.documentElement.clientWidth");
        if wide.as_i64() > Some(0) {
            let which = browser.run(
                "return [...document.querySelectorAll('body *')].filter(e => !e.closest('.scroll') && \
                 e.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5).slice(0, 5) \
                 .map(e => e.tagName + ' ' + e.textContent.trim().slice(0, 40))",
            );
            faults.push(format!("the page is {wide} pixels too wide: {which}"));
        }
    }
    faults
}

/// The pages there are, and those of [`MORE`]; each must answer.
fn paths(reader: &Reader, wrong: &mut BTreeSet<String>) -> Vec<String> {
    let mut paths = reader.pages();
    paths.extend(MORE.iter().map(|path| (*path).to_owned()));
    println!("{paths:?}");
    paths.retain(|path| {
        let (status, kind) = get(reader.private, path);
        // What is not linked need not be there; then it is the page that says so.
        let fits = (status == 200 || is_missing(reader, path)) && kind.contains("text/html");
        if !fits {
            wrong.insert(format!("{path}: HTTP {status}, {kind}"));
        }
        fits
    });
    paths
}

/// Whether it is one of [`MORE`] that is not there.
fn is_missing(reader: &Reader, path: &str) -> bool {
    MORE.contains(&path) && get(reader.private, path).0 == 404
}

/// Errors in the console since it was last asked. Chromium calls a page that is not there an error; here it is asked for.
fn errors<'a>(reader: &Reader, path: &'a str) -> impl Iterator<Item = String> + use<'a> {
    let is_missing = is_missing(reader, path);
    let told = reader.browser.console().into_iter();
    let counts =
        move |(level, text): &(String, String)| level == "SEVERE" && !(is_missing && text.contains("404"));
    told.filter(counts).map(move |(_, text)| format!("{path}: in the console: {text}"))
}

fn none(wrong: BTreeSet<String>) {
    assert!(
        wrong.is_empty(),
        "{} faults:\n{}",
        wrong.len(),
        wrong.into_iter().collect::<Vec<_>>().join("\n")
    );
}

/// Opens all pages as they look in one theme at one width.
fn check_looks(gateway: &Gateway, theme: &str, width: u32) {
    let (reader, axe) = (Reader::sign_in(gateway), axe());
    let mut wrong = BTreeSet::new();
    reader.look(theme, width);
    for path in paths(&reader, &mut wrong) {
        reader.open(&path);
        wrong.extend(faults(&reader, &axe, width).into_iter().map(|fault| format!("{path}: {fault}")));
        wrong.extend(errors(&reader, &path));
    }
    none(wrong);
}

/// Opens all pages with script and without: each has one heading, and the same.
fn check_without_script(gateway: &Gateway) {
    let reader = Reader::sign_in(gateway);
    let mut wrong = BTreeSet::new();
    for path in paths(&reader, &mut wrong) {
        reader.open(&path);
        let with = reader.heading();
        reader.run_script(false);
        reader.open(&path);
        let without = reader.heading();
        reader.run_script(true);
        if with.is_err() || with != without {
            wrong.insert(format!("{path}: {with:?}, and without script {without:?}"));
        }
        wrong.extend(errors(&reader, &path));
    }
    none(wrong);
}

/// A gateway in which nothing has happened yet.
fn empty() -> (Home, Gateway) {
    let home = Home::new("[[site]]\nid = \"shop\"\n[site.sources.events]\nwrite_keys = [\"key\"]\n");
    let gateway = home.start();
    (home, gateway)
}

/// Under this name all tests in Chromium are found.
mod chromium {
    use super::*;

    #[test]
    fn pages_at_a_desk() {
        check_looks(&shop::with_traffic().gateway, "light", DESK);
    }

    #[test]
    fn pages_at_a_desk_in_the_dark() {
        check_looks(&shop::with_traffic().gateway, "dark", DESK);
    }

    #[test]
    fn pages_on_a_phone() {
        check_looks(&shop::with_traffic().gateway, "light", PHONE);
    }

    #[test]
    fn pages_on_a_phone_in_the_dark() {
        check_looks(&shop::with_traffic().gateway, "dark", PHONE);
    }

    #[test]
    fn pages_of_an_empty_shop() {
        let (_home, gateway) = empty();
        check_looks(&gateway, "light", DESK);
        check_looks(&gateway, "dark", PHONE);
    }

    #[test]
    fn pages_without_script() {
        check_without_script(&shop::with_traffic().gateway);
    }

    #[test]
    fn pages_of_an_empty_shop_without_script() {
        let (_home, gateway) = empty();
        check_without_script(&gateway);
    }

    #[test]
    fn the_checks_see_faults() {
        let (_home, gateway) = empty();
        proof(&gateway);
    }

    /// Not a test: writes the pictures of docs/screenshots into the folder that `TANDEM_SCREENSHOTS` names.
    #[test]
    #[ignore = "writes pictures: docs/screenshots/make"]
    fn pictures() {
        let folder = std::env::var_os("TANDEM_SCREENSHOTS").expect("TANDEM_SCREENSHOTS names a folder");
        pictures_into(&PathBuf::from(folder));
    }
}

fn pictures_into(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    let played = shop::with_traffic();
    let reader = Reader::sign_in(&played.gateway);
    reader.browser.devtools("Emulation.setScrollbarsHidden", &json!({"hidden": true}));
    let mut paths = reader.pages();
    // Without a question that page is empty.
    let asked = paths.iter().find(|path| path.starts_with("/why?q=")).cloned();
    paths.retain(|path| !path.contains('?') && path != "/why");
    paths.extend(asked);
    paths.push("/login".to_owned());
    for path in paths {
        // `/events/17` is another number every time.
        let name = path.split_once('?').map_or(path.as_str(), |(path, _)| path);
        let name = shape(name).trim_matches('/').replace('/', "-").replace('*', "one");
        let name = if name.is_empty() { "overview".to_owned() } else { name };
        for (theme, width) in [("light", DESK), ("dark", DESK), ("light", PHONE)] {
            reader.look(theme, width);
            reader.open(&path);
            let shot = reader.browser.devtools("Page.captureScreenshot", &json!({"format": "png"}));
            let bytes = BASE64_STANDARD.decode(shot["data"].as_str().unwrap()).unwrap();
            let file = folder.join(format!("{name}-{width}-{theme}.png"));
            std::fs::write(&file, bytes).unwrap();
            println!("{}", file.display());
        }
    }
}

/// What the checks are made of does see faults.
fn proof(gateway: &Gateway) {
    let reader = Reader::sign_in(gateway);
    reader.look("dark", PHONE);
    reader.open("/live");
    assert_eq!(reader.browser.run("return matchMedia('(prefers-color-scheme: dark)').matches"), true);
    assert_eq!(reader.browser.run("return document.querySelector('#tools').hidden"), false);
    reader.browser.run("document.querySelector('main').append(new Image(2000, 20)); console.error('seen')");
    let found = faults(&reader, &axe(), PHONE).join("\n");
    assert!(found.contains("image-alt") && found.contains("too wide"), "{found}");
    assert!(reader.browser.console().iter().any(|(level, text)| level == "SEVERE" && text.contains("seen")));
    reader.run_script(false);
    reader.open("/live");
    let document = reader.browser.devtools("DOM.getDocument", &json!({"depth": -1})).to_string();
    assert!(document.contains("Without script this is how it stood"), "the script still runs");
}

#[test]
fn kinds_of_pages() {
    assert_eq!(
        ["/", "/events", "/events/17", "/events?q=1"].map(shape),
        ["/", "/events", "/events/*", "/events?"]
    );
}
