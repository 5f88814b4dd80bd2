//! Dutch and English for what purposes say; the nouns are the catalogue's own titles.

use jiff::civil::Date;

use super::items::{EXACT, Item, PSEUDONYM, Use};
use crate::catalogue::{Catalogue, Dimension, FieldName, Name};
use crate::party::{Organisation, OrganisationKind, Organisations, Slug};
use crate::purpose::{Grant, Party, Recipient, Scope, StaffRule};
use crate::text::Text;

/// The same in both languages.
pub(super) fn both(nl: impl Into<String>, en: impl Into<String>) -> Text {
    Text {
        nl: nl.into(),
        en: en.into(),
    }
}

/// `a, b en c`.
pub(super) fn list(items: &[Text]) -> Text {
    both(
        joined(items.iter().map(|item| item.nl.as_str()), "en"),
        joined(items.iter().map(|item| item.en.as_str()), "and"),
    )
}

fn joined<'t>(items: impl Iterator<Item = &'t str>, and: &str) -> String {
    let items: Vec<&str> = items.collect();
    match items.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} {and} {last}", first.join(", ")),
    }
}

/// An organisation's name; its short name where public data give no name.
pub(super) fn organisation(organisation: &Organisation) -> &str {
    organisation.name.as_deref().unwrap_or(organisation.slug.as_str())
}

/// An organisation by its short name.
pub(super) fn slug<'o>(organisations: &'o Organisations, slug: &'o Slug) -> &'o str {
    organisations.by_slug(slug).map_or(slug.as_str(), organisation)
}

/// Who receives: `Gemeente Almere (rol dashboard)`.
pub(super) fn recipient(recipient: &Recipient, organisations: &Organisations) -> Text {
    let who = match &recipient.who {
        Party::Organisation(one) => Text::same(slug(organisations, one)),
        Party::Kind(kind) => every(*kind),
    };
    both(
        format!("{} (rol `{}`)", who.nl, recipient.role),
        format!("{} (role `{}`)", who.en, recipient.role),
    )
}

/// Each organisation of a kind.
pub(super) fn every(kind: OrganisationKind) -> Text {
    match kind {
        OrganisationKind::Municipality => both("elke gemeente", "each municipality"),
        OrganisationKind::SchoolBoard => both("elk schoolbestuur", "each school board"),
        OrganisationKind::Swv => both("elk samenwerkingsverband", "each partnership (SWV)"),
        OrganisationKind::Vendor => both("elke leverancier", "each vendor"),
        OrganisationKind::Public => both("elke openbare bron", "each public source"),
    }
}

/// A field by its title and name.
pub(super) fn field(catalogue: &Catalogue, name: &FieldName) -> Text {
    let title = catalogue
        .field(name)
        .map(|(dataset, field)| (dataset.title.clone(), field.title.clone()));
    title.map_or_else(
        || Text::same(format!("`{name}`")),
        |(dataset, field)| {
            both(
                format!("{}: {} (`{name}`)", dataset.nl, field.nl),
                format!("{}: {} (`{name}`)", dataset.en, field.en),
            )
        },
    )
}

/// A dataset by its title.
pub(super) fn dataset(catalogue: &Catalogue, name: &Name) -> Text {
    let title = catalogue.dataset(name).map(|dataset| dataset.title.clone());
    title.unwrap_or_else(|| Text::same(format!("`{name}`")))
}

/// The label of a code.
pub(super) fn code(catalogue: &Catalogue, dimension: &Dimension, code: &str) -> Text {
    let node = catalogue.code(dimension, code);
    node.map_or_else(|| Text::same(format!("`{code}`")), |node| node.label.clone())
}

