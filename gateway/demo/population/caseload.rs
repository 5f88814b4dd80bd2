//! Which consulent of the partnerships looks after which sites.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::code::{Brin6, SwvNumber};
use super::rows::CaseloadRow;
use super::tables::Site;

/// Consulents by partnership number: **an assumption**; the sites are divided by pupils.
const CONSULENTS: [(&str, u16); 2] = [("PO2401", 16), ("VO2401", 7)];
/// The pupils of the one small caseload: its site is the one that comes nearest.
const SMALL_PUPILS: u32 = 100;

/// The caseloads, and who has the small one.
pub(crate) struct Caseloads {
    /// The rows by partnership.
    pub(crate) rows: BTreeMap<SwvNumber, Vec<CaseloadRow>>,
    /// The consulent with about 100 pupils.
    pub(crate) small: String,
}

/// Divides the sites, neighbours together, so that caseloads are about equally large.
pub(crate) fn caseloads(sites: &[&Site], pupils: &BTreeMap<Brin6, u32>, from: Date) -> Caseloads {
    let of = |site: &Site| pupils.get(&site.brin6).copied().unwrap_or(0);
    let small_site = sites
        .iter()
        .filter(|site| site.swv.is_some_and(|swv| swv.as_str() == "PO2401"))
        .min_by_key(|site| of(site).abs_diff(SMALL_PUPILS))
        .map(|site| site.brin6);
    let (mut rows, mut small, mut next) = (BTreeMap::new(), String::new(), 1);
    for (name, consulents) in CONSULENTS {
        let Ok(swv) = name.parse::<SwvNumber>() else {
            continue;
        };
        let mut own: Vec<&Site> = sites
            .iter()
            .copied()
            .filter(|site| site.swv == Some(swv))
            .collect();
        own.sort_by_key(|site| (site.neighbourhood, site.brin6));
        let last = next + consulents - 1;
        let mut caseload: Vec<CaseloadRow> = Vec::with_capacity(own.len());
        if let Some(site) = own.extract_if(.., |site| Some(site.brin6) == small_site).next() {
            small = staff(last);
            caseload.push(row(&small, site, from));
        }
        let sharing = if caseload.is_empty() {
            consulents
        } else {
            consulents - 1
        };
        caseload.extend(divide(&own, sharing, next, from, of));
        caseload.sort_by(|a, b| (&a.staff, a.site).cmp(&(&b.staff, b.site)));
        next += consulents;
        rows.insert(swv, caseload);
    }
    Caseloads { rows, small }
}

/// Goes along the sites and changes to the next consulent after an equal part of the pupils.
fn divide(
    sites: &[&Site],
    consulents: u16,
    first: u16,
    from: Date,
    of: impl Fn(&Site) -> u32,
) -> Vec<CaseloadRow> {
    let total: u32 = sites.iter().map(|site| of(site)).sum::<u32>().max(1);
    let mut before = 0;
    sites
        .iter()
        .map(|site| {
            let middle = u64::from(before + of(site) / 2) * u64::from(consulents) / u64::from(total);
            before += of(site);
            let place = u16::try_from(middle).unwrap_or(0).min(consulents - 1);
            row(&staff(first + place), site, from)
        })
        .collect()
}

fn row(staff: &str, site: &Site, from: Date) -> CaseloadRow {
    CaseloadRow {
        staff: staff.to_owned(),
        site: site.brin6,
        from,
        until: None,
    }
}

fn staff(number: u16) -> String {
    format!("consulent-{number:02}")
}
