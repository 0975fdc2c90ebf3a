//! The shop's own list of orders.

use serde::Serialize;

use super::dates::{self, DateForm};
use super::numbers::{self, Decimals};
use super::sheet::{Column, Sheet, cell};
use super::{Import, ImportError};
use crate::reconcile::Zone;
use crate::reconcile::judge::fold;
use crate::{Amount, Currency};

/// What the export of WooCommerce's analytics, of its usual export plugins and of other shops call these columns. The
/// analytics export has the net revenue and no total: that is not compared.
const ID: Column = Column {
    name: "order id",
    aliases: &[
        "order id",
        "id",
        "post id",
        "bestell-id",
        "order number",
        "order no",
        "order",
        "number",
        "bestellnummer",
        "bestell-nr",
        "bestellung",
        "auftragsnummer",
    ],
    needed: true,
};
/// Of these the ones that have the shop's id; the others have the number that people see, which plugins choose.
const IDS: Column =
    Column { name: "order id", aliases: &["order id", "id", "post id", "bestell-id"], needed: false };
/// Times of UTC, the one of payment first.
const DATE_UTC: Column = Column {
    name: "date in UTC",
    aliases: &[
        "date paid gmt",
        "paid date gmt",
        "date created gmt",
        "order date gmt",
        "date gmt",
        "post date gmt",
    ],
    needed: false,
};
/// Times of the shop's clock.
const DATE: Column = Column {
    name: "date",
    aliases: &[
        "date paid",
        "paid date",
        "paid at",
        "payment date",
        "zahlungsdatum",
        "date",
        "order date",
        "date created",
        "created at",
        "created",
        "order created",
        "post date",
        "bestelldatum",
        "datum",
    ],
    needed: false,
};
const STATUS: Column = Column {
    name: "status",
    aliases: &["status", "order status", "post status", "financial status", "bestellstatus"],
    needed: false,
};
const TOTAL: Column = Column {
    name: "total",
    aliases: &[
        "order total",
        "total",
        "order total amount",
        "order amount",
        "total amount",
        "order total incl tax",
        "grand total",
        "bestellsumme",
        "gesamtsumme",
        "gesamt",
        "summe",
    ],
    needed: false,
};
const CURRENCY: Column = Column {
    name: "currency",
    aliases: &["order currency", "currency", "currency code", "order currency code", "währung"],
    needed: false,
};

/// How a list is read.
#[derive(Debug, Clone, Default)]
pub struct OrderOptions {
    /// Where the shop's clock hangs.
    pub zone: Zone,
    /// For totals without a currency.
    pub currency: Option<Currency>,
    /// Where dates can be read two ways.
    pub dates: Option<DateForm>,
    /// Where amounts can be read two ways.
    pub decimals: Option<Decimals>,
}

/// What is kept of a row: nothing that says whose order it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrderRow {
    /// The shop's id, without `#`.
    pub order_id: String,
    /// It is what the list has as the order's number.
    pub by_number: bool,
    /// When it was paid or placed, Unix milliseconds.
    pub at_ms: i64,
    /// Total.
    pub total: Option<Amount>,
    /// Its currency.
    pub currency: Option<Currency>,
    /// The shop's word, folded: `on-hold`.
    pub status: String,
}

/// Where the columns are.
struct Places {
    id: Vec<usize>,
    /// Those of them that have no number.
    ids: Vec<usize>,
    utc: Vec<usize>,
    date: Vec<usize>,
    status: Vec<usize>,
    total: Vec<usize>,
    currency: Vec<usize>,
}

/// Reads the list. A later row of an order replaces an earlier one: exports have a row for each line of an order.
///
/// # Errors
/// [`ImportError`] when nothing of it can be used; single bad rows are named in the result.
pub fn orders(bytes: &[u8], options: &OrderOptions) -> Result<Import<OrderRow>, ImportError> {
    let sheet = Sheet::read(bytes, &[ID], &[])?;
    let at = |column: &Column| sheet.places(column, &[]);
    let places = Places {
        id: at(&ID)?,
        ids: at(&IDS)?,
        utc: at(&DATE_UTC)?,
        date: at(&DATE)?,
        status: at(&STATUS)?,
        total: at(&TOTAL)?,
        currency: at(&CURRENCY)?,
    };
    if places.utc.is_empty() && places.date.is_empty() {
        let known = DATE.aliases.iter().chain(DATE_UTC.aliases).copied().collect::<Vec<_>>().join(", ");
        return Err(ImportError::NoColumn { missing: DATE.name, known });
    }
    let all_dates: Vec<String> = sheet
        .rows
        .iter()
        .flat_map(|(_, row)| places.utc.iter().chain(&places.date).map(|place| cell(row, *place)))
        .collect();
    let form = options.dates.map_or_else(|| DateForm::of_all(all_dates.iter().map(String::as_str)), Ok)?;
    drop(all_dates);
    let totals: Vec<String> =
        sheet.rows.iter().flat_map(|(_, row)| places.total.first().map(|place| cell(row, *place))).collect();
    let decimals = options.decimals.or_else(|| Decimals::of_all(totals.iter().map(String::as_str)));
    let mut import = Import::new(found(&sheet, &places));
    let mut known = std::collections::HashMap::new();
    for (line, row) in &sheet.rows {
        match one(row, &places, form, decimals, options) {
            Ok(None) => {}
            Ok(Some(order)) => match known.get(&order.order_id) {
                Some(&place) => {
                    let known: &mut OrderRow = &mut import.rows[place];
                    // A row for what was paid back later has the date of that.
                    *known = OrderRow { at_ms: order.at_ms.min(known.at_ms), ..order };
                }
                None => {
                    known.insert(order.order_id.clone(), import.rows.len());
                    import.rows.push(order);
                }
            },
            Err(what) => import.refuse(*line, what),
        }
    }
    Ok(import)
}

