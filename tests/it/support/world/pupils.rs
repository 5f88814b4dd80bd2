//! Invented pupils with numbers of the test range, and the rows that parties deliver about them.

use doelpoort_core::identifier::{Identifier, IdentifierKind};
use serde_json::{Value, json};

/// A site of the first board, and the consulent who looks after it.
pub(crate) const SITE: &str = "16KK00";
/// Another site of the same board, in nobody's caseload.
pub(crate) const OTHER_SITE: &str = "16ML00";
/// A secondary school of the same board.
pub(crate) const SECONDARY_SITE: &str = "16AW00";
/// The consulent of the example folder.
pub(crate) const CONSULENT: &str = "consulent-01";

/// The BSN of pupil `number`: of the test range, passing its check.
pub(crate) fn bsn(number: usize) -> String {
    let oin = "00000099000000000034".parse().unwrap();
    let valid = |text: &String| Identifier::parse(IdentifierKind::Bsn, text, &oin).is_ok();
    let start = 999_000_000 + number * 20;
    (start..start + 20)
        .map(|number| number.to_string())
        .find(valid)
        .unwrap()
}

/// The ECK iD of pupil `number`: random enough to be found nowhere by chance.
pub(crate) fn eck_id(number: usize) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, format!("eck {number}").as_bytes());
    data_encoding::HEXLOWER.encode(digest.as_ref())
}

/// An enrolment since August at the primary school of the caseload.
pub(crate) fn enrolment(number: usize) -> Value {
    enrolment_in(number, SITE, "BO", "WK003403")
}

/// An enrolment since August.
pub(crate) fn enrolment_in(number: usize, site: &str, sector: &str, neighbourhood: &str) -> Value {
    let group = if sector == "BO" { "5" } else { "12" };
    json!({
        "pupil": { "bsn": bsn(number), "eckId": eck_id(number) },
        "site": site, "from": "2026-08-01", "sector": sector, "year-group": group,
        "neighbourhood": neighbourhood, "birth-date": "2016-03-04",
    })
}

/// The same enrolments and others of the same pupils at the secondary school, so that the partnerships for primary and
/// for secondary education each have these pupils in a caseload.
pub(crate) fn at_both_schools(enrolments: Vec<Value>) -> Vec<Value> {
    let secondary = enrolments.iter().cloned().map(|mut row| {
        row["site"] = SECONDARY_SITE.into();
        (row["sector"], row["year-group"]) = ("VO".into(), "12".into());
        row
    });
    let secondary: Vec<_> = secondary.collect();
    [enrolments, secondary].concat()
}

/// The sites of the two consulents of [`at_both_schools`]: who delivers, who looks after it, and the site.
pub(crate) const CASELOADS: [(&str, &str, &str); 2] = [
    ("swv-po-delivery", CONSULENT, SITE),
    ("swv-vo-delivery", "consulent-02", SECONDARY_SITE),
];

/// What the municipality knows of the same child.
pub(crate) fn resident(number: usize) -> Value {
    resident_in(number, Some(SITE), "WK003403")
}

/// A child that lives somewhere and attends a site, or none.
pub(crate) fn resident_in(number: usize, site: Option<&str>, neighbourhood: &str) -> Value {
    let mut row = json!({
        "pupil": { "bsn": bsn(number) }, "birth-date": "2016-03-04",
        "neighbourhood": neighbourhood, "from": "2026-08-01",
    });
    if let Some(site) = site {
        row["site"] = site.into();
    }
    row
}

/// An absence without permission since September.
pub(crate) fn absence(number: usize) -> Value {
    json!({
        "pupil": { "bsn": bsn(number), "eckId": eck_id(number) },
        "since": "2026-09-10", "kind": "unauthorised", "reason": "school-conflict",
        "stay-at-home": false, "status": "in-progress", "hours": 12,
    })
}

/// A granted declaration, as the SWV knows the pupil.
pub(crate) fn admissibility(number: usize) -> Value {
    json!({
        "pupil": { "eckId": eck_id(number) }, "kind": "SBO", "received": "2026-09-01",
        "complete": "2026-09-03", "decided": "2026-09-20", "outcome": "granted",
        "number": format!("PO2401-2026-{number:05}"), "valid-from": "2026-10-01", "valid-until": "2028-07-31",
    })
}

/// A site in the care of a consulent since August.
pub(crate) fn caseload(staff: &str, site: &str) -> Value {
    json!({ "staff": staff, "site": site, "from": "2026-08-01" })
}

/// A few hundred children whose numbers by place are known: 60 in Almere Haven, 140 in Almere Stad (100 in one
/// neighbourhood, 40 in another, of whom 30 in secondary education), 2 in Almere Buiten, nobody elsewhere; and 25 in
/// Almere Stad who are enrolled nowhere.
pub(crate) fn city() -> (Vec<Value>, Vec<Value>) {
    let (mut enrolments, mut residents) = (Vec::new(), Vec::new());
    for number in 0..202 {
        let (site, sector, place) = match number {
            0..60 => (SITE, "BO", "WK003403"),
            60..160 => (SITE, "BO", "WK003418"),
            160..170 => (OTHER_SITE, "BO", "WK003419"),
            170..200 => (SECONDARY_SITE, "VO", "WK003419"),
            _ => (SITE, "BO", "WK003441"),
        };
        enrolments.push(enrolment_in(number, site, sector, place));
        residents.push(resident_in(number, Some(site), place));
    }
    residents.extend((300..325).map(|number| resident_in(number, None, "WK003418")));
    (enrolments, residents)
}
