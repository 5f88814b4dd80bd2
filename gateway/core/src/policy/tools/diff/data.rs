//! Changes of what purposes rest on: datasets, hierarchies, populations, maps, reference rows, organisations.

use std::collections::{BTreeMap, BTreeSet};

use super::super::words::{both, organisation, sentence};
use super::{Change, Effect, Side};
use crate::party::Organisation;
use crate::policy::load::NamedText;
use crate::policy::{Draft, PolicyFiles};
use crate::text::Text;

pub(super) fn changes(before: Side<'_>, after: Side<'_>) -> Vec<Change> {
    let mut changes = files(before, after);
    changes.extend(parties(before.draft, after.draft));
    changes
}

/// A changed file puts every purpose to sleep whose manifest names it.
fn files(before: Side<'_>, after: Side<'_>) -> Vec<Change> {
    let all = |files: &PolicyFiles| -> BTreeMap<String, String> {
        let named = files.catalogue.iter().chain(&files.reference).cloned();
        named.collect::<Vec<NamedText>>().into_iter().collect()
    };
    let (old, new) = (all(before.files), all(after.files));
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let told = names.into_iter().filter_map(|name| {
        let words = match (old.get(name), new.get(name)) {
            (None, Some(_)) => both(format!("nieuw bestand `{name}`"), format!("new file `{name}`")),
            (Some(_), None) => both(format!("bestand `{name}` vervalt"), format!("file `{name}` goes")),
            (Some(old), Some(new)) if old != new => both(
                format!("bestand `{name}` is gewijzigd"),
                format!("file `{name}` has changed"),
            ),
            _ => return None,
        };
        let asleep = asleep(name, after.draft);
        let words = if asleep.is_empty() {
            words
        } else {
            let purposes = asleep.join("`, `");
            both(
                format!("{}; opnieuw te ondertekenen: `{purposes}`", words.nl),
                format!("{}; to be signed again: `{purposes}`", words.en),
            )
        };
        Some(change(name, &words))
    });
    told.collect()
}

/// The purposes whose manifest names a file.
fn asleep<'d>(file: &str, draft: &'d Draft) -> Vec<&'d str> {
    let named = |bytes: &[u8]| {
        let manifest: Option<serde_json::Value> = serde_json::from_slice(bytes).ok();
        manifest.is_some_and(|manifest| {
            manifest
                .pointer("/files")
                .is_some_and(|files| files.get(file).is_some())
        })
    };
    let purposes = draft.purposes.iter();
    purposes
        .filter(|(_, (_, manifest))| named(manifest.bytes()))
        .map(|(id, _)| id.as_str())
        .collect()
}

fn change(about: &str, words: &Text) -> Change {
    Change {
        about: about.to_owned(),
        effect: Effect::Other,
        text: sentence(words),
    }
}

fn parties(before: &Draft, after: &Draft) -> Vec<Change> {
    let (old, new) = (&before.organisations, &after.organisations);
    let mut changes = Vec::new();
    for party in new.iter() {
        let words = match old.by_slug(&party.slug) {
            None => both(
                format!("nieuwe deelnemer: {}", organisation(party)),
                format!("new participant: {}", organisation(party)),
            ),
            Some(was) => match altered((was, before), (party, after)) {
                parts if parts.nl.is_empty() => continue,
                parts => both(
                    format!("{}: {}", organisation(party), parts.nl),
                    format!("{}: {}", organisation(party), parts.en),
                ),
            },
        };
        changes.push(change(&format!("organisation {}", party.slug), &words));
    }
    for party in old.iter().filter(|party| new.by_slug(&party.slug).is_none()) {
        let words = both(
            format!("{} doet niet meer mee", organisation(party)),
            format!("{} no longer takes part", organisation(party)),
        );
        changes.push(change(&format!("organisation {}", party.slug), &words));
    }
    if old.linking() != new.linking() {
        let words = both(
            "de regels waardoor nummers van een leerling aan elkaar hangen zijn gewijzigd",
            "the rules by which numbers of a pupil are linked have changed",
        );
        changes.push(change("organisations.toml", &words));
    }
    changes
}

/// What is other about an organisation; empty where nothing is.
fn altered((old, before): (&Organisation, &Draft), (new, after): (&Organisation, &Draft)) -> Text {
    let (old_keys, new_keys) = (before.keys.keys(&old.oin), after.keys.keys(&old.oin));
    let parts = [
        (old.oin != new.oin, "een ander OIN", "another OIN"),
        (
            old.kind != new.kind,
            "een ander soort organisatie",
            "another kind of organisation",
        ),
        (old.name != new.name, "een andere naam", "another name"),
        (
            old.board != new.board || old.swv != new.swv,
            "een ander bestuurs- of samenwerkingsverbandnummer",
            "another board or partnership number",
        ),
        (
            old.identifiers != new.identifiers,
            "andere soorten nummers die het mag sturen",
            "other kinds of identifier that it may send",
        ),
        (
            old.clients != new.clients,
            "andere programma's, rollen, certificaten of sleutels",
            "other programs, roles, certificates or keys",
        ),
        (
            old_keys != new_keys,
            "andere sleutels om mee te ondertekenen",
            "other keys to sign with",
        ),
        (
            old.staff != new.staff,
            "een andere identiteitsprovider voor medewerkers",
            "another identity provider for staff",
        ),
        (
            old.tokens != new.tokens,
            "een andere uitgever van toegangstokens",
            "another issuer of access tokens",
        ),
    ];
    let told: Vec<_> = parts.into_iter().filter(|(is, ..)| *is).collect();
    let nl: Vec<&str> = told.iter().map(|(_, nl, _)| *nl).collect();
    let en: Vec<&str> = told.iter().map(|(_, _, en)| *en).collect();
    both(nl.join(", "), en.join(", "))
}