fn found(sheet: &Sheet, places: &Places) -> Vec<(String, String)> {
    let named = |column: &Column, all: &[usize]| {
        all.first().map(|place| (column.name.to_owned(), sheet.name(*place).to_owned()))
    };
    [
        named(&ID, &places.id),
        named(&DATE_UTC, &places.utc),
        named(&DATE, &places.date),
        named(&STATUS, &places.status),
        named(&TOTAL, &places.total),
        named(&CURRENCY, &places.currency),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn one(
    row: &csv::ByteRecord,
    places: &Places,
    form: DateForm,
    decimals: Option<Decimals>,
    options: &OrderOptions,
) -> Result<Option<OrderRow>, String> {
    if row.iter().all(|cell| cell.trim_ascii().is_empty()) {
        return Ok(None);
    }
    let first = |all: &[usize]| all.iter().map(|place| cell(row, *place)).find(|text| !text.is_empty());
    let by_number = first(&places.ids).is_none();
    let id = first(&places.id).ok_or("no order id")?;
    let order_id = plain_id(&id).ok_or("the order id is no plain number or short text")?;
    let utc = Zone::default();
    let in_utc = places.utc.iter().map(|place| (cell(row, *place), &utc));
    let dated = in_utc.chain(places.date.iter().map(|place| (cell(row, *place), &options.zone)));
    // A column of payment dates is empty for orders that are not paid: then the next date counts.
    let mut dates = dated.filter(|(text, _)| !matches!(text.as_str(), "" | "0" | "-" | "N/A"));
    let (text, zone) = dates.next().ok_or("no date")?;
    let at_ms =
        dates::read(&text, form).and_then(|told| told.millis(zone)).ok_or("the date cannot be read")?;
    let total = match first(&places.total) {
        None => None,
        Some(text) => Some(numbers::read(&text, decimals).ok_or(
            "the total cannot be read, or could mean two amounts: say whether a comma or a point stands before the cents",
        )?),
    };
    // A row of its own for what was paid back: the order has another.
    if total.is_some_and(|total| total < Amount::ZERO) {
        return Ok(None);
    }
    let currency = match first(&places.currency) {
        None => options.currency,
        Some(text) => Some(Currency::parse(&text).ok_or("the currency is no ISO 4217 code")?),
    };
    let status = first(&places.status).map(|text| fold(&text)).unwrap_or_default();
    let plain = status.chars().count() <= 40 && status.chars().all(|c| c.is_alphabetic() || c == '-');
    if !plain {
        return Err("the status is no word".to_owned());
    }
    Ok(Some(OrderRow { order_id, by_number, at_ms, total, currency, status }))
}

/// Nothing that could be an address or a name goes on record as an id.
fn plain_id(text: &str) -> Option<String> {
    let id = text.trim().trim_start_matches('#');
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    let plain =
        !id.is_empty() && id.len() <= 64 && id.chars().all(fits) && id.bytes().any(|b| b.is_ascii_digit());
    plain.then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Import<OrderRow> {
        let eur = OrderOptions { currency: Currency::parse("EUR"), ..OrderOptions::default() };
        orders(text.as_bytes(), &eur).unwrap()
    }

    fn rows(text: &str) -> Vec<String> {
        let told = |row: OrderRow| {
            let at = jiff::Timestamp::from_millisecond(row.at_ms).unwrap();
            let total = row.total.map_or("-".into(), |t| t.to_string());
            format!(
                "{} {at} {total} {} {}",
                row.order_id,
                row.currency.map_or("-".into(), |c| c.to_string()),
                row.status
            )
        };
        read(text).rows.into_iter().map(told).collect()
    }

    #[test]
    fn exports_of_several_makers() {
        // The head of WooCommerce's analytics export: net revenue is no total.
        let analytics = "Date,\"Order #\",\"N. Revenue (formatted)\",Status,Customer,\"N. Revenue\"\n\
                         2026-11-22 14:03:09,891,\"€75.62\",processing,\"Jane Roe\",75.62\n";
        assert_eq!(rows(analytics), ["891 2026-11-22T14:03:09Z - EUR processing"]);
        // A plugin's export, German, saved by a spreadsheet.
        let german = "\u{feff}Bestellnummer;Bestelldatum;Bestellstatus;Gesamtsumme;Währung;Name;E-Mail\r\n\
                      #891;22.11.2026 15:03;In Bearbeitung;1.234,56;EUR;Jana Müller;jana@example.com\r\n\
                      892;23.11.2026 09:00;Storniert;89,90 €;EUR;x;y\r\n";
        assert_eq!(
            rows(german),
            [
                "891 2026-11-22T15:03:00Z 1234.56 EUR in-bearbeitung",
                "892 2026-11-23T09:00:00Z 89.90 EUR storniert"
            ]
        );
        // Another plugin's: several dates, a row a line of the order, statuses with their prefix.
        let plugin = "order_id\torder_number\tdate_paid\tdate_created_gmt\tstatus\torder_total\torder_currency\n\
                      891\tA-17\t\t2026-11-22 14:00:00\twc-on-hold\t89.99\tUSD\n\
                      892\tA-18\t2026-11-22 15:00:00\t2026-11-22 14:00:00\twc-completed\t10\tUSD\n\
                      892\tA-18\t2026-11-22 15:00:00\t2026-11-22 14:00:00\twc-completed\t10\tUSD\n\n";
        assert_eq!(
            rows(plugin),
            ["891 2026-11-22T14:00:00Z 89.99 USD on-hold", "892 2026-11-22T14:00:00Z 10 USD completed"]
        );
    }

    #[test]
    fn what_was_paid_back_has_rows_of_its_own() {
        let text = "Order #,Date,Status,Total\n\
                    891,2026-11-22 14:00:00,completed,89.99\n\
                    891,2026-11-25 09:00:00,completed,-10.00\n\
                    892,2026-11-22 15:00:00,completed,\n\
                    892,2026-11-26 15:00:00,completed,\n\
                    893,2026-11-26 16:00:00,refunded,-5\n";
        assert_eq!(
            rows(text),
            ["891 2026-11-22T14:00:00Z 89.99 EUR completed", "892 2026-11-22T15:00:00Z - EUR completed"]
        );
    }

    #[test]
    fn bad_rows_are_named_by_line_and_never_quoted() {
        let text = "id,date,status,total,currency\n\
                    1,2026-11-22,processing,5.00,EUR\n\
                    ,2026-11-22,processing,5.00,EUR\n\
                    jane@example.com,2026-11-22,processing,5.00,EUR\n\
                    2,next Tuesday,processing,5.00,EUR\n\
                    3,2026-11-22,+49 151 123,5.00,EUR\n\
                    4,2026-11-22,processing,Main Street,EUR\n\
                    5,2026-11-22,processing,5.00,Euros\n\
                    \n\
                    6,2026-11-22,processing,,\n";
        let import = read(text);
        let ids: Vec<_> = import.rows.iter().map(|row| row.order_id.as_str()).collect();
        assert_eq!(ids, ["1", "6"]);
        let lines: Vec<_> = import.problems.iter().map(|problem| problem.line).collect();
        assert_eq!((lines, import.bad), (vec![3, 4, 5, 6, 7, 8], 6));
        let told = format!("{:?}", import.problems);
        for private in ["jane", "Tuesday", "151", "Main", "Euros"] {
            assert!(!told.contains(private), "{told}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_used_says_why() {
        let error = |text: &[u8]| orders(text, &OrderOptions::default()).unwrap_err();
        assert_eq!(error(b"  \n "), ImportError::Empty);
        assert_eq!(error(b"\xff\xfei\0d\0"), ImportError::Utf16);
        assert!(matches!(
            error(b"customer,city\nJane,Berlin\n"),
            ImportError::NoColumn { missing: "order id", .. }
        ));
        assert!(matches!(error(b"order_id,total\n1,2\n"), ImportError::NoColumn { missing: "date", .. }));
        assert_eq!(error(b"id,date\n1,04/05/2026\n"), ImportError::AmbiguousDates);
        let dmy = OrderOptions { dates: DateForm::parse("dmy"), ..OrderOptions::default() };
        assert_eq!(orders(b"id,date\n1,04/05/2026\n", &dmy).unwrap().rows[0].at_ms, 1_777_852_800_000);
    }

    #[test]
    fn nothing_personal_of_a_file_is_kept() {
        let text = "order_id,order_date,status,order_total,billing_first_name,billing_last_name,billing_email,\
                    billing_phone,billing_address_1,customer_note,customer_ip\n\
                    891,2026-11-22 10:00:00,processing,89.99,Jane,Roe,jane.roe@example.com,+4915112345678,Main St 7,\
                    \"leave it with Ann, please\",203.0.113.7\n";
        let import = read(text);
        let kept = format!("{import:?}");
        for private in ["Jane", "Roe", "jane.roe", "151", "Main", "Ann", "203"] {
            assert!(!kept.contains(private), "{private}: {kept}");
        }
        assert_eq!(import.rows.len(), 1);
    }
}
