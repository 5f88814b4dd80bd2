//! What a grant demands and limits, besides what it gives. Exhaustive over the forms.

use super::matrix;
use super::words::{both, code, field, list, scope, slug, staff};
use crate::catalogue::Catalogue;
use crate::identifier::IdentifierKind;
use crate::party::Organisations;
use crate::purpose::{Grant, Holders, KeyPeriod, Per, Rate};
use crate::text::Text;

/// What a grant demands and limits, besides what it gives: a key that says which, and the words.
pub(super) fn terms(
    grant: &Grant,
    catalogue: &Catalogue,
    organisations: &Organisations,
) -> Vec<(&'static str, Text)> {
    let mut terms = Vec::new();
    terms.extend(grant.scope().map(|one| ("scope", scope(one))));
    terms.extend(matrix::staff(grant).map(|rule| ("staff", staff(rule))));
    terms.extend(
        grant
            .holders()
            .map(|one| ("holders", holders(one, organisations))),
    );
    match grant {
        Grant::Delivery(_) => {}
        Grant::Facts(facts) => terms.push(("identifiers", identifiers(&facts.identifiers))),
        Grant::Figures(figures) => {
            let always = figures.only.iter().map(|(dimension, value)| {
                let (named, label) = (
                    field(catalogue, &dimension.field),
                    code(catalogue, dimension, value),
                );
                both(
                    format!("{} = {}", named.nl, label.nl),
                    format!("{} = {}", named.en, label.en),
                )
            });
            terms.extend(fixed(&always.collect::<Vec<_>>()));
            terms.push(("max_dimensions", crossed(figures.max_dimensions)));
            if figures.round > 1 {
                terms.push(("round", rounded(figures.round)));
            }
            terms.extend(figures.limit.cells.map(|cells| ("cells", cells_max(cells))));
        }
        Grant::Records(records) => {
            let always = records.only.iter().map(|(name, value)| {
                let named = field(catalogue, name);
                both(
                    format!("{} = `{value}`", named.nl),
                    format!("{} = `{value}`", named.en),
                )
            });
            terms.extend(fixed(&always.collect::<Vec<_>>()));
            terms.push(("key_period", key_period(records.key_period)));
            terms.push(("page_max", page(records.page_max)));
        }
    }
    terms.push(("limit", rate(grant.limit().requests)));
    terms
}

fn fixed(always: &[Text]) -> Option<(&'static str, Text)> {
    let Text { nl, en } = list(always);
    let words = || both(format!("altijd alleen {nl}"), format!("always only {en}"));
    (!always.is_empty()).then(|| ("only", words()))
}

fn crossed(count: u8) -> Text {
    let (nl, en) = if count == 1 {
        ("indeling", "dimension")
    } else {
        ("indelingen", "dimensions")
    };
    both(
        format!("ten hoogste {count} {nl} naast de plaats"),
        format!("at most {count} {en} besides the place"),
    )
}

fn rounded(base: u32) -> Text {
    both(
        format!("aantallen afgerond op {base}"),
        format!("figures rounded to {base}"),
    )
}

fn cells_max(cells: u32) -> Text {
    both(
        format!("ten hoogste {cells} cellen per peilmoment"),
        format!("at most {cells} cells an epoch"),
    )
}

fn page(rows: u32) -> Text {
    both(
        format!("ten hoogste {rows} regels per bladzijde"),
        format!("at most {rows} rows a page"),
    )
}

fn key_period(period: KeyPeriod) -> Text {
    match period {
        KeyPeriod::None => both(
            "een schuilnaam blijft zolang de sleutel blijft",
            "a pseudonym stays as long as the key does",
        ),
        KeyPeriod::SchoolYear => both(
            "een schuilnaam geldt één schooljaar",
            "a pseudonym holds for one school year",
        ),
    }
}

/// How often.
fn rate(rate: Rate) -> Text {
    let (nl, en) = match rate.per {
        Per::Second => ("seconde", "second"),
        Per::Minute => ("minuut", "minute"),
        Per::Hour => ("uur", "hour"),
        Per::Day => ("dag", "day"),
    };
    both(
        format!("ten hoogste {} verzoeken per {nl}", rate.count),
        format!("at most {} requests per {en}", rate.count),
    )
}

fn holders(holders: &Holders, organisations: &Organisations) -> Text {
    match holders {
        Holders::All => both("rijen van alle bronhouders", "rows of all holders"),
        Holders::Listed(slugs) => {
            let names: Vec<Text> = slugs
                .iter()
                .map(|one| Text::same(slug(organisations, one)))
                .collect();
            let Text { nl, en } = list(&names);
            both(format!("alleen rijen van {nl}"), format!("only rows of {en}"))
        }
    }
}

fn identifiers(kinds: &[IdentifierKind]) -> Text {
    let names: Vec<Text> = kinds.iter().map(|kind| Text::same(format!("`{kind}`"))).collect();
    let Text { nl, en } = list(&names);
    both(
        format!("een leerling wordt genoemd met {nl}"),
        format!("a pupil is named by {en}"),
    )
}
