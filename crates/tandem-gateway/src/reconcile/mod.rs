//! Reconciliation at run time: lists that people hand in, questions to platforms, and the comparison itself.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tandem_core::reconcile::import::{
    self, DateForm, Decimals, Import, ImportError, OrderOptions, PlatformOptions, RowProblem,
};
pub use tandem_core::reconcile::{At, DEFAULT_DAYS as DAYS, Day, Report, THRESHOLD as LIMIT, Totals};
use tandem_core::reconcile::{DEFAULT_DAYS, MAX_DAYS};
use tandem_store::insight::Look;
use tandem_store::{Keep, PlatformCount, ShopOrder, StoreError};

use crate::{Gateway, SiteRuntime};

pub mod ahead;
pub mod api;
pub mod fetch;
pub(crate) mod memo;

pub use ahead::Compared;
pub use memo::Comparison;

/// Rows that are written at once, so that events never wait behind a long list.
const CHUNK: usize = 500;

/// Bytes of a list.
pub const MAX_LIST: usize = 64 << 20;

/// Why it cannot be done.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// Nothing of the list can be used.
    #[error("{0}")]
    Import(#[from] ImportError),
    /// An option has a word that is none of its own.
    #[error("{0}")]
    Option(&'static str),
    /// No such site.
    #[error("no site has this short name")]
    NoSite,
    /// The site has no such destination.
    #[error("the site has no such destination")]
    NoDestination,
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The work was cut off.
    #[error("the work was cut off")]
    Cut,
}

/// How a list is to be read; all of it may be left out.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Reading {
    /// `dmy` or `mdy`, where dates can be read both ways.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date_format: Option<String>,
    /// `point` or `comma`, where amounts can be read both ways.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimal: Option<String>,
    /// Of a platform's report: `events=Total,date=Day`, our names of columns and the file's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub columns: Option<String>,
    /// Of a platform's report: the event of rows that name none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
}

/// What became of a list.
#[derive(Debug, Clone, Serialize)]
pub struct Imported {
    /// Rows that are kept.
    pub rows: usize,
    /// Rows that are not.
    pub bad: usize,
    /// Why; the first hundred.
    pub problems: Vec<RowProblem>,
    /// Our word for a column, and the file's.
    pub columns: Vec<(String, String)>,
}

impl Reading {
    fn dates(&self) -> Result<Option<DateForm>, Error> {
        let word =
            |text: &String| DateForm::parse(text).ok_or(Error::Option("the date format is dmy or mdy"));
        self.date_format.as_ref().filter(|text| !text.is_empty()).map(word).transpose()
    }

    fn decimals(&self) -> Result<Option<Decimals>, Error> {
        let word =
            |text: &String| Decimals::parse(text).ok_or(Error::Option("the decimal sign is point or comma"));
        self.decimal.as_ref().filter(|text| !text.is_empty()).map(word).transpose()
    }

    fn named(&self) -> Result<Vec<(String, String)>, Error> {
        let pairs =
            self.columns.iter().flat_map(|text| text.split(',')).filter(|pair| !pair.trim().is_empty());
        let split = |pair: &str| {
            let (ours, theirs) = pair.split_once('=')?;
            Some((ours.trim().to_owned(), theirs.trim().to_owned()))
        };
        let wrong = || Error::Option("columns are named as ours=theirs, with commas between");
        pairs.map(|pair| split(pair).ok_or_else(wrong)).collect()
    }
}

impl Gateway {
    fn known_site(&self, site: &str) -> Result<Arc<SiteRuntime>, Error> {
        self.site(site).ok_or(Error::NoSite)
    }

