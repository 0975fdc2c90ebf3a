//! The expression language: minijinja's expressions without loops, I/O, clock or chance, and with exact decimals.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use minijinja::value::Value;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, filters, tests};
use rust_decimal::{Decimal, RoundingStrategy};

use super::settings::MAX_EXPRESSION;
use crate::{Amount, names};

/// Steps one evaluation may take. A condition takes some ten.
const FUEL: u64 = 50_000;

const NO_NUMBER: &str = "a number is needed";
const TOO_LARGE: &str = "the number is too large, or divided by nought";

/// Filters that expressions may use.
pub const FILTERS: &[&str] = &[
    "times",
    "plus",
    "minus",
    "divided_by",
    "round",
    "number",
    "text",
    "default",
    "lower",
    "upper",
    "trim",
    "replace",
    "split",
    "join",
    "length",
    "first",
    "last",
    "min",
    "max",
    "sum",
    "map",
    "selectattr",
    "rejectattr",
    "unique",
    "list",
];

/// Tests that expressions may use, after `is`.
pub const TESTS: &[&str] =
    &["defined", "undefined", "none", "number", "string", "startingwith", "endingwith", "in", "divisibleby"];

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(environment);

fn environment() -> Environment<'static> {
    let mut env = Environment::empty();
    env.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    env.set_fuel(Some(FUEL));
    env.add_filter("times", |a: Value, b: Value| reckon(&a, &b, Decimal::checked_mul));
    env.add_filter("plus", |a: Value, b: Value| reckon(&a, &b, Decimal::checked_add));
    env.add_filter("minus", |a: Value, b: Value| reckon(&a, &b, Decimal::checked_sub));
    env.add_filter("divided_by", |a: Value, b: Value| reckon(&a, &b, Decimal::checked_div));
    env.add_filter("round", |a: Value, digits: Option<u32>| {
        decimal(&a).map(|d| number(rounded(d, digits.unwrap_or(0).min(10)))).ok_or_else(|| refused(NO_NUMBER))
    });
    env.add_filter("number", |a: Value| decimal(&a).map(number).ok_or_else(|| refused(NO_NUMBER)));
    env.add_filter("text", |a: Value| {
        decimal(&a).map_or_else(|| a.to_string(), |d| d.normalize().to_string())
    });
    env.add_filter("sum", sum);
    env.add_filter("default", filters::default);
    env.add_filter("lower", filters::lower);
    env.add_filter("upper", filters::upper);
    env.add_filter("trim", filters::trim);
    env.add_filter("replace", filters::replace);
    env.add_filter("split", filters::split);
    env.add_filter("join", filters::join);
    env.add_filter("length", filters::length);
    env.add_filter("first", filters::first);
    env.add_filter("last", filters::last);
    env.add_filter("min", filters::min);
    env.add_filter("max", filters::max);
    env.add_filter("map", filters::map);
    env.add_filter("selectattr", filters::selectattr);
    env.add_filter("rejectattr", filters::rejectattr);
    env.add_filter("unique", filters::unique);
    env.add_filter("list", filters::list);
    env.add_test("defined", tests::is_defined);
    env.add_test("undefined", tests::is_undefined);
    env.add_test("none", tests::is_none);
    env.add_test("number", tests::is_number);
    env.add_test("string", tests::is_string);
    env.add_test("startingwith", tests::is_startingwith);
    env.add_test("endingwith", tests::is_endingwith);
    env.add_test("in", tests::is_in);
    env.add_test("divisibleby", tests::is_divisibleby);
    for (name, test) in [("eq", tests::is_eq as fn(&Value, &Value) -> bool), ("ne", tests::is_ne)] {
        env.add_test(name, move |a: Value, b: Value| test(&a, &b));
    }
    env
}

fn refused(why: &'static str) -> Error {
    Error::new(ErrorKind::InvalidOperation, why)
}

fn reckon(a: &Value, b: &Value, how: fn(Decimal, Decimal) -> Option<Decimal>) -> Result<Value, Error> {
    let (a, b) = decimal(a).zip(decimal(b)).ok_or_else(|| refused(NO_NUMBER))?;
    how(a, b).map(number).ok_or_else(|| refused(TOO_LARGE))
}

