//! Changes of purposes.

use std::collections::{BTreeMap, BTreeSet};

use super::super::items::{Item, Use, items};
use super::super::words::{self, both, day, duration, sentence};
use super::{Change, Effect, Side};
use crate::catalogue::Name;
use crate::policy::{Draft, PolicyFiles};
use crate::purpose::{Grant, Purpose};
use crate::text::Text;

/// Of each purpose: new, gone, or changed.
pub(super) fn changes(before: Side<'_>, after: Side<'_>) -> Vec<Change> {
    let (old, new) = (&before.draft.purposes, &after.draft.purposes);
    let ids: BTreeSet<&Name> = old.keys().chain(new.keys()).collect();
    let mut changes = Vec::new();
    for id in ids {
        let sides = (old.get(id), new.get(id));
        let told = match sides {
            (None, Some((purpose, _))) => appeared(purpose, after.draft),
            (Some((purpose, _)), None) => vanished(purpose, before.draft),
            (Some((old, _)), Some((new, _))) => changed(old, new, before, after),
            (None, None) => Vec::new(),
        };
        changes.extend(told.into_iter().map(|(effect, words)| Change {
            about: format!("purpose {id}"),
            effect,
            text: sentence(&words),
        }));
    }
    changes
}

type Told = (Effect, Text);

fn appeared(purpose: &Purpose, draft: &Draft) -> Vec<Told> {
    let title = &purpose.title;
    let words = both(
        format!("nieuw doel `{}`: {}", purpose.id, title.nl),
        format!("new purpose `{}`: {}", purpose.id, title.en),
    );
    let mut told = vec![(Effect::Wider, words)];
    told.extend(entitled(
        &BTreeMap::new(),
        &given(purpose, draft),
        purpose,
        draft,
        Effect::Wider,
    ));
    told
}

fn vanished(purpose: &Purpose, draft: &Draft) -> Vec<Told> {
    let title = &purpose.title;
    let words = both(
        format!("doel `{}` vervalt: {}", purpose.id, title.nl),
        format!("purpose `{}` goes: {}", purpose.id, title.en),
    );
    let mut told = vec![(Effect::Narrower, words)];
    told.extend(entitled(
        &BTreeMap::new(),
        &given(purpose, draft),
        purpose,
        draft,
        Effect::Narrower,
    ));
    told
}

fn changed(old: &Purpose, new: &Purpose, before: Side<'_>, after: Side<'_>) -> Vec<Told> {
    let mut told = Vec::new();
    let (had, has) = (given(old, before.draft), given(new, after.draft));
    told.extend(entitled(&had, &has, new, after.draft, Effect::Wider));
    told.extend(entitled(&has, &had, new, before.draft, Effect::Narrower));
    told.extend(headings(old, new));
    told.extend(terms(old, new, before.draft, after.draft));
    told.extend(questions(old, new));
    let bytes_changed = text(before.files, &old.id) != text(after.files, &new.id);
    if old.version != new.version {
        let mut words = from_to(
            "versie",
            "version",
            &old.version.to_string(),
            &new.version.to_string(),
        );
        if new.version < old.version {
            words.nl += "; een lagere versie wordt bij activering geweigerd";
            words.en += "; a lower version is refused at activation";
        }
        told.push((Effect::Other, words));
    } else if bytes_changed {
        let words = both(
            format!(
                "het bestand is gewijzigd en de versie is nog {}: verhoog haar",
                new.version
            ),
            format!(
                "the file has changed and the version is still {}: raise it",
                new.version
            ),
        );
        told.push((Effect::Other, words));
    }
    told
}

fn text<'f>(files: &'f PolicyFiles, id: &Name) -> Option<&'f str> {
    let name = format!("purposes/{id}.toml");
    let found = files.purposes.iter().find(|(file, _)| *file == name);
    found.map(|(_, text)| text.as_str())
}

/// Who (as the file names them, in both languages) may do what.
type Given = BTreeMap<(String, String), BTreeSet<Item>>;

fn given(purpose: &Purpose, draft: &Draft) -> Given {
    let mut given = Given::new();
    for grant in &purpose.grants {
        for recipient in grant.recipients() {
            let Text { nl, en } = words::recipient(recipient, &draft.organisations);
            let items = items(&draft.catalogue, grant);
            given.entry((nl, en)).or_default().extend(items);
        }
    }
    given
}

/// What of `now` is not in `then`, a sentence for each recipient.
fn entitled(then: &Given, now: &Given, purpose: &Purpose, draft: &Draft, effect: Effect) -> Vec<Told> {
    let mut told = Vec::new();
    let none = BTreeSet::new();
    for ((nl, en), items) in now {
        let had = then.get(&(nl.clone(), en.clone())).unwrap_or(&none);
        let fresh: Vec<&Item> = items.difference(had).collect();
        if fresh.is_empty() {
            continue;
        }
        let phrases: Vec<Text> = Use::ALL
            .into_iter()
            .filter_map(|action| {
                let of: Vec<&Item> = fresh
                    .iter()
                    .copied()
                    .filter(|item| item.action == action)
                    .collect();
                (!of.is_empty()).then(|| words::may(&draft.catalogue, action, &of))
            })
            .collect();
        let nl_phrases: Vec<&str> = phrases.iter().map(|phrase| phrase.nl.as_str()).collect();
        let en_phrases: Vec<&str> = phrases.iter().map(|phrase| phrase.en.as_str()).collect();
        let (nl_may, en_may) = match effect {
            Effect::Narrower => ("mag niet langer", "may no longer"),
            Effect::Wider | Effect::Other => ("mag nu ook", "may newly"),
        };
        let id = &purpose.id;
        told.push((
            effect,
            both(
                format!("{nl} {nl_may}, onder `{id}`: {}", nl_phrases.join("; ")),
                format!("{en} {en_may}, under `{id}`: {}", en_phrases.join("; ")),
            ),
        ));
    }
    told
}

