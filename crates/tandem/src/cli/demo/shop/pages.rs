//! Templates, and the fixed files.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior, Value, context};

use super::{Shop, VISITOR_ADDRESS};

const TEMPLATES: &[(&str, &str)] = &[
    ("layout.html", include_str!("pages/layout.html")),
    ("consent.html", include_str!("pages/consent.html")),
    ("parts.html", include_str!("pages/parts.html")),
    ("home.html", include_str!("pages/home.html")),
    ("product.html", include_str!("pages/product.html")),
    ("cart.html", include_str!("pages/cart.html")),
    ("checkout.html", include_str!("pages/checkout.html")),
    ("bank.html", include_str!("pages/bank.html")),
    ("received.html", include_str!("pages/received.html")),
    ("record.html", include_str!("pages/record.html")),
    ("missing.html", include_str!("pages/missing.html")),
];

/// Whether caches may keep a page. What they may keep says nothing about anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    Public,
    Private,
}

/// Renders pages.
pub(super) struct Pages {
    templates: Environment<'static>,
}

impl Pages {
    /// `tag` is the line for every page's head, `path` where it leads.
    ///
    /// # Errors
    /// When a template cannot be read.
    pub(super) fn new(tag: &str, path: &str, sandbox: SocketAddr) -> Result<Self, minijinja::Error> {
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        templates.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
        for (name, text) in TEMPLATES {
            templates.add_template(name, text)?;
        }
        templates.add_global("tag", Value::from_safe_string(tag.to_owned()));
        templates.add_global("tag_path", path);
        templates.add_global("stand_in", format!("http://{sandbox}/"));
        templates.add_global("visitor_address", VISITOR_ADDRESS);
        Ok(Self { templates })
    }

    pub(super) fn answer(&self, name: &str, keep: Keep, page: Value) -> Response {
        self.answer_with(StatusCode::OK, name, keep, page)
    }

    pub(super) fn answer_with(&self, status: StatusCode, name: &str, keep: Keep, page: Value) -> Response {
        match self.templates.get_template(name).and_then(|template| template.render(page)) {
            Ok(text) => {
                let keep = if keep == Keep::Public { "public, max-age=60" } else { "private, no-store" };
                (status, [(header::CACHE_CONTROL, keep)], Html(text)).into_response()
            }
            Err(error) => {
                tracing::error!(%error, page = name, "a page of the demo shop");
                (StatusCode::INTERNAL_SERVER_ERROR, "this page cannot be made").into_response()
            }
        }
    }
}

pub(super) async fn missing(State(shop): State<Arc<Shop>>) -> Response {
    shop.pages.answer_with(StatusCode::NOT_FOUND, "missing.html", Keep::Private, context! {})
}

/// Asked for anew each time: another version of the demo may run on the same port.
fn file(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], text).into_response()
}

pub(super) async fn style() -> Response {
    file("text/css; charset=utf-8", include_str!("pages/style.css"))
}

pub(super) async fn script() -> Response {
    file("text/javascript; charset=utf-8", include_str!("pages/shop.js"))
}

pub(super) async fn consent_script() -> Response {
    file("text/javascript; charset=utf-8", include_str!("pages/consent.js"))
}

pub(super) async fn icon() -> Response {
    file("image/svg+xml", include_str!("art/icon.svg"))
}
