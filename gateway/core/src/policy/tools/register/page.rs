//! The register as CSV and as a page: plain, readable by a screen reader, without script or style.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Activity, Entity, Register, Role};
use crate::text::Language;

const COLUMNS: [&str; 18] = [
    "id",
    "active",
    "purposeId",
    "version",
    "name",
    "description",
    "controllers",
    "holders",
    "recipients",
    "legalBasis",
    "avg",
    "special",
    "dpia",
    "categories",
    "retentionPeriod",
    "validFrom",
    "validUntil",
    "contact",
];

/// One line an activity (RFC 4180), with names instead of ids; several values of one cell are parted by `; `.
pub fn csv(register: &Register) -> String {
    let names = names(register);
    let mut text = COLUMNS.join(",") + "\r\n";
    for activity in &register.processing_activities {
        let cells = cells(activity, &names).map(|cell| quoted(&cell));
        text += &(cells.join(",") + "\r\n");
    }
    text
}

type Names<'r> = BTreeMap<&'r str, &'r Entity>;

fn names(register: &Register) -> Names<'_> {
    let entities = register.entities.iter();
    entities.map(|entity| (entity.id.as_str(), entity)).collect()
}

fn name<'r>(names: &Names<'r>, id: &'r str) -> &'r str {
    names.get(id).map_or(id, |entity| entity.name.as_str())
}

fn roles(parts: &[Role], names: &Names<'_>) -> String {
    let told = parts.iter().map(|part| name(names, &part.entity_id).to_owned());
    told.collect::<Vec<_>>().join("; ")
}

fn controllers(activity: &Activity, names: &Names<'_>) -> String {
    let told = activity
        .controllers
        .iter()
        .map(|one| format!("{} ({})", name(names, &one.entity_id), one.law));
    told.collect::<Vec<_>>().join("; ")
}

fn categories(activity: &Activity) -> String {
    let categories = activity.personal_data.categories.iter().map(String::as_str);
    categories.collect::<Vec<_>>().join("; ")
}

fn cells(activity: &Activity, names: &Names<'_>) -> [String; 18] {
    [
        activity.id.clone(),
        activity.active.to_string(),
        activity.purpose_id.to_string(),
        activity.version.to_string(),
        activity.name.clone(),
        activity.description.nl.trim().to_owned(),
        controllers(activity, names),
        roles(&activity.holders, names),
        roles(&activity.recipients, names),
        activity.legal_basis.join("; "),
        activity.avg.clone(),
        activity.special.clone().unwrap_or_default(),
        activity.dpia.clone().unwrap_or_default(),
        categories(activity),
        activity.personal_data.retention_period.clone(),
        activity.valid_from.clone(),
        activity.valid_until.clone(),
        activity.contact.clone(),
    ]
}

/// A cell; one that a spreadsheet would take for a formula begins with an apostrophe.
fn quoted(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let cell = if formula {
        format!("'{cell}")
    } else {
        cell.to_owned()
    };
    if cell.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell
    }
}

/// The labels of one language.
struct Labels {
    lang: &'static str,
    title: &'static str,
    lead: &'static str,
    active: [&'static str; 2],
    terms: [&'static str; 11],
}

const DUTCH: Labels = Labels {
    lang: "nl",
    title: "Register van verwerkingsactiviteiten",
    lead: "Waarvoor deze poort gegevens deelt (AVG artikel 30). Het register wordt gemaakt uit de ondertekende doelen.",
    active: ["Werkt nu niet", "Werkt nu"],
    terms: [
        "Waarom",
        "Verwerkingsverantwoordelijken",
        "Bronhouders",
        "Ontvangers",
        "Grondslag",
        "DPIA",
        "Gegevens",
        "Bewaartermijn bij de ontvanger",
        "Geldig",
        "Vragen",
        "Stand",
    ],
};

const ENGLISH: Labels = Labels {
    lang: "en",
    title: "Register of processing activities",
    lead: "What this gateway shares data for (GDPR article 30). The register is made from the signed purposes.",
    active: ["Does not act now", "Acts now"],
    terms: [
        "Why",
        "Controllers",
        "Holders",
        "Recipients",
        "Legal basis",
        "Impact assessment",
        "Data",
        "Retention at the recipient",
        "Valid",
        "Questions",
        "State",
    ],
};

/// A whole page in one language.
pub fn html(register: &Register, language: Language) -> String {
    let labels = match language {
        Language::Dutch => DUTCH,
        Language::English => ENGLISH,
    };
    let names = names(register);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{}</title>\n</head>\n\
         <body>\n<main>\n<h1>{}</h1>\n<p>{}</p>\n",
        labels.lang, labels.title, labels.title, labels.lead
    );
    for activity in &register.processing_activities {
        page += &section(activity, &names, &labels, language);
    }
    page + "</main>\n</body>\n</html>\n"
}

fn section(activity: &Activity, names: &Names<'_>, labels: &Labels, language: Language) -> String {
    let id = activity.purpose_id.as_str();
    let special = activity
        .special
        .as_ref()
        .map_or_else(String::new, |special| format!("; {special}"));
    let values = [
        activity.description.in_language(language).trim().to_owned(),
        controllers(activity, names),
        roles(&activity.holders, names),
        roles(&activity.recipients, names),
        format!("AVG {}{special}", activity.avg),
        activity.dpia.clone().unwrap_or_default(),
        categories(activity),
        super::super::words::duration(&activity.personal_data.retention_period)
            .in_language(language)
            .to_owned(),
        format!(
            "{} – {}",
            activity.valid_from.split('T').next().unwrap_or_default(),
            activity.valid_until
        ),
        activity.contact.clone(),
        labels
            .active
            .get(usize::from(activity.active))
            .copied()
            .unwrap_or_default()
            .to_owned(),
    ];
    let title = escaped(activity.title.in_language(language));
    let mut section = format!(
        "<section aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{title}</h2>\n<p><code>{id}</code> {}</p>\n<dl>\n",
        activity.version
    );
    for (term, value) in labels
        .terms
        .iter()
        .zip(values)
        .filter(|(_, value)| !value.is_empty())
    {
        let _ = writeln!(section, "<dt>{term}</dt>\n<dd>{}</dd>", escaped(&value));
    }
    section + "</dl>\n</section>\n"
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
