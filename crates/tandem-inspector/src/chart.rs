//! Charts as SVG: made here, shown without script, coloured by the style sheet's classes.
//!
//! Widths are percentages and heights pixels, so that a chart fills its place on every screen and its text never shrinks.
//! Every chart says in words what it shows; the page has the same numbers in a table beside it.

use std::fmt::Write;

use minijinja::{HtmlEscape, Value};

use crate::format;

/// Pixels: room above the highest bar, the plot, and the line of labels below.
const TOP: i64 = 14;
const PLOT: i64 = 120;
const FOOT: i64 = 22;

/// Labels below a chart, roughly.
const LABELS: usize = 6;

/// One colour of a chart.
pub(crate) struct Series<'a> {
    /// In the text of each column; may be empty when there is only one.
    pub(crate) name: &'a str,
    /// `accent`, `soft`, `good`, `wait`, `bad` or `quiet`.
    pub(crate) class: &'static str,
    /// One number a column, none below 0.
    pub(crate) values: Vec<i64>,
}

fn escaped(text: &str) -> HtmlEscape<'_> {
    HtmlEscape(text)
}

/// The next of 1, 2, 5, 10, 20 … that is not smaller.
fn round_up(number: i64) -> i64 {
    let mut unit: i64 = 1;
    loop {
        for step in [1, 2, 5] {
            let candidate = unit.saturating_mul(step);
            if candidate >= number || candidate == i64::MAX {
                return candidate;
            }
        }
        unit = unit.saturating_mul(10);
    }
}

/// A hundredth of a percent is finer than any screen.
fn percent(part: f64) -> String {
    let text = format!("{part:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text.is_empty() || text == "-0" { "0".to_owned() } else { text.to_owned() }
}

fn share(part: i64, whole: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "pixels")]
    let share = if whole <= 0 { 0.0 } else { part.max(0) as f64 / whole as f64 };
    share.min(1.0)
}

/// Pixels of the plot that a number takes.
fn height(number: i64, highest: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "pixels")]
    let plot = PLOT as f64;
    share(number, highest) * plot
}

#[expect(clippy::cast_precision_loss, reason = "columns of a chart")]
fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}

