//! Changes of purposes.

use std::collections::{BTreeMap, BTreeSet};

use super::super::items::{Item, Use, items};
use super::super::terms::terms as of_grant;
use super::super::words::{self, both, day, duration, sentence};
use super::{Change, Effect, Side};
use crate::catalogue::Name;
use crate::policy::{Draft, PolicyFiles};
use crate::purpose::{Explanation, Grant, Purpose};
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
    for grant in &purpose.grants {
        told.extend(entitled(None, Some((grant, draft)), purpose, Effect::Wider));
    }
    told
}

fn vanished(purpose: &Purpose, draft: &Draft) -> Vec<Told> {
    let title = &purpose.title;
    let words = both(
        format!("doel `{}` vervalt: {}", purpose.id, title.nl),
        format!("purpose `{}` goes: {}", purpose.id, title.en),
    );
    let mut told = vec![(Effect::Narrower, words)];
    for grant in &purpose.grants {
        told.extend(entitled(None, Some((grant, draft)), purpose, Effect::Narrower));
    }
    told
}

fn changed(old: &Purpose, new: &Purpose, before: Side<'_>, after: Side<'_>) -> Vec<Told> {
    let mut told = Vec::new();
    for (_, had, has) in pairs(old, new) {
        let (had, has) = (
            had.map(|grant| (grant, before.draft)),
            has.map(|grant| (grant, after.draft)),
        );
        told.extend(entitled(had, has, new, Effect::Wider));
        told.extend(entitled(has, had, new, Effect::Narrower));
    }
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

/// The grants of both sides, side by side: those of one form and dataset in their order, with the position of the new
/// one. Compared grant by grant, nothing that one grant gives hides behind another.
fn pairs<'g>(old: &'g Purpose, new: &'g Purpose) -> Vec<(usize, Option<&'g Grant>, Option<&'g Grant>)> {
    let mut left: Vec<&Grant> = old.grants.iter().collect();
    let mut pairs = Vec::new();
    for (position, grant) in new.grants.iter().enumerate() {
        let alike = |other: &&Grant| other.form() == grant.form() && other.dataset() == grant.dataset();
        let at = left.iter().position(alike);
        pairs.push((position, at.map(|at| left.remove(at)), Some(grant)));
    }
    pairs.extend(left.into_iter().map(|grant| (usize::MAX, Some(grant), None)));
    pairs
}

/// Who (as the file names them, in both languages) may do what.
type Given = BTreeMap<(String, String), BTreeSet<Item>>;

fn given((grant, draft): (&Grant, &Draft)) -> Given {
    let recipients = grant.recipients().iter();
    let given = recipients.map(|recipient| {
        let Text { nl, en } = words::recipient(recipient, &draft.organisations);
        let items = items(&draft.catalogue, grant);
        ((nl, en), items.into_iter().collect())
    });
    given.collect()
}

