//! What a grant demands and limits, besides what it gives. Exhaustive over the forms.

use super::matrix;
use super::words::{both, code, duration, field, list, scope, slug, staff};
use crate::catalogue::{Catalogue, FieldName, Name};
use crate::figures::suppress::Suppression;
use crate::identifier::IdentifierKind;
use crate::party::Organisations;
use crate::purpose::{
    Conditions, Entitlement, Grant, Holders, KAnonymous, KeyPeriod, LinkScope, Mechanism, Per, Rate,
    ResolveGrant, SearchGrant,
};
use crate::text::Text;

/// What a grant demands and limits, besides what it gives: a key that says which, and the words.
#[expect(clippy::too_many_lines, reason = "one arm for each form")]
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
        Grant::Facts(facts) => {
            terms.extend(fixed(&own_codes(catalogue, &facts.only)));
            terms.push(("identifiers", identifiers(&facts.identifiers)));
            terms.extend(facts.break_glass.as_ref().map(|code| {
                let told = both(
                    format!("noodprocedure ({code}): wordt altijd bekeken"),
                    format!("emergency procedure ({code}): always looked at"),
                );
                ("break_glass", told)
            }));
        }
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
            match &figures.mechanism {
                Mechanism::CellKey => {}
                Mechanism::Exact(by) => terms.push(("mechanism", exact(by))),
                Mechanism::SuppressRound(rule) => terms.push(("mechanism", suppressed(*rule))),
            }
            if figures.round > 1 {
                terms.push(("round", rounded(figures.round)));
            }
            if figures.show_from > 0 {
                terms.push(("show_from", shown_from(figures.show_from)));
            }
            terms.extend(figures.limit.cells.map(|cells| ("cells", cells_max(cells))));
        }
        Grant::Records(records) => {
            terms.extend(fixed(&own_codes(catalogue, &records.only)));
            match &records.anonymous {
                None => terms.push(("key_period", key_period(records.key_period))),
                Some(anonymous) => terms.push(("k_anonymity", anonymous_rows(anonymous))),
            }
            if records.overlap_days > 0 {
                terms.push(("overlap_days", overlap(records.overlap_days)));
            }
            if records.link == LinkScope::Dataset {
                terms.push(("link", apart()));
            }
            terms.push(("page_max", page(records.page_max)));
        }
        Grant::Resolve(resolve) => terms.extend(resolution(resolve)),
        Grant::Restrict(restrict) => terms.push(("identifiers", identifiers(&restrict.identifiers))),
        Grant::Search(search) => terms.extend(searching(search)),
        Grant::Translate(translate) => {
            terms.push(("from", under(&translate.from)));
            let to = slug(organisations, &translate.to);
            terms.push((
                "to",
                both(
                    format!("naar {to}, voor het doel `{}`", translate.to_purpose),
                    format!("to {to}, for purpose `{}`", translate.to_purpose),
                ),
            ));
            terms.push(("per_day", a_day(translate.per_day)));
        }
    }
    terms.extend(
        grant
            .conditions()
            .into_iter()
            .flat_map(|all| conditions(all, organisations)),
    );
    terms.push(("limit", rate(grant.limit().requests)));
    terms
}

fn own_codes(catalogue: &Catalogue, only: &[(FieldName, String)]) -> Vec<Text> {
    let told = |(name, value): &(FieldName, String)| {
        let named = field(catalogue, name);
        both(
            format!("{} = `{value}`", named.nl),
            format!("{} = `{value}`", named.en),
        )
    };
    only.iter().map(told).collect()
}

fn resolution(resolve: &ResolveGrant) -> Vec<(&'static str, Text)> {
    let reasons: Vec<Text> = resolve
        .reasons
        .iter()
        .map(|reason| Text::same(format!("`{reason}`")))
        .collect();
    let Text { nl, en } = list(&reasons);
    let told = |shown: bool, nl: &str, en: &str| {
        if shown {
            both(
                format!("de bronhouder leest {nl}"),
                format!("the holder reads {en}"),
            )
        } else {
            both(
                format!("de bronhouder leest {nl} niet"),
                format!("the holder does not read {en}"),
            )
        }
    };
    vec![
        ("of", under(&resolve.of)),
        (
            "reasons",
            both(format!("met als reden {nl}"), format!("for the reason {en}")),
        ),
        (
            "shows.purpose",
            told(resolve.shows_purpose, "het doel", "the purpose"),
        ),
        ("shows.case", told(resolve.shows_case, "de zaak", "the case")),
        (
            "deadline_days",
            both(
                format!("antwoord binnen {} dagen", resolve.deadline_days),
                format!("an answer within {} days", resolve.deadline_days),
            ),
        ),
        (
            "persons",
            both(
                format!("vrijgegeven door {} personen samen", resolve.persons),
                format!("released by {} persons together", resolve.persons),
            ),
        ),
        ("per_day", a_day(resolve.per_day)),
    ]
}

