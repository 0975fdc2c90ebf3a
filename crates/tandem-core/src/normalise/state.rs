//! State, province or region.

use std::borrow::Cow;

use super::{Normalised, Reason, address};

/// Names without white space and punctuation, and their codes.
const UNITED_STATES: &str = "alabama=al alaska=ak arizona=az arkansas=ar california=ca colorado=co connecticut=ct \
    delaware=de districtofcolumbia=dc washingtondc=dc florida=fl georgia=ga hawaii=hi idaho=id illinois=il \
    indiana=in iowa=ia kansas=ks kentucky=ky louisiana=la maine=me maryland=md massachusetts=ma michigan=mi \
    minnesota=mn mississippi=ms missouri=mo montana=mt nebraska=ne nevada=nv newhampshire=nh newjersey=nj \
    newmexico=nm newyork=ny northcarolina=nc northdakota=nd ohio=oh oklahoma=ok oregon=or pennsylvania=pa \
    rhodeisland=ri southcarolina=sc southdakota=sd tennessee=tn texas=tx utah=ut vermont=vt virginia=va \
    washington=wa westvirginia=wv wisconsin=wi wyoming=wy americansamoa=as guam=gu northernmarianaislands=mp \
    puertorico=pr virginislands=vi usvirginislands=vi";

const CANADA: &str = "alberta=ab britishcolumbia=bc colombiebritannique=bc manitoba=mb newbrunswick=nb \
    nouveaubrunswick=nb newfoundlandandlabrador=nl newfoundland=nl northwestterritories=nt novascotia=ns \
    nouvelleécosse=ns nunavut=nu ontario=on princeedwardisland=pe quebec=qc québec=qc saskatchewan=sk yukon=yt";

/// A state, trimmed and lower-cased. [`address::plain`] of it is what TikTok takes.
pub fn normalise(raw: &str) -> Result<Normalised, Reason> {
    address::city(raw)
}

/// The text to hash: the two-letter code for the United States and Canada, else the name without white space and
/// punctuation (Meta's customer information parameters, Pinterest API for Conversions).
///
/// `country` is the lower-case alpha-2 code if it is known; names are looked up unless it is another country's.
pub fn code<'a>(lower: &'a str, country: Option<&str>) -> Cow<'a, str> {
    let tables: &[&str] = match country {
        None => &[UNITED_STATES, CANADA],
        Some("us") => &[UNITED_STATES],
        Some("ca") => &[CANADA],
        Some(_) => &[],
    };
    if let (false, Some((prefix, code))) = (tables.is_empty(), lower.split_once('-'))
        && matches!(prefix, "us" | "ca")
        && code.len() == 2
    {
        return Cow::Borrowed(code);
    }
    let compact = address::compact(lower);
    if compact.len() > 2 {
        for pair in tables.iter().flat_map(|table| table.split_ascii_whitespace()) {
            if let Some((name, code)) = pair.split_once('=')
                && name == compact
            {
                return Cow::Borrowed(code);
            }
        }
    }
    compact
}