    /// Keeps the shop's own list of orders; rows that are there already are replaced.
    ///
    /// # Errors
    /// [`Error`]; of a store's error, what was written before it stays.
    pub async fn import_orders(
        &self,
        site: &str,
        list: Vec<u8>,
        reading: &Reading,
    ) -> Result<Imported, Error> {
        let runtime = self.known_site(site)?;
        let options = OrderOptions {
            zone: runtime.site.reconcile.zone.clone(),
            currency: runtime.site.currency,
            dates: reading.dates()?,
            decimals: reading.decimals()?,
        };
        let read = tokio::task::spawn_blocking(move || import::orders(&list, &options)).await;
        let import = read.map_err(|_| Error::Cut)??;
        let (told, rows) = told(import);
        let _forgotten = self.comparisons.forget_after(site);
        for chunk in rows.chunks(CHUNK) {
            let orders = chunk.iter().map(|row| ShopOrder {
                site: site.to_owned(),
                order_id: row.order_id.clone(),
                by_number: row.by_number,
                at_ms: row.at_ms,
                total: row.total,
                currency: row.currency,
                status: row.status.clone(),
            });
            self.store.keep(Keep::ShopOrders(orders.collect()), self.clock.now_ms()).await?;
        }
        Ok(told)
    }

    /// Keeps a platform's own report; days that are there already are replaced.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn import_platform(
        &self,
        site: &str,
        destination: &str,
        report: Vec<u8>,
        reading: &Reading,
    ) -> Result<Imported, Error> {
        let runtime = self.known_site(site)?;
        if !runtime.lanes.iter().any(|lane| lane.destination.definition().name == destination) {
            return Err(Error::NoDestination);
        }
        let options = PlatformOptions {
            columns: reading.named()?,
            event: reading.event.clone().filter(|event| !event.is_empty()),
            dates: reading.dates()?,
            decimals: reading.decimals()?,
        };
        let read = tokio::task::spawn_blocking(move || import::platform(&report, &options)).await;
        let (told, rows) = told(read.map_err(|_| Error::Cut)??);
        let _forgotten = self.comparisons.forget_after(site);
        for chunk in rows.chunks(CHUNK) {
            let counts = chunk.iter().map(|row| PlatformCount {
                site: site.to_owned(),
                destination: destination.to_owned(),
                day: row.day,
                event_name: row.event_name.clone(),
                events: row.events,
                browser: row.browser,
                server: row.server,
                attributed: row.attributed,
                attributed_only: row.attributed_only,
                value: row.value,
                currency: row.currency,
                origin: "csv",
            });
            self.store.keep(Keep::PlatformCounts(counts.collect()), self.clock.now_ms()).await?;
        }
        Ok(told)
    }

    /// Compares a site's orders, deliveries and what platforms told; of one destination, or of all. Always anew:
    /// [`Gateway::compared`] has what is kept.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn reconcile(
        &self,
        site: &str,
        days: Option<u32>,
        destination: Option<&str>,
    ) -> Result<Report, Error> {
        let look = self.question(site, days, destination)?;
        let store = self.store.clone();
        let read = tokio::task::spawn_blocking(move || store.reconcile(&look)).await;
        Ok(read.map_err(|_| Error::Cut)??)
    }

    /// What is to be compared, as the site is set up now.
    fn question(&self, site: &str, days: Option<u32>, destination: Option<&str>) -> Result<Look, Error> {
        let runtime = self.known_site(site)?;
        let names = runtime.lanes.iter().map(|lane| lane.destination.definition().name);
        let wanted: Vec<Arc<str>> =
            names.filter(|name| destination.is_none_or(|wanted| wanted == *name)).map(Arc::from).collect();
        if destination.is_some() && wanted.is_empty() {
            return Err(Error::NoDestination);
        }
        Ok(Look {
            site: site.to_owned(),
            settings: runtime.site.reconcile.clone(),
            destinations: wanted,
            now_ms: self.clock.now_ms(),
            days: days.unwrap_or(DEFAULT_DAYS).clamp(1, MAX_DAYS),
        })
    }
}

fn told<T>(import: Import<T>) -> (Imported, Vec<T>) {
    let Import { rows, problems, bad, columns } = import;
    (Imported { rows: rows.len(), bad, problems, columns }, rows)
}