/// Numbers at the left: nothing, half and the highest.
fn scale(svg: &mut String, highest: i64) {
    let full = TOP + PLOT + FOOT;
    let longest = format::count(highest).len().max(2);
    let width = longest * 7 + 8;
    let _ = write!(svg, r#"<svg class="scale" width="{width}" height="{full}" aria-hidden="true">"#);
    for (number, y) in ticks(highest) {
        let (x, text) = (width - 8, format::count(number));
        let _ = write!(svg, r#"<text x="{x}" y="{}" text-anchor="end">{text}</text>"#, y + 4);
    }
    svg.push_str("</svg>");
}

fn ticks(highest: i64) -> Vec<(i64, i64)> {
    let mut all = vec![(0, TOP + PLOT), (highest, TOP)];
    if highest % 2 == 0 {
        all.push((highest / 2, TOP + PLOT / 2));
    }
    all
}

fn open(svg: &mut String, title: &str, words: &str) {
    let full = TOP + PLOT + FOOT;
    let _ = write!(
        svg,
        r#"<svg class="plot" width="100%" height="{full}" role="img"><title>{}</title><desc>{}</desc>"#,
        escaped(title),
        escaped(words)
    );
}

fn grid(svg: &mut String, highest: i64) {
    for (number, y) in ticks(highest) {
        let class = if number == 0 { "base" } else { "grid" };
        let _ = write!(svg, r#"<line class="{class}" x1="0" x2="100%" y1="{y}" y2="{y}"/>"#);
    }
}

/// Some of the columns' labels; those in between are left out on narrow screens.
fn feet(svg: &mut String, labels: &[String]) {
    let step = labels.len().div_ceil(LABELS).max(1);
    let last = labels.len().saturating_sub(1);
    for (at, label) in labels.iter().enumerate().step_by(step) {
        let (x, anchor) = match at {
            0 => (0.0, "start"),
            at if at == last => (100.0, "end"),
            at => (ratio(2 * at + 1, 2 * labels.len()), "middle"),
        };
        let class = if (at / step) % 2 == 1 { r#" class="wide""# } else { "" };
        let y = TOP + PLOT + FOOT - 5;
        // Of `22 Nov 14:00` the hour is enough.
        let label = label.rsplit(' ').next().filter(|hour| hour.ends_with(":00")).unwrap_or(label);
        let (x, label) = (percent(x), escaped(label));
        let _ = write!(svg, r#"<text{class} x="{x}%" y="{y}" text-anchor="{anchor}">{label}</text>"#);
    }
}

/// What a column says when it is pointed at: `22 Nov: 1,234 delivered, 5 rejected`.
fn column_words(label: &str, series: &[Series<'_>], at: usize) -> String {
    let parts: Vec<String> = series
        .iter()
        .filter_map(|one| one.values.get(at).map(|n| format!("{} {}", format::count(*n), one.name)))
        .collect();
    format!("{label}: {}", parts.join(", ").trim_end())
}

/// Stacked bars, one column a label. `words` is the text alternative: what the chart shows, in a sentence.
pub(crate) fn bars(title: &str, words: &str, labels: &[String], series: &[Series<'_>]) -> Value {
    let sum = |at: usize| -> i64 { series.iter().filter_map(|one| one.values.get(at)).sum() };
    let highest = round_up((0..labels.len()).map(sum).max().unwrap_or(0).max(1));
    let mut svg = String::from(r#"<div class="chart">"#);
    scale(&mut svg, highest);
    open(&mut svg, title, words);
    grid(&mut svg, highest);
    let column = ratio(1, labels.len());
    let gap = column * if labels.len() > 60 { 0.1 } else { 0.2 };
    for (at, label) in labels.iter().enumerate() {
        let x = ratio(at, labels.len());
        let _ = write!(svg, "<g><title>{}</title>", escaped(&column_words(label, series, at)));
        // The whole column answers to the pointer, also where nothing is drawn.
        let (left, full) = (percent(x), TOP + PLOT);
        let _ = write!(
            svg,
            r#"<rect class="hit" x="{left}%" y="0" width="{}%" height="{full}"/>"#,
            percent(column)
        );
        #[expect(clippy::cast_precision_loss, reason = "pixels")]
        let mut y = (TOP + PLOT) as f64;
        for one in series {
            let number = one.values.get(at).copied().unwrap_or(0);
            if number <= 0 {
                continue;
            }
            // The least that can be seen: one among thousands must not vanish.
            let tall = height(number, highest).max(1.5);
            y -= tall;
            let _ = write!(
                svg,
                r#"<rect class="{}" x="{}%" y="{}" width="{}%" height="{}"/>"#,
                one.class,
                percent(x + gap / 2.0),
                percent(y),
                percent(column - gap),
                percent(tall)
            );
        }
        svg.push_str("</g>");
    }
    feet(&mut svg, labels);
    svg.push_str("</svg></div>");
    Value::from_safe_string(svg)
}

/// Points of a line in a field of 100 by `tall`.
fn points(values: &[i64], highest: i64, tall: f64) -> String {
    let last = values.len().saturating_sub(1).max(1);
    let mut text = String::new();
    for (at, number) in values.iter().enumerate() {
        let y = tall - share(*number, highest) * tall;
        let _ = write!(text, "{},{} ", percent(ratio(at, last)), percent(y));
    }
    text.truncate(text.trim_end().len());
    text
}

/// A line as small as a word.
pub(crate) fn sparkline(words: &str, values: &[i64]) -> Value {
    let highest = values.iter().copied().max().unwrap_or(0).max(1);
    let points = points(values, highest, 20.0);
    let mut svg = String::new();
    let _ = write!(
        svg,
        r#"<svg class="spark" width="112" height="24" viewBox="0 -2 100 24" preserveAspectRatio="none" role="img"><title>{}</title>"#,
        escaped(words)
    );
    if !points.is_empty() {
        let _ = write!(svg, r#"<polygon class="accent area" points="0,20 {points} 100,20"/>"#);
        let _ = write!(svg, r#"<polyline class="accent" points="{points}"/>"#);
    }
    svg.push_str("</svg>");
    Value::from_safe_string(svg)
}

/// A value on a scale from 0 to 10; `band` is its colour (`good`, `wait`, `bad`, `accent`), `marks` are shown as ticks.
pub(crate) fn meter(words: &str, value: f64, band: &'static str, marks: &[f64]) -> Value {
    let full = percent(value.clamp(0.0, 10.0) * 10.0);
    let mut svg = String::new();
    let _ = write!(
        svg,
        r#"<svg class="meter" width="100%" height="10" role="img"><title>{}</title><rect class="track" y="2" width="100%" height="6" rx="3"/><rect class="{band}" y="2" width="{full}%" height="6" rx="3"/>"#,
        escaped(words)
    );
    for mark in marks {
        let x = percent(mark.clamp(0.0, 10.0) * 10.0);
        let _ = write!(svg, r#"<line class="mark" x1="{x}%" x2="{x}%" y1="0" y2="10"/>"#);
    }
    svg.push_str("</svg>");
    Value::from_safe_string(svg)
}

/// The class of a cell by its share (0 to 1): `h0` to `h9`, `none` where there is nothing to divide by.
pub(crate) fn heat(share: Option<f64>) -> &'static str {
    const STEPS: [&str; 10] = ["h0", "h1", "h2", "h3", "h4", "h5", "h6", "h7", "h8", "h9"];
    let Some(share) = share.filter(|share| share.is_finite()) else { return "none" };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a step from 0 to 9")]
    let step = (share.clamp(0.0, 1.0) * 9.0).round() as usize;
    STEPS.get(step).copied().unwrap_or("none")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels() -> Vec<String> {
        ["20 Nov", "21 Nov", "<22 Nov>"].map(str::to_owned).to_vec()
    }

    fn two() -> Vec<Series<'static>> {
        vec![
            Series { name: "delivered", class: "good", values: vec![10, 0, 1_500] },
            Series { name: "rejected", class: "bad", values: vec![2, 0, 1] },
        ]
    }

    #[test]
    fn charts_as_they_stand() {
        insta::assert_snapshot!("bars", bars("By day", "Deliveries by day.", &labels(), &two()).to_string());
        insta::assert_snapshot!("sparkline", sparkline("10, 0, 5", &[10, 0, 5]).to_string());
        insta::assert_snapshot!("meter", meter("6.4 of 10, fair", 6.4, "wait", &[4.0, 7.0]).to_string());
    }

    #[test]
    fn nothing_to_show_is_a_chart_too() {
        for chart in [bars("t", "w", &[], &[]), sparkline("w", &[])] {
            let text = chart.to_string();
            assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        }
        assert_eq!(heat(Some(f64::NAN)), "none");
    }

    #[test]
    fn no_style_attribute_and_nothing_unescaped() {
        let all = [
            bars("<b>", "\"&", &labels(), &two()).to_string(),
            sparkline("<b>", &[1]).to_string(),
            meter("<b>", f64::NAN, "good", &[]).to_string(),
        ];
        for text in all {
            assert!(!text.contains("style=") && !text.contains("<b>") && !text.contains("<22"), "{text}");
        }
    }

    #[test]
    fn scales_end_at_round_numbers() {
        for (number, round) in [(1, 1), (3, 5), (5, 5), (6, 10), (101, 200), (i64::MAX, i64::MAX)] {
            assert_eq!(round_up(number), round);
        }
        assert_eq!([heat(None), heat(Some(0.0)), heat(Some(2.0))], ["none", "h0", "h9"]);
        assert_eq!([percent(0.0), percent(-0.001), percent(12.5), percent(100.0)], ["0", "0", "12.5", "100"]);
    }
}
