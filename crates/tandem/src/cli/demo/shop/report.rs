//! The shop's server reports its orders: signed webhooks, sent in the background. No buyer ever waits for them.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use serde_json::Value;
use tandem_destinations::HttpReply;
use tandem_gateway::transport::Http;

use super::orders::Order;
use super::woocommerce;
use crate::cli::capture::Capture;
use crate::cli::demo::webhook;

const CREATED: &str =
    include_str!("../../../../demo/01a-order-created-guest-redirect-gateway-order-created-while-pendi.json");
const UPDATED: &str =
    include_str!("../../../../demo/01b-order-updated-same-order-payment-complete-pending-to-processin.json");

/// WooCommerce's topics.
#[derive(Debug, Clone, Copy)]
pub(super) enum Topic {
    /// `order.created`
    Created,
    /// `order.updated`
    Updated,
}

/// Sends webhooks.
#[derive(Clone)]
pub(super) struct Reporter(Arc<Inner>);

struct Inner {
    http: Http,
    gateway: SocketAddr,
    created: Capture,
    updated: Capture,
    body: Value,
}

impl Reporter {
    /// Takes form and headers from captured deliveries.
    ///
    /// # Errors
    /// When one of those cannot be read.
    pub(super) fn new(http: Http, gateway: SocketAddr) -> anyhow::Result<Self> {
        let read = |text| serde_json::from_str::<Capture>(text).context("a shipped capture");
        let (created, updated) = (read(CREATED)?, read(UPDATED)?);
        let body = serde_json::from_slice(&created.bytes()?).context("a captured order")?;
        Ok(Self(Arc::new(Inner { http, gateway, created, updated, body })))
    }

    /// Reports these states of an order, one after the other.
    pub(super) fn tell(&self, states: Vec<(Topic, Order)>) {
        let inner = self.0.clone();
        tokio::spawn(async move {
            for (topic, order) in states {
                inner.send(topic, &order).await;
            }
        });
    }
}

impl Inner {
    /// As WooCommerce: once. What it could not deliver, its next webhook about the order tells.
    async fn send(&self, topic: Topic, order: &Order) {
        let like = match topic {
            Topic::Created => &self.created,
            Topic::Updated => &self.updated,
        };
        let body = woocommerce::body(&self.body, order).to_string().into_bytes();
        match webhook::post(&self.http, self.gateway, like, body).await {
            Ok(HttpReply::Answer { status: 200..300, .. }) => {}
            answer => {
                tracing::warn!(order = order.id, ?answer, "the gateway did not take the demo shop's webhook")
            }
        }
    }
}