/// What of `now` is not in `then`, a sentence for each recipient.
fn entitled(
    then: Option<(&Grant, &Draft)>,
    now: Option<(&Grant, &Draft)>,
    purpose: &Purpose,
    effect: Effect,
) -> Vec<Told> {
    let Some((_, draft)) = now else { return Vec::new() };
    let (had, has) = (
        then.map(given).unwrap_or_default(),
        now.map(given).unwrap_or_default(),
    );
    let mut told = Vec::new();
    let none = BTreeSet::new();
    for (who, items) in has {
        let before = had.get(&who).unwrap_or(&none);
        let fresh: Vec<&Item> = items.difference(before).collect();
        if fresh.is_empty() {
            continue;
        }
        let of = |action| -> Option<Text> {
            let of: Vec<&Item> = fresh
                .iter()
                .copied()
                .filter(|item| item.action == action)
                .collect();
            (!of.is_empty()).then(|| words::may(&draft.catalogue, action, &of))
        };
        let phrases: Vec<Text> = Use::ALL.into_iter().filter_map(of).collect();
        let phrases = both(
            phrases
                .iter()
                .map(|phrase| phrase.nl.as_str())
                .collect::<Vec<_>>()
                .join("; "),
            phrases
                .iter()
                .map(|phrase| phrase.en.as_str())
                .collect::<Vec<_>>()
                .join("; "),
        );
        let (nl_may, en_may) = match effect {
            Effect::Narrower => ("niet langer", "may no longer"),
            Effect::Wider | Effect::Other => ("nu ook", "may newly"),
        };
        let (id, (nl, en)) = (&purpose.id, who);
        told.push((
            effect,
            both(
                format!("onder `{id}` mag {nl} {nl_may} {}", phrases.nl),
                format!("under `{id}`, {en} {en_may} {}", phrases.en),
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

fn controllers(purpose: &Purpose) -> Text {
    let names: Vec<Text> = purpose
        .controllers
        .iter()
        .map(|one| Text::same(format!("{} ({})", one.organisation, one.law)))
        .collect();
    words::list(&names)
}

fn basis(purpose: &Purpose) -> Text {
    let special = purpose.basis.special.as_deref().unwrap_or("-");
    Text::same(format!("AVG {}; {special}", purpose.basis.avg))
}

fn dpia(purpose: &Purpose) -> Text {
    let Some(dpia) = &purpose.dpia else {
        return both("geen", "none");
    };
    let on = day(dpia.date);
    both(
        format!("{} van {}", dpia.reference, on.nl),
        format!("{} of {}", dpia.reference, on.en),
    )
}

fn exceptions(purpose: &Purpose) -> Text {
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
}

fn explanations(purpose: &Purpose) -> Text {
    let of = |one: &Explanation| {
        let warning = one.warning.name();
        both(
            format!("`{warning}`: {}", one.because.nl.trim()),
            format!("`{warning}`: {}", one.because.en.trim()),
        )
    };
    let names: Vec<Text> = purpose.explanations.iter().map(of).collect();
    if names.is_empty() {
        both("geen", "none")
    } else {
        words::list(&names)
    }
}

/// What stands above the grants.
fn headings(old: &Purpose, new: &Purpose) -> Vec<Told> {
    type Of = fn(&Purpose) -> Text;
    let headings: [(&str, &str, Of); 11] = [
        ("naam", "title", |one| one.title.clone()),
        ("uitleg", "explanation", |one| one.why.clone()),
        ("verwerkingsverantwoordelijken", "controllers", controllers),
        ("grondslag", "legal basis", basis),
        ("DPIA", "impact assessment", dpia),
        ("eerste dag", "first day", |one| day(one.valid.from)),
        ("laatste dag", "last day", |one| day(one.valid.until)),
        ("bewaartermijn", "retention", |one| duration(&one.retention)),
        ("contact", "contact", |one| Text::same(&one.contact)),
        (
            "uitzonderingen op vaste regels",
            "exceptions to hard rules",
            exceptions,
        ),
        ("verklaarde waarschuwingen", "explained warnings", explanations),
    ];
    let told = headings.into_iter().filter_map(|(nl, en, of)| {
        let (old, new) = (of(old), of(new));
        (old != new).then(|| (Effect::Other, both_from_to(nl, en, &old, &new)))
    });
    told.collect()
}

/// What each grant demands and limits.
fn terms(old: &Purpose, new: &Purpose, before: &Draft, after: &Draft) -> Vec<Told> {
    let of = |grant: &Grant, draft: &Draft| -> BTreeMap<&'static str, Text> {
        of_grant(grant, &draft.catalogue, &draft.organisations)
            .into_iter()
            .collect()
    };
    let nothing = both("niets", "nothing");
    let mut told = Vec::new();
    for (position, old, new) in pairs(old, new) {
        let (Some(old), Some(new)) = (old, new) else {
            continue;
        };
        let (had, has) = (of(old, before), of(new, after));
        let keys: BTreeSet<_> = had.keys().chain(has.keys()).collect();
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