fn sum(values: Value) -> Result<Value, Error> {
    let total = values.try_iter()?.try_fold(Decimal::ZERO, |total, value| {
        total
            .checked_add(decimal(&value).ok_or_else(|| refused(NO_NUMBER))?)
            .ok_or_else(|| refused(TOO_LARGE))
    })?;
    Ok(number(total))
}

/// Half away from zero, as shops round.
pub(super) fn rounded(number: Decimal, digits: u32) -> Decimal {
    number.round_dp_with_strategy(digits, RoundingStrategy::MidpointAwayFromZero)
}

/// The decimal that a number stands for. A binary fraction of up to 15 digits has exactly one, and one step of plain
/// arithmetic (`value * 0.3`) does not lead away from it.
pub(super) fn decimal(value: &Value) -> Option<Decimal> {
    if let Some(text) = value.as_str() {
        return text.parse::<Amount>().ok().map(Amount::decimal);
    }
    if !value.is_number() {
        return None;
    }
    if value.is_integer() {
        return i64::try_from(value.clone()).ok().map(Decimal::from);
    }
    let float = f64::try_from(value.clone()).ok().filter(|f| f.is_finite() && f.abs() < 1e15)?;
    if float.abs() < 1e-12 {
        return Some(Decimal::ZERO);
    }
    Decimal::from_scientific(&format!("{float:.14e}")).ok().map(|d| d.normalize())
}

/// A decimal as a number of an expression.
pub(super) fn number(decimal: Decimal) -> Value {
    let json = Amount::new(decimal).to_json_number();
    json.as_i64().map_or_else(|| Value::from(json.as_f64().unwrap_or_default()), Value::from)
}

/// Why an expression gave nothing. Never repeats a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// Something it needs is not there.
    Absent,
    /// It cannot be worked out.
    Failed(String),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Absent => f.write_str("the event has not all the fields it uses"),
            Self::Failed(why) => f.write_str(why),
        }
    }
}

/// A compiled expression.
#[derive(Debug)]
pub(super) struct Expression {
    code: minijinja::Expression<'static, 'static>,
    pub(super) names: BTreeSet<String>,
}

/// What names an expression may use.
pub(super) struct Known<'a> {
    /// Cookies and headers are at hand.
    pub(super) at_door: bool,
    /// An expression about one line of the cart.
    pub(super) item: bool,
    pub(super) variables: &'a BTreeSet<String>,
    pub(super) cookies: &'a [String],
    pub(super) headers: &'a [String],
}

impl Expression {
    /// Compiles and checks every name, filter and test in it.
    pub(super) fn compile(text: &str, known: &Known<'_>) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("is empty".to_owned());
        }
        if text.len() > MAX_EXPRESSION {
            return Err(format!("is longer than {MAX_EXPRESSION} bytes"));
        }
        let code = ENVIRONMENT.compile_expression_owned(text.to_owned()).map_err(|error| {
            format!(
                "is no expression: {}",
                error.detail().map_or_else(|| error.kind().to_string(), str::to_owned)
            )
        })?;
        let names: BTreeSet<String> = code.undeclared_variables(true).into_iter().collect();
        for name in &names {
            known.check(name)?;
        }
        check_words(text)?;
        if names.iter().any(|name| name == "event_name") {
            check_event_names(text)?;
        }
        Ok(Self { code, names })
    }

    pub(super) fn eval(&self, scope: &Value) -> Result<Value, Failure> {
        match self.code.eval(scope.clone()) {
            Ok(value) if value.is_undefined() => Err(Failure::Absent),
            Ok(value) => Ok(value),
            Err(error) => Err(match error.kind() {
                ErrorKind::UndefinedError => Failure::Absent,
                kind => {
                    // Only our own words: the engine's may repeat what it was given.
                    let own = error.detail().filter(|detail| [NO_NUMBER, TOO_LARGE].contains(detail));
                    Failure::Failed(own.map_or_else(|| kind.to_string(), str::to_owned))
                }
            }),
        }
    }

    /// As a condition: what is not there fulfils none.
    pub(super) fn holds(&self, scope: &Value) -> Result<bool, Failure> {
        match self.eval(scope) {
            Ok(value) => Ok(value.is_true()),
            Err(Failure::Absent) => Ok(false),
            Err(failed) => Err(failed),
        }
    }
}