fn under(purpose: &Name) -> Text {
    both(
        format!("schuilnamen van het doel `{purpose}`"),
        format!("pseudonyms of purpose `{purpose}`"),
    )
}

fn searching(search: &SearchGrant) -> Vec<(&'static str, Text)> {
    let reasons: Vec<Text> = search
        .reasons
        .iter()
        .map(|reason| Text::same(format!("`{reason}`")))
        .collect();
    let Text { nl, en } = list(&reasons);
    let (persons, per_day) = (search.persons, search.per_day);
    vec![
        ("identifiers", identifiers(&search.identifiers)),
        (
            "reasons",
            both(format!("met als reden {nl}"), format!("for the reason {en}")),
        ),
        (
            "persons",
            both(
                format!("{persons} personen beslissen samen"),
                format!("{persons} persons decide together"),
            ),
        ),
        (
            "per_day",
            both(
                format!("ten hoogste {per_day} leerlingen per dag"),
                format!("at most {per_day} pupils a day"),
            ),
        ),
    ]
}

fn a_day(count: u32) -> Text {
    both(
        format!("ten hoogste {count} schuilnamen per dag"),
        format!("at most {count} pseudonyms a day"),
    )
}

fn shown_from(count: u32) -> Text {
    both(
        format!("aantallen onder {count} blijven verborgen"),
        format!("figures below {count} stay hidden"),
    )
}

/// What holds besides: the grant's own term, what happens while a holder sleeps, and single holders' conditions.
fn conditions(conditions: &Conditions, organisations: &Organisations) -> Vec<(&'static str, Text)> {
    let mut terms = Vec::new();
    terms.extend(
        conditions
            .retention
            .as_deref()
            .map(|kept| ("retention", kept_for(kept))),
    );
    if conditions.partial {
        terms.push((
            "partial",
            both(
                "ook zonder de rijen van een bronhouder die niet heeft getekend",
                "also without the rows of a holder that has not signed",
            ),
        ));
    }
    for rule in &conditions.holder_rules {
        let who = slug(organisations, &rule.holder);
        let mut parts: Vec<Text> = Vec::new();
        if !rule.without.is_empty() {
            let names: Vec<Text> = rule
                .without
                .iter()
                .map(|name| Text::same(format!("`{name}`")))
                .collect();
            let Text { nl, en } = list(&names);
            parts.push(both(format!("zonder {nl}"), format!("without {en}")));
        }
        parts.extend(rule.retention.as_deref().map(kept_for));
        parts.extend(rule.round.map(rounded));
        parts.extend(rule.show_from.map(shown_from));
        let Text { nl, en } = list(&parts);
        terms.push((
            "holder_rule",
            both(format!("{who}: {nl}"), format!("{who}: {en}")),
        ));
    }
    terms
}

fn kept_for(iso: &str) -> Text {
    let Text { nl, en } = duration(iso);
    both(
        format!("hooguit {nl} te bewaren"),
        format!("to be kept for {en} at most"),
    )
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

fn exact(by: &Entitlement) -> Text {
    match by {
        Entitlement::OwnRows => both(
            "exacte aantallen over alleen de eigen gegevens van wie vraagt",
            "exact figures, of the asking organisation's own rows alone",
        ),
        Entitlement::Article(article) => both(
            format!("exacte aantallen, onbeveiligd, op grond van {article}"),
            format!("exact figures, not protected, by {article}"),
        ),
    }
}

fn suppressed(rule: Suppression) -> Text {
    let Suppression { k, base } = rule;
    both(
        format!("één vaste tabel: cellen onder {k} weggelaten, met andere erbij, de rest afgerond op {base}"),
        format!("one static table: cells below {k} hidden, with others, the rest rounded to {base}"),
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

fn overlap(days: u32) -> Text {
    both(
        format!("na een sleutelwissel of samenvoeging {days} dagen ook de oude schuilnamen"),
        format!("for {days} days after a rotation of the key or a merge also the former pseudonyms"),
    )
}

fn anonymous_rows(anonymous: &KAnonymous) -> Text {
    let (k, population, epochs) = (anonymous.k.k(), &anonymous.population, &anonymous.epochs);
    both(
        format!(
            "vastgelegd op `{epochs}` van `{population}`: ieder is een van minstens {k} die op elkaar lijken, of \
             blijft weg; een schuilnaam geldt één peilmoment"
        ),
        format!(
            "released at `{epochs}` of `{population}`: everybody is one of at least {k} who are alike, or is left out; \
             a pseudonym holds for one epoch"
        ),
    )
}

fn apart() -> Text {
    both(
        "de schuilnamen verschillen per dataset",
        "the pseudonyms are other ones for each dataset",
    )
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