/// How coarse: the title of a level, or `per maand`.
fn level(catalogue: &Catalogue, field: &FieldName, level: &str) -> Text {
    match level {
        "year" => return both("jaar", "year"),
        "month" => return both("maand", "month"),
        "quarter" => return both("kwartaal", "quarter"),
        "school-year" => return both("schooljaar", "school year"),
        "brin4" => return both("school zonder vestiging", "school without its site"),
        "pc4" => return both("postcodegebied van vier cijfers", "four-digit postcode"),
        "pc2" => return both("postcodegebied van twee cijfers", "two-digit postcode"),
        _ => {}
    }
    if let Some(width) = level.strip_prefix("band-") {
        return both(format!("groep van {width}"), format!("band of {width}"));
    }
    let hierarchy = catalogue.hierarchy_of(field);
    let titled = hierarchy.and_then(|hierarchy| {
        let at = hierarchy.levels.iter().position(|one| one.as_str() == level)?;
        hierarchy.level_titles.get(at).cloned()
    });
    titled.unwrap_or_else(|| Text::same(level))
}

/// What one thing is, without its verb.
fn thing(catalogue: &Catalogue, item: &Item) -> Text {
    let Some(name) = &item.field else {
        return match (item.action, item.level.as_str()) {
            (Use::See, PSEUDONYM) => both("een schuilnaam per leerling", "a pseudonym for each pupil"),
            (Use::Count, "pupils") => both("leerlingen", "pupils"),
            (Use::Count, measure) => Text::same(format!("`{measure}`")),
            _ => dataset(catalogue, &item.dataset),
        };
    };
    let named = field(catalogue, name);
    let coarse = level(catalogue, name, &item.level);
    match (&item.value, item.level.as_str()) {
        (Some(value), at) => {
            let dimension = at.parse().ok().map(|level| Dimension {
                field: name.clone(),
                level,
            });
            let label = dimension.map_or_else(
                || Text::same(format!("`{value}`")),
                |dimension| code(catalogue, &dimension, value),
            );
            both(
                format!("{} = {}", named.nl, label.nl),
                format!("{} = {}", named.en, label.en),
            )
        }
        (None, EXACT | "code") => named,
        (None, _) => both(
            format!("{} per {}", named.nl, lower(&coarse.nl)),
            format!("{} by {}", named.en, lower(&coarse.en)),
        ),
    }
}