fn from_to(nl: &str, en: &str, old: &str, new: &str) -> Text {
    both(
        format!("{nl}: eerst {old}, nu {new}"),
        format!("{en}: first {old}, now {new}"),
    )
}

fn both_from_to(nl: &str, en: &str, old: &Text, new: &Text) -> Text {
    both(
        format!("{nl}: eerst {}, nu {}", old.nl, new.nl),
        format!("{en}: first {}, now {}", old.en, new.en),
    )
}

/// What stands above the grants.
fn headings(old: &Purpose, new: &Purpose) -> Vec<Told> {
    let controllers = |purpose: &Purpose| -> Text {
        let names: Vec<Text> = purpose
            .controllers
            .iter()
            .map(|one| Text::same(format!("{} ({})", one.organisation, one.law)))
            .collect();
        words::list(&names)
    };
    let basis = |purpose: &Purpose| {
        let special = purpose.basis.special.as_deref().unwrap_or("-");
        Text::same(format!("AVG {}; {special}", purpose.basis.avg))
    };
    let dpia = |purpose: &Purpose| {
        purpose.dpia.as_ref().map_or_else(
            || both("geen", "none"),
            |dpia| {
                let on = day(dpia.date);
                both(
                    format!("{} van {}", dpia.reference, on.nl),
                    format!("{} of {}", dpia.reference, on.en),
                )
            },
        )
    };
    let exceptions = |purpose: &Purpose| {
        let names: Vec<Text> = purpose
            .exceptions
            .iter()
            .map(|one| Text::same(format!("`{}` ({})", one.rule.name(), one.article)))
            .collect();
        if names.is_empty() {
            both("geen", "none")
        } else {
            words::list(&names)
        }
    };
    let pairs = [
        ("naam", "title", old.title.clone(), new.title.clone()),
        ("uitleg", "explanation", old.why.clone(), new.why.clone()),
        (
            "verwerkingsverantwoordelijken",
            "controllers",
            controllers(old),
            controllers(new),
        ),
        ("grondslag", "legal basis", basis(old), basis(new)),
        ("DPIA", "impact assessment", dpia(old), dpia(new)),
        (
            "eerste dag",
            "first day",
            day(old.valid.from),
            day(new.valid.from),
        ),
        (
            "laatste dag",
            "last day",
            day(old.valid.until),
            day(new.valid.until),
        ),
        (
            "bewaartermijn",
            "retention",
            duration(&old.retention),
            duration(&new.retention),
        ),
        (
            "contact",
            "contact",
            Text::same(&old.contact),
            Text::same(&new.contact),
        ),
        (
            "uitzonderingen op vaste regels",
            "exceptions to hard rules",
            exceptions(old),
            exceptions(new),
        ),
    ];
    pairs
        .into_iter()
        .filter(|(_, _, old, new)| old != new)
        .map(|(nl, en, old, new)| (Effect::Other, both_from_to(nl, en, &old, &new)))
        .collect()
}

/// What each grant demands and limits. Grants are the same where form and dataset are, in their order.
fn terms(old: &Purpose, new: &Purpose, before: &Draft, after: &Draft) -> Vec<Told> {
    let mut told = Vec::new();
    let mut left: Vec<&Grant> = old.grants.iter().collect();
    for (position, grant) in new.grants.iter().enumerate() {
        let alike = |other: &&Grant| other.form() == grant.form() && other.dataset() == grant.dataset();
        let Some(at) = left.iter().position(alike) else {
            continue;
        };
        let old = left.remove(at);
        let had: BTreeMap<_, _> = words::terms(old, &before.catalogue, &before.organisations)
            .into_iter()
            .collect();
        let has: BTreeMap<_, _> = words::terms(grant, &after.catalogue, &after.organisations)
            .into_iter()
            .collect();
        let keys: BTreeSet<_> = had.keys().chain(has.keys()).collect();
        let nothing = both("niets", "nothing");
        for key in keys.into_iter().filter(|key| had.get(*key) != has.get(*key)) {
            let (old, new) = (had.get(key).unwrap_or(&nothing), has.get(key).unwrap_or(&nothing));
            let (nl, en) = (format!("toestemming {position}"), format!("grant {position}"));
            told.push((Effect::Other, both_from_to(&nl, &en, old, new)));
        }
    }
    told
}

fn questions(old: &Purpose, new: &Purpose) -> Vec<Told> {
    let names = |purpose: &Purpose| -> BTreeMap<Name, Text> {
        let questions = purpose.questions.iter();
        questions
            .map(|one| (one.name.clone(), one.title.clone()))
            .collect()
    };
    let (had, has) = (names(old), names(new));
    let fresh = has
        .iter()
        .filter(|(name, _)| !had.contains_key(*name))
        .map(|(name, title)| {
            both(
                format!("nieuwe vraag `{name}`: {}", title.nl),
                format!("new question `{name}`: {}", title.en),
            )
        });
    let gone = had
        .iter()
        .filter(|(name, _)| !has.contains_key(*name))
        .map(|(name, title)| {
            both(
                format!("vraag `{name}` vervalt: {}", title.nl),
                format!("question `{name}` goes: {}", title.en),
            )
        });
    let altered = new.questions.iter().filter_map(|question| {
        let other = old.questions.iter().find(|other| other.name == question.name)?;
        (other != question).then(|| {
            both(
                format!("vraag `{}` is gewijzigd", question.name),
                format!("question `{}` has changed", question.name),
            )
        })
    });
    let told = fresh.chain(gone).chain(altered);
    told.map(|words| (Effect::Other, words)).collect()
}
