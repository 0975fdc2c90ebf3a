//! Countries: ISO 3166-1 alpha-2.

use super::{Normalised, Prepared, Reason, prepare_person, text};

/// One country per line: alpha-2, alpha-3, then names in English and in its own languages; letters a to z only.
const NAMES: &str = include_str!("countries.txt");

/// Every alpha-2 code in alphabetical order, with Kosovo's customary `xk`.
const ALPHA2: &[u8; 500] = b"\
    adaeafagaialamaoaqarasatauawaxazbabbbdbebfbgbhbibjblbmbnbobqbrbsbtbvbwbybzcacccdcfcgchcickcl\
    cmcncocrcucvcwcxcyczdedjdkdmdodzeceeegeheresetfifjfkfmfofrgagbgdgegfggghgiglgmgngpgqgrgsgtgu\
    gwgyhkhmhnhrhthuidieiliminioiqirisitjejmjojpkekgkhkikmknkpkrkwkykzlalblclilklrlsltlulvlymamc\
    mdmemfmgmhmkmlmmmnmompmqmrmsmtmumvmwmxmymznancnenfngninlnonpnrnunzompapepfpgphpkplpmpnprpspt\
    pwpyqarerorsrurwsasbscsdsesgshsisjskslsmsnsosrssstsvsxsysztctdtftgthtjtktltmtntotrtttvtwtzua\
    ugumusuyuzvavcvevgvivnvuwfwsxkyeytzazmzw";

/// The alpha-2 code in lower case, from a code of two or three letters or a name.
///
/// Source: TikTok (plain), Meta, Pinterest and Snap (hashed) all want the lower-case code. `UK` and `EL` are read
/// as `gb` and `gr`.
pub fn normalise(raw: &str) -> Result<Normalised, Reason> {
    match prepare_person(raw)? {
        Prepared::Hashed(hashed) => Ok(Normalised::Hashed(hashed)),
        Prepared::Text(text) => {
            find(text).map(|code| Normalised::Text(code.to_owned())).ok_or(Reason::InvalidCountry)
        }
    }
}

/// The lower-case alpha-2 code of a country's code or name.
fn find(text: &str) -> Option<&'static str> {
    if let &[a, b] = text.as_bytes() {
        let code = [a.to_ascii_lowercase(), b.to_ascii_lowercase()];
        return match &code {
            b"uk" => Some("gb"),
            b"el" => Some("gr"),
            _ => alpha2(code),
        };
    }
    if text.len() > 60 {
        return None;
    }
    let lower = text.to_lowercase();
    let name: String = text::fold_accents(&lower).chars().filter(char::is_ascii_alphabetic).collect();
    if name.len() < 3 {
        return None;
    }
    let line = NAMES.lines().find(|line| line.split(' ').skip(1).any(|known| known == name))?;
    line.get(..2)
}

/// The code itself if a country has it.
fn alpha2(code: [u8; 2]) -> Option<&'static str> {
    let (mut low, mut high) = (0, ALPHA2.len() / 2);
    while low < high {
        let middle = usize::midpoint(low, high);
        let here = &ALPHA2[middle * 2..middle * 2 + 2];
        match here.cmp(&code[..]) {
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Greater => high = middle,
            std::cmp::Ordering::Equal => return std::str::from_utf8(here).ok(),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_list_and_the_name_list_agree() {
        let codes: Vec<&str> = ALPHA2.chunks(2).map(|c| std::str::from_utf8(c).unwrap()).collect();
        let lines: Vec<&str> = NAMES.lines().map(|l| &l[..2]).collect();
        assert_eq!(codes, lines);
        assert!(codes.is_sorted());
        for code in codes {
            assert_eq!(find(&code.to_uppercase()), Some(code));
        }
    }

    #[test]
    fn names_and_other_codes() {
        for (text, code) in [
            ("Germany", "de"),
            ("Österreich", "at"),
            ("USA", "us"),
            ("United Kingdom", "gb"),
            ("UK", "gb"),
            ("Côte d'Ivoire", "ci"),
            ("South-Korea", "kr"),
        ] {
            assert_eq!(find(text), Some(code), "{text}");
        }
        assert_eq!(find("Atlantis"), None);
        assert_eq!(find("zz"), None);
        assert_eq!(find("é"), None);
    }
}