fn lower(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_lowercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

/// What may be done with these things; Dutch ends in its verb. All of one use.
pub(super) fn may(catalogue: &Catalogue, action: Use, items: &[&Item]) -> Text {
    let things: Vec<Text> = items.iter().map(|item| thing(catalogue, item)).collect();
    let Text { nl, en } = list(&things);
    match action {
        Use::Deliver => both(format!("rijen leveren van {nl}"), format!("deliver rows of {en}")),
        Use::See => both(format!("zien: {nl}"), format!("see {en}")),
        Use::Exists => both(
            format!("vragen of een leerling voorkomt in {nl}"),
            format!("ask whether a pupil is in {en}"),
        ),
        Use::Group => both(
            format!("aantallen zien naar {nl}"),
            format!("see figures by {en}"),
        ),
        Use::Filter => both(format!("beperken op {nl}"), format!("narrow by {en}")),
        Use::Count => both(format!("tellen: {nl}"), format!("count {en}")),
        Use::Resolve => both(
            format!("de bronhouder vragen wie een leerling is, in {nl}"),
            format!("ask the holder who a pupil is, in {en}"),
        ),
        Use::Restrict => both(
            format!("een beperking of bezwaar van een leerling vastleggen, volgens {nl}"),
            format!("enter a pupil's restriction or objection, by {en}"),
        ),
        Use::Search => both(
            format!("de plaats van een leerling in het logboek opvragen, van {nl}"),
            format!("ask for a pupil's place in the log, of {en}"),
        ),
        Use::Translate => both(
            format!("schuilnamen laten omzetten voor een ander, van {nl}"),
            format!("have pseudonyms turned into another's, of {en}"),
        ),
    }
}

/// The form of a grant.
pub(super) fn form(grant: &Grant) -> Text {
    match grant {
        Grant::Delivery(_) => both("levering", "delivery"),
        Grant::Facts(_) => both("feiten", "facts"),
        Grant::Figures(_) => both("cijfers", "figures"),
        Grant::Records(_) => both("regels", "records"),
        Grant::Resolve(_) => both("herleiding door de bronhouder", "resolution by the holder"),
        Grant::Restrict(_) => both("beperking en bezwaar", "restriction and objection"),
        Grant::Search(_) => both("zoeken in het logboek", "search of the log"),
        Grant::Translate(_) => both("omzetting van schuilnamen", "translation of pseudonyms"),
    }
}

/// About which pupils.
pub(super) fn scope(scope: Scope) -> Text {
    match scope {
        Scope::Caseload => both(
            "alleen leerlingen op de scholen in de caseload van wie vraagt",
            "only pupils at the sites in the caseload of who asks",
        ),
        Scope::OwnBoard => both(
            "alleen rijen van het eigen bestuur",
            "only rows that the own board holds",
        ),
        Scope::OwnSchool => both(
            "alleen leerlingen met een bevestigde inschrijving bij het eigen bestuur",
            "only pupils with a confirmed enrolment at the own board",
        ),
        Scope::OwnSite => both(
            "alleen leerlingen van de vestiging die de vraag noemt, van het eigen bestuur",
            "only pupils of the site that the request names, of the own board",
        ),
        Scope::Everything => both("alle leerlingen", "all pupils"),
    }
}

/// How the person who asks must be known.
pub(super) fn staff(rule: StaffRule) -> Text {
    match rule {
        StaffRule::None => both("niemand hoeft te worden genoemd", "nobody need be named"),
        StaffRule::Proved => both(
            "wie vraagt, bewijst dat bij de eigen organisatie en noemt een zaak",
            "who asks proves it with their own organisation and names a case",
        ),
        StaffRule::Stated => both(
            "de organisatie noemt wie vraagt, en een zaak",
            "the organisation says who asks, and a case",
        ),
    }
}

/// `22 november 2026`.
pub(super) fn day(date: Date) -> Text {
    const MONTHS: [(&str, &str); 12] = [
        ("januari", "January"),
        ("februari", "February"),
        ("maart", "March"),
        ("april", "April"),
        ("mei", "May"),
        ("juni", "June"),
        ("juli", "July"),
        ("augustus", "August"),
        ("september", "September"),
        ("oktober", "October"),
        ("november", "November"),
        ("december", "December"),
    ];
    let month = usize::try_from(date.month()).unwrap_or(1).saturating_sub(1);
    let (nl, en) = MONTHS.get(month).copied().unwrap_or_default();
    both(
        format!("{} {nl} {}", date.day(), date.year()),
        format!("{} {en} {}", date.day(), date.year()),
    )
}

/// How long something may be kept: `P1Y` is one year.
pub(super) fn duration(iso: &str) -> Text {
    let Ok(span) = iso.parse::<jiff::Span>() else {
        return Text::same(iso);
    };
    let parts = [
        (i64::from(span.get_years()), ("jaar", "jaar"), ("year", "years")),
        (
            i64::from(span.get_months()),
            ("maand", "maanden"),
            ("month", "months"),
        ),
        (i64::from(span.get_weeks()), ("week", "weken"), ("week", "weeks")),
        (i64::from(span.get_days()), ("dag", "dagen"), ("day", "days")),
    ];
    let told = parts
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, nl, en)| {
            let one = |(one, more)| if count == 1 { one } else { more };
            both(format!("{count} {}", one(nl)), format!("{count} {}", one(en)))
        });
    let told: Vec<Text> = told.collect();
    if told.is_empty() {
        Text::same(iso)
    } else {
        list(&told)
    }
}

/// A sentence: a capital at the front, a full stop at the end.
pub(super) fn sentence(words: &Text) -> Text {
    let end = |text: &str| {
        let mut letters = text.chars();
        let first = letters.next().map(|first| first.to_uppercase().to_string());
        let stop = if text.ends_with(['.', ':', '?']) { "" } else { "." };
        first.unwrap_or_default() + letters.as_str() + stop
    };
    both(end(&words.nl), end(&words.en))
}