const FIELDS: &[&str] = &[
    "channel",
    "consent",
    "content_type",
    "contents",
    "currency",
    "description",
    "destination",
    "event_id",
    "event_name",
    "event_time",
    "num_items",
    "order_id",
    "page",
    "properties",
    "search_string",
    "site",
    "source",
    "user",
    "value",
];

impl Known<'_> {
    fn check(&self, name: &str) -> Result<(), String> {
        let (root, rest) = name.split_once('.').unwrap_or((name, ""));
        let field = rest.split('.').next().unwrap_or_default();
        let among = |list: &[&str]| {
            if field.is_empty() || list.contains(&field) {
                return Ok(());
            }
            Err(format!("{root} has no {field}; it has {}", list.join(", ")))
        };
        match root {
            "page" => among(&["url", "path", "host", "query", "referrer", "title"]),
            "user" => among(&["country", "has"]),
            "consent" => among(&["advertising", "analytics", "functional"]),
            "vars" => {
                let listed = field.is_empty() || self.variables.contains(field);
                listed.then_some(()).ok_or_else(|| format!("there is no variable {field} before this"))
            }
            "cookies" | "headers" if !self.at_door => Err(format!(
                "{root} are gone when an event is sent: copy what you need into a property at the door"
            )),
            "cookies" => listed(field, self.cookies, "cookies"),
            "headers" => listed(field, self.headers, "headers"),
            "item" if self.item => among(super::field::ITEM_FIELDS),
            "item" => Err("item is only known in set of a field of contents[]".to_owned()),
            _ if FIELDS.contains(&root) => Ok(()),
            _ => Err(format!("{root} is not known here; the fields are {}", FIELDS.join(", "))),
        }
    }
}

fn listed(field: &str, list: &[String], kind: &str) -> Result<(), String> {
    let there = list.iter().any(|name| super::view::plain_name(name) == field);
    there.then_some(()).ok_or_else(|| format!("{field} is not listed in rule_inputs.{kind}"))
}

/// Filters and tests are looked up when an expression runs; a slip in one shall be seen before that.
fn check_words(text: &str) -> Result<(), String> {
    let bare = without_texts(text);
    let word = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
    };
    for part in bare.split('|').skip(1) {
        let name = word(part);
        if !FILTERS.contains(&name.as_str()) {
            return Err(format!("there is no filter {name:?}; there are {}", FILTERS.join(", ")));
        }
    }
    let mut words = bare.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(|w| !w.is_empty());
    while let Some(word) = words.next() {
        if word != "is" {
            continue;
        }
        let test = words.by_ref().find(|word| *word != "not").unwrap_or_default();
        if !TESTS.contains(&test) {
            return Err(format!("there is no test {test:?}; there are {}", TESTS.join(", ")));
        }
    }
    Ok(())
}

/// The expression with its text literals emptied.
fn without_texts(text: &str) -> String {
    let (mut bare, mut open) = (String::with_capacity(text.len()), None);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match open {
            Some(quote) => {
                if c == '\\' {
                    chars.next();
                } else if c == quote {
                    open = None;
                    bare.push(c);
                }
            }
            None => {
                open = matches!(c, '\'' | '"').then_some(c);
                bare.push(c);
            }
        }
    }
    bare
}

/// `event_name == 'page_view'` would never be true: names are resolved at the door.
fn check_event_names(text: &str) -> Result<(), String> {
    for (at, _) in text.match_indices("event_name") {
        let rest = text[at + "event_name".len()..].trim_start();
        let Some(rest) = rest.strip_prefix("==").or_else(|| rest.strip_prefix("!=")) else { continue };
        let rest = rest.trim_start();
        let Some(quote) = rest.chars().next().filter(|c| matches!(c, '\'' | '"')) else { continue };
        let literal = rest[1..].split(quote).next().unwrap_or_default();
        let kept = names::resolve(literal).map_err(|_| format!("no event is called {literal:?}"))?.name;
        if kept != literal {
            return Err(format!("no event is called {literal:?}: here it is {kept:?}"));
        }
    }
    Ok(())
}
