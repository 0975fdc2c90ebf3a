//! Reads digits by the numbering plans: the rules of Google's libphonenumber over the metadata of the crate
//! `phonenumber`.
//!
//! Parsing and validation are our own: those of the crate take the first digit of some numbers for a trunk
//! prefix (all of Saint Petersburg, `+7 812 …`), accept a number when only its beginning matches, and recompile
//! patterns under one lock as soon as callers come from a dozen countries.

use phonenumber::Metadata;
use phonenumber::Type::{
    self, FixedLine, Mobile, Pager, PersonalNumber, PremiumRate, SharedCost, TollFree, Uan, Voicemail, Voip,
};
use phonenumber::metadata::{DATABASE, Descriptor};

use super::pattern;

/// In the order in which customers' numbers are of these types.
const TYPES: [Type; 10] =
    [Mobile, FixedLine, TollFree, Voip, SharedCost, PremiumRate, PersonalNumber, Pager, Uan, Voicemail];

/// A number that exists in the plan of its country.
pub(super) struct Number {
    pub(super) code: u16,
    pub(super) national: String,
}

/// The plan of a region, by its alpha-2 code in either case.
pub(super) fn region(alpha2: &str) -> Option<&'static Metadata> {
    let alpha2 = alpha2.trim();
    if alpha2.len() != 2 { None } else { DATABASE.by_id(alpha2.to_ascii_uppercase().as_str()) }
}

/// Loads all plans.
pub(super) fn load() {
    let _ = region("US");
}

/// Reads digits that begin with a country code.
pub(super) fn international(digits: &str) -> Option<Number> {
    let (code, national, regions) = (1..=3).find_map(|len| {
        let (code, national) = digits.split_at_checked(len)?;
        let code: u16 = if code.starts_with('0') { None } else { code.parse().ok() }?;
        DATABASE.by_code(&code).map(|regions| (code, national, regions))
    })?;
    within(regions.first()?, code, national)
}

/// Reads digits as they are dialled within a region, or from there abroad.
pub(super) fn national(region: &Metadata, digits: &str) -> Option<Number> {
    let abroad = region.international_prefix().and_then(|idd| {
        let rest = digits.get(pattern::prefix(idd.as_str(), digits)?.end..)?;
        if rest.starts_with('0') { None } else { international(rest) }
    });
    if abroad.is_some() {
        return abroad;
    }
    let general = region.descriptors().general().national_number().as_str();
    let code = region.country_code();
    // The country code without a plus sign, if the digits make no sense otherwise.
    if let Some(rest) = digits.strip_prefix(code.to_string().as_str()) {
        let rest = without_trunk(region, rest);
        let too_long = digits.len() > longest(region);
        if too_long || (!pattern::is_full(general, digits) && pattern::is_full(general, &rest)) {
            return number(code, rest);
        }
    }
    within(region, code, digits)
}

/// Reads a national number with or without what is dialled in front of it.
fn within(region: &Metadata, code: u16, digits: &str) -> Option<Number> {
    number(code, without_trunk(region, digits)).or_else(|| {
        // Not every zero is followed by a carrier code that happens to fit.
        number(code, digits.strip_prefix(region.national_prefix()?)?.to_owned())
    })
}

/// The national number without the prefix of national calls, and carrier codes and the like with it.
fn without_trunk(region: &Metadata, national: &str) -> String {
    strip_trunk(region, national).unwrap_or_else(|| national.to_owned())
}

fn strip_trunk(region: &Metadata, national: &str) -> Option<String> {
    let prefix = region.national_prefix_for_parsing().map(|p| p.as_str()).or(region.national_prefix())?;
    let found = pattern::prefix(prefix, national).filter(|found| found.end > 0)?;
    let rest = national.get(found.end..)?;
    let rewritten = region.national_prefix_transform_rule().and_then(|rule| {
        let (before, after) = rule.split_once('$')?;
        let group = usize::try_from(after.chars().next()?.to_digit(10)?).ok()?;
        let behind = after.get(1..)?;
        Some([before, found.group(group, national)?, behind, rest].concat())
    });
    let stripped = rewritten.unwrap_or_else(|| rest.to_owned());
    let general = region.descriptors().general().national_number().as_str();
    if pattern::is_full(general, national) && !pattern::is_full(general, &stripped) {
        return None;
    }
    (is_possible(region, stripped.len()) || stripped.len() > longest(region)).then_some(stripped)
}

fn number(code: u16, national: String) -> Option<Number> {
    is_valid(code, &national).then_some(Number { code, national })
}

/// Whether the plan of the country, or of the one of several that share the code, has this number.
fn is_valid(code: u16, national: &str) -> bool {
    let Some(regions) = DATABASE.by_code(&code) else { return false };
    if let [only] = regions.as_slice() {
        return has_type(only, national);
    }
    for region in regions {
        match region.leading_digits() {
            Some(leading) if pattern::is_prefix(leading.as_str(), national) => {
                return has_type(region, national);
            }
            Some(_) => {}
            None if has_type(region, national) => return true,
            None => {}
        }
    }
    false
}

fn has_type(region: &Metadata, national: &str) -> bool {
    pattern::is_full(region.descriptors().general().national_number().as_str(), national)
        && descriptors(region).any(|kind| {
            u16::try_from(national.len()).is_ok_and(|len| kind.possible_length().contains(&len))
                && pattern::is_full(kind.national_number().as_str(), national)
        })
}

fn is_possible(region: &Metadata, len: usize) -> bool {
    descriptors(region).flat_map(Descriptor::possible_length).any(|&possible| usize::from(possible) == len)
}

fn longest(region: &Metadata) -> usize {
    descriptors(region).flat_map(Descriptor::possible_length).max().map_or(0, |&len| usize::from(len))
}

fn descriptors(region: &Metadata) -> impl Iterator<Item = &Descriptor> {
    TYPES.into_iter().filter_map(|kind| region.descriptors().get(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example numbers of every region, as dialled from abroad and from within.
    #[test]
    fn every_regions_examples() {
        let (mut seen, mut odd) = (0, Vec::new());
        for region in DATABASE.iter() {
            for kind in [Mobile, FixedLine, TollFree] {
                let Some(example) = region.descriptors().get(kind).and_then(|d| d.example()) else {
                    continue;
                };
                seen += 1;
                let code = region.country_code();
                let wanted = format!("{code} {example}");
                let got = |number: Option<Number>| {
                    number.map_or_else(|| "none".to_owned(), |n| format!("{} {}", n.code, n.national))
                };
                let abroad = got(international(&format!("{code}{example}")));
                let bare = got(national(region, example));
                let prefix = region.national_prefix().unwrap_or_default();
                let within = got(national(region, &format!("{prefix}{example}")));
                for (how, found) in [("abroad", abroad), ("bare", bare), ("within", within)] {
                    if found != wanted {
                        odd.push(format!("{} {kind:?} {how}: {found}, not {wanted}", region.id()));
                    }
                }
            }
        }
        assert!(seen > 500, "only {seen} examples");
        assert!(odd.is_empty(), "{} of {seen}:\n{}", odd.len(), odd.join("\n"));
    }
}
