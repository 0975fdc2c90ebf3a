//! A platform's own report, as a person downloads it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::dates::{self, DateForm, Told};
use super::numbers::{self, Decimals};
use super::sheet::{Column, Sheet, cell};
use super::{Import, ImportError};
use crate::reconcile::Zone;
use crate::{Amount, Currency, names};

// What reports call these columns. TikTok documents no head of its downloads and Meta's changes with its users' choices:
// all of these names are assumed, from the columns that the two show on their pages. A file with others is read by naming
// its columns.
const DATE: Column = Column {
    name: "date",
    aliases: &[
        "date",
        "day",
        "by day",
        "stat time day",
        "time",
        "event date",
        "reporting starts",
        "datum",
        "tag",
    ],
    needed: true,
};
const EVENT: Column = Column {
    name: "event",
    aliases: &["event name", "event", "event type", "standard event", "conversion event", "ereignis"],
    needed: false,
};
const TOTAL: Column = Column {
    name: "events",
    aliases: &[
        "total events",
        "total event count",
        "events",
        "event count",
        "count",
        "total",
        "all events",
        "total count",
        "events received",
    ],
    needed: false,
};
const BROWSER: Column = Column {
    name: "browser",
    aliases: &[
        "browser events",
        "browser event count",
        "browser",
        "pixel events",
        "web events",
        "browser count",
    ],
    needed: false,
};
const SERVER: Column = Column {
    name: "server",
    aliases: &[
        "server events",
        "server event count",
        "server",
        "events api",
        "server count",
        "conversions api",
    ],
    needed: false,
};
const ATTRIBUTED: Column = Column {
    name: "attributed",
    aliases: &[
        "attributed events",
        "attributed event count",
        "attributed",
        "conversions",
        "results",
        "total purchase",
        "complete payment",
        "purchases",
        "website purchases",
    ],
    needed: false,
};
const VALUE: Column = Column {
    name: "value",
    aliases: &["total value", "value", "event value", "conversion value", "purchase value", "revenue"],
    needed: false,
};
const CURRENCY: Column = Column { name: "currency", aliases: &["currency", "currency code"], needed: false };

/// How a report is read.
#[derive(Debug, Clone, Default)]
pub struct PlatformOptions {
    /// Columns by our names (`date`, `event`, `events`, `browser`, `server`, `attributed`, `value`, `currency`) and the
    /// file's.
    pub columns: Vec<(String, String)>,
    /// The event of rows that name none.
    pub event: Option<String>,
    /// Where dates can be read two ways.
    pub dates: Option<DateForm>,
    /// Where amounts can be read two ways.
    pub decimals: Option<Decimals>,
}

/// One day of one event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CountRow {
    /// Days since 1970, as the report has its days.
    pub day: i64,
    /// Our name of the event.
    pub event_name: String,
    /// How many: all of them, or those that are attributed when the report has no others.
    pub events: i64,
    /// From browsers.
    pub browser: Option<i64>,
    /// From servers.
    pub server: Option<i64>,
    /// Credited to an ad.
    pub attributed: Option<i64>,
    /// `events` has only those credited to an ad.
    pub attributed_only: bool,
    /// Their value.
    pub value: Option<Amount>,
    /// Its currency.
    pub currency: Option<Currency>,
}

struct Places {
    date: usize,
    event: Option<usize>,
    total: Option<usize>,
    browser: Option<usize>,
    server: Option<usize>,
    attributed: Option<usize>,
    value: Option<usize>,
    currency: Option<usize>,
}

/// Reads a report. Rows of one day and event (hours, campaigns) are added up.
///
/// # Errors
/// [`ImportError`] when nothing of it can be used; single bad rows are named in the result.
pub fn platform(bytes: &[u8], options: &PlatformOptions) -> Result<Import<CountRow>, ImportError> {
    let sheet = Sheet::read(bytes, &[DATE], &options.columns)?;
    let places = places(&sheet, options)?;
    let dates: Vec<String> = sheet.rows.iter().map(|(_, row)| cell(row, places.date)).collect();
    let form = options.dates.map_or_else(|| DateForm::of_all(dates.iter().map(String::as_str)), Ok)?;
    let values: Vec<String> =
        sheet.rows.iter().flat_map(|(_, row)| places.value.map(|place| cell(row, place))).collect();
    let decimals = options.decimals.or_else(|| Decimals::of_all(values.iter().map(String::as_str)));
    let mut import = Import::new(found(&sheet, &places));
    let mut days: BTreeMap<(i64, String), CountRow> = BTreeMap::new();
    for (line, row) in &sheet.rows {
        match one(row, &places, form, decimals, options) {
            Ok(None) => {}
            Ok(Some(row)) => match days.get_mut(&(row.day, row.event_name.clone())) {
                Some(known) => add(known, &row),
                None => {
                    days.insert((row.day, row.event_name.clone()), row);
                }
            },
            Err(what) => import.refuse(*line, what),
        }
    }
    import.rows = days.into_values().collect();
    Ok(import)
}

