//! Which time a page is about, and of which site.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::asked::Asked;
use crate::{Inspector, format};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// The choices of the switch: key, name, and length in hours.
const CHOICES: [(&str, &str, i64); 4] =
    [("24h", "24 hours", 24), ("7d", "7 days", 168), ("28d", "28 days", 672), ("90d", "90 days", 2_160)];

/// A stretch of time. It ends at `to_ms` (not included); both are Unix milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Period {
    /// `24h`, `7d`, `28d`, `90d`, or nothing for one that was given by dates.
    pub(crate) key: &'static str,
    pub(crate) from_ms: i64,
    pub(crate) to_ms: i64,
    /// `the last 24 hours`, `1 Nov to 3 Nov`.
    pub(crate) words: String,
}

impl Period {
    /// Reads `period`, or `from` and `to` (a date, or a date and a time, UTC). Without any, `default` is taken.
    pub(crate) fn read(asked: &Asked, default: &str, now_ms: i64) -> Result<Self, String> {
        if asked.get("from").is_empty() && asked.get("to").is_empty() {
            let wanted = Some(asked.get("period")).filter(|key| !key.is_empty()).unwrap_or(default);
            let Some((key, name, hours)) = CHOICES.into_iter().find(|(key, ..)| *key == wanted) else {
                return Err("“period” is one of 24h, 7d, 28d and 90d.".to_owned());
            };
            // The present hour or day is a part of it, though it is not over.
            let unit = if hours == 24 { HOUR_MS } else { DAY_MS };
            let to_ms = now_ms.div_euclid(unit).saturating_add(1).saturating_mul(unit);
            let words = format!("the last {name}");
            return Ok(Self { key, from_ms: to_ms.saturating_sub(hours * HOUR_MS), to_ms, words });
        }
        let from_ms = moment(asked, "from", false)?.unwrap_or(0);
        let to_ms = moment(asked, "to", true)?.unwrap_or(now_ms.saturating_add(1));
        if from_ms >= to_ms {
            return Err("“from” lies after “to”.".to_owned());
        }
        let words = format!("{} to {}", format::day_time(from_ms), format::day_time(to_ms));
        Ok(Self { key: "", from_ms, to_ms, words })
    }

    /// Whether it is short enough to be shown by the hour.
    pub(crate) fn is_hourly(&self) -> bool {
        self.to_ms - self.from_ms <= 3 * DAY_MS
    }

    /// Hours since 1970, first and last.
    pub(crate) fn hours(&self) -> (i64, i64) {
        (self.from_ms.div_euclid(HOUR_MS), (self.to_ms - 1).div_euclid(HOUR_MS))
    }

    /// Days since 1970, first and last.
    pub(crate) fn days(&self) -> (i64, i64) {
        (self.from_ms.div_euclid(DAY_MS), (self.to_ms - 1).div_euclid(DAY_MS))
    }
}

/// `2026-11-22` (its start, or its end), `2026-11-22T14:03` or `2026-11-22T14:03:09Z`, as Unix milliseconds.
pub(crate) fn moment(asked: &Asked, name: &str, is_end: bool) -> Result<Option<i64>, String> {
    let text = asked.get(name);
    if text.is_empty() {
        return Ok(None);
    }
    let utc = |at: DateTime| at.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp().as_millisecond());
    let found = if text.len() == 10 {
        let day: Option<Date> = text.parse().ok();
        day.and_then(|day| utc(day.at(0, 0, 0, 0))).map(|at| if is_end { at + DAY_MS } else { at })
    } else if text.ends_with('Z') {
        text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
    } else {
        text.parse::<DateTime>().ok().and_then(utc)
    };
    let wrong = || format!("“{name}” is a date or a time in UTC: 2026-11-22 or 2026-11-22T14:03.");
    found.map(Some).ok_or_else(wrong)
}

/// `14:00` of an hour, `22 Nov` of a day.
pub(crate) fn hour_label(hour: i64) -> String {
    format::short(hour.saturating_mul(HOUR_MS), "%-d %b %H:00")
}

/// `22 Nov`.
pub(crate) fn day_label(day: i64) -> String {
    format::day(day)
}

/// What the pages' common controls show: site and period.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Scope {
    /// The page's own path.
    pub(crate) path: String,
    /// Names of the sites that are set up.
    pub(crate) sites: Vec<String>,
    /// The chosen one, or nothing for all.
    pub(crate) site: String,
    pub(crate) period: Period,
    /// Name, address, and whether it is the present one.
    periods: Vec<(&'static str, String, bool)>,
    /// Other parameters, which the site's form keeps.
    others: Vec<(String, String)>,
}

impl Scope {
    /// Reads `site`, `period`, `from` and `to`. What is wrong comes back as a sentence for the visitor.
    pub(crate) fn read(
        inspector: &Inspector,
        path: &str,
        asked: &Asked,
        default: &str,
    ) -> Result<Self, String> {
        let mut sites: Vec<String> = inspector.gateway.sites().iter().map(|s| s.site.id.clone()).collect();
        sites.sort_unstable();
        let site = asked.get("site").to_owned();
        if !site.is_empty() && !sites.contains(&site) {
            return Err(format!("There is no site {}.", crate::asked::quoted(&site)));
        }
        let period = Period::read(asked, default, inspector.gateway.clock.now_ms())?;
        let base = asked.without(&["period", "from", "to", "before"]);
        let periods = CHOICES
            .into_iter()
            .map(|(key, name, _)| (name, base.with("period", key).address(path), key == period.key))
            .collect();
        let others = asked.without(&["site", "before"]).pairs().to_vec();
        Ok(Self { path: path.to_owned(), sites, site, period, periods, others })
    }

    /// The chosen site; `None` for all.
    pub(crate) fn chosen(&self) -> Option<String> {
        Some(self.site.clone()).filter(|site| !site.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_795_356_189_120;

    fn read(query: &str) -> Result<Period, String> {
        let asked = Asked::read(&format!("/?{query}").parse().unwrap(), &["period", "from", "to"]).unwrap();
        Period::read(&asked, "7d", NOW_MS)
    }

    #[test]
    fn a_period_ends_with_the_present_hour_or_day() {
        let day = read("period=24h").unwrap();
        assert_eq!((day.to_ms - NOW_MS < HOUR_MS, day.to_ms - day.from_ms), (true, DAY_MS));
        assert_eq!(day.hours().1 - day.hours().0, 23);
        let week = read("").unwrap();
        assert_eq!((week.key, week.days().1 - week.days().0, week.is_hourly()), ("7d", 6, false));
        assert_eq!(hour_label(day.hours().1), "22 Nov 14:00");
        assert_eq!(day_label(week.days().1), "22 Nov");
    }

    #[test]
    fn dates_are_utc_and_the_last_day_counts() {
        let days = read("from=2026-11-01&to=2026-11-02").unwrap();
        assert_eq!(days.to_ms - days.from_ms, 2 * DAY_MS);
        assert_eq!(read("from=2026-11-22T14:03&to=2026-11-22T14:04:00Z").unwrap().to_ms, 1_795_356_240_000);
    }

    #[test]
    fn a_slip_is_told() {
        for query in ["period=1y", "from=yesterday", "from=2026-11-02&to=2026-11-01", "to=9999999"] {
            assert!(read(query).is_err(), "{query}");
        }
    }
}