fn places(sheet: &Sheet, options: &PlatformOptions) -> Result<Places, ImportError> {
    let at = |column: &Column| Ok(sheet.places(column, &options.columns)?.first().copied());
    let places = Places {
        date: at(&DATE)?.unwrap_or_default(),
        event: at(&EVENT)?,
        total: at(&TOTAL)?,
        browser: at(&BROWSER)?,
        server: at(&SERVER)?,
        attributed: at(&ATTRIBUTED)?,
        value: at(&VALUE)?,
        currency: at(&CURRENCY)?,
    };
    let none =
        |column: &Column| ImportError::NoColumn { missing: column.name, known: column.aliases.join(", ") };
    if places.event.is_none() && options.event.is_none() {
        return Err(none(&EVENT));
    }
    if places.total.is_none() && places.attributed.is_none() && places.server.is_none() {
        return Err(none(&TOTAL));
    }
    Ok(places)
}

fn found(sheet: &Sheet, places: &Places) -> Vec<(String, String)> {
    [
        (DATE, Some(places.date)),
        (EVENT, places.event),
        (TOTAL, places.total),
        (BROWSER, places.browser),
        (SERVER, places.server),
        (ATTRIBUTED, places.attributed),
        (VALUE, places.value),
        (CURRENCY, places.currency),
    ]
    .into_iter()
    .filter_map(|(column, place)| Some((column.name.to_owned(), sheet.name(place?).to_owned())))
    .collect()
}

fn one(
    row: &csv::ByteRecord,
    places: &Places,
    form: DateForm,
    decimals: Option<Decimals>,
    options: &PlatformOptions,
) -> Result<Option<CountRow>, String> {
    if row.iter().all(|cell| cell.trim_ascii().is_empty()) {
        return Ok(None);
    }
    let day = match dates::read(&cell(row, places.date), form).ok_or("no date, or one that cannot be read")? {
        // A report's days are its own: of a time only the date is taken.
        Told::Civil(civil) | Told::Zoned(civil, _) => Zone::default().moment(civil),
        Told::Instant(at_ms) => Some(at_ms),
    };
    let day = Zone::default().day_of(day.ok_or("the date is in no calendar")?);
    let name = places.event.map(|place| cell(row, place)).filter(|name| !name.is_empty());
    let name = name.or_else(|| options.event.clone()).ok_or("no event name")?;
    let Some(event_name) = our_name(&name) else { return Err("the event's name is none".to_owned()) };
    let number = |place: Option<usize>| -> Result<Option<i64>, String> {
        let text =
            place.map(|place| cell(row, place)).filter(|text| !matches!(text.as_str(), "" | "-" | "--"));
        text.map(|text| numbers::count(&text).ok_or_else(|| "a count cannot be read".to_owned())).transpose()
    };
    let (browser, server) = (number(places.browser)?, number(places.server)?);
    let (total, attributed) = (number(places.total)?, number(places.attributed)?);
    let events = total.or(server).or(attributed).ok_or("no count")?;
    let value =
        places.value.map(|place| cell(row, place)).filter(|text| !matches!(text.as_str(), "" | "-" | "--"));
    let value = match value {
        None => None,
        Some(text) => Some(
            numbers::read(&text, decimals).ok_or("the value cannot be read, or could mean two amounts")?,
        ),
    };
    let currency = places.currency.and_then(|place| Currency::parse(&cell(row, place)));
    let attributed_only = total.is_none() && server.is_none();
    Ok(Some(CountRow {
        day,
        event_name,
        events,
        browser,
        server,
        attributed,
        attributed_only,
        value,
        currency,
    }))
}

/// `Complete Payment`, `complete_payment` and `Purchase` are one event.
fn our_name(name: &str) -> Option<String> {
    let squeezed: String = name.chars().filter(|c| !c.is_whitespace() && !matches!(c, '_' | '-')).collect();
    let standard = names::resolve(&squeezed).ok().filter(|found| names::STANDARD.contains(&&*found.name));
    standard.or_else(|| names::resolve(name).ok()).map(|found| found.name.into_owned())
}

fn add(known: &mut CountRow, row: &CountRow) {
    let sum = |a: Option<i64>, b: Option<i64>| match (a, b) {
        (None, None) => None,
        (a, b) => Some(a.unwrap_or_default().saturating_add(b.unwrap_or_default())),
    };
    known.events = known.events.saturating_add(row.events);
    known.browser = sum(known.browser, row.browser);
    known.server = sum(known.server, row.server);
    known.attributed = sum(known.attributed, row.attributed);
    known.attributed_only |= row.attributed_only;
    known.value = match (known.value, row.value) {
        (Some(a), Some(b)) if known.currency == row.currency => Some(super::super::judge::plus(a, b)),
        (None, None) => None,
        // Sums of two currencies are no value.
        (Some(_), Some(_)) => None,
        (a, b) => a.or(b),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, options: &PlatformOptions) -> Import<CountRow> {
        platform(text.as_bytes(), options).unwrap()
    }

    #[test]
    fn a_report_by_event_and_day() {
        let text = "Events Manager report\nPixel,TESTPIXEL\n\
                    Date,Event name,Total events,Browser events,Server events,Attributed events,Value,Currency\n\
                    2026-11-20,Complete Payment,\"1,210\",1000,1150,90,\"12,100.50\",EUR\n\
                    2026-11-20,ViewContent,99,99,,,,\n\
                    Total,,1309,,,,,\n";
        let import = read(text, &PlatformOptions::default());
        let purchase = &import.rows[0];
        assert_eq!((purchase.event_name.as_str(), purchase.events), ("Purchase", 1_210));
        assert_eq!(
            (purchase.browser, purchase.server, purchase.attributed),
            (Some(1_000), Some(1_150), Some(90))
        );
        assert_eq!(purchase.value.unwrap().to_string(), "12100.50");
        assert!(!purchase.attributed_only);
        assert_eq!((import.rows.len(), import.problems.len(), import.problems[0].line), (2, 1, 6));
    }

    #[test]
    fn attributed_figures_are_known_as_such_and_rows_of_a_day_add_up() {
        let text = "Day;Campaign;Complete payment;Value\n20.11.2026;A;3;10,50\n20.11.2026;B;4;1,00\n";
        let purchase = PlatformOptions { event: Some("Purchase".into()), ..PlatformOptions::default() };
        let import = read(text, &purchase);
        assert_eq!(import.rows.len(), 1);
        let row = &import.rows[0];
        assert_eq!((row.events, row.attributed_only), (7, true));
        assert_eq!(row.value.unwrap().to_string(), "11.50");
    }

    #[test]
    fn columns_can_be_named() {
        let text = "Wann,Was,Wieviele\n2026-11-20,Purchase,7\n";
        let given = [("date", "Wann"), ("event", "Was"), ("events", "wieviele")];
        let columns = given.map(|(of, name)| (of.to_owned(), name.to_owned())).to_vec();
        let import = read(text, &PlatformOptions { columns, ..PlatformOptions::default() });
        assert_eq!(import.rows[0].events, 7);
        let wrong = vec![("date".to_owned(), "When".to_owned())];
        let options = PlatformOptions { columns: wrong, ..PlatformOptions::default() };
        assert_eq!(
            platform(text.as_bytes(), &options).unwrap_err(),
            ImportError::NoSuchColumn("date".into())
        );
        let plain = PlatformOptions::default();
        assert!(matches!(
            platform(b"a,b\n1,2\n", &plain),
            Err(ImportError::NoColumn { missing: "date", .. })
        ));
        assert!(matches!(
            platform(b"date,events\n1,2\n", &plain),
            Err(ImportError::NoColumn { missing: "event", .. })
        ));
    }
}
