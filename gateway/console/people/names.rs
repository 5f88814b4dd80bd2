//! What people call organisations, forms and datasets.

use doelpoort_core::catalogue::Name;
use doelpoort_core::party::{Organisation, OrganisationKind};
use doelpoort_core::policy::{Policies, Standing};
use doelpoort_core::purpose::{Grant, Party, Recipient};
use doelpoort_core::request::Form;
use doelpoort_core::text::Language;
use jiff::Timestamp;
use maud::{Markup, html};

use super::guard::Visitor;
use super::words::Word;

/// The name of an organisation; its short name where public data give none.
pub(super) fn organisation(organisation: &Organisation) -> &str {
    organisation
        .name
        .as_deref()
        .unwrap_or_else(|| organisation.slug.as_str())
}

/// The same by its number; the number itself where nobody knows it any more.
pub(super) fn by_number<'n>(policies: &'n Policies, oin: &'n str) -> &'n str {
    let known = oin
        .parse()
        .ok()
        .and_then(|oin| policies.organisations.by_oin(&oin));
    known.map_or(oin, organisation)
}

/// Whom a recipient names.
pub(super) fn recipient(policies: &Policies, recipient: &Recipient, language: Language) -> String {
    let word = match &recipient.who {
        Party::Organisation(slug) => {
            let known = policies.organisations.by_slug(slug);
            return known.map_or(slug.as_str(), organisation).to_owned();
        }
        Party::Kind(OrganisationKind::Municipality) => Word::AllMunicipalities,
        Party::Kind(OrganisationKind::SchoolBoard) => Word::AllBoards,
        Party::Kind(OrganisationKind::Swv) => Word::AllSwvs,
        Party::Kind(OrganisationKind::Vendor) => Word::AllVendors,
        Party::Kind(OrganisationKind::Public) => Word::AllPublic,
    };
    word.in_language(language).to_owned()
}

/// Who receives under a grant, each once.
pub(super) fn recipients(policies: &Policies, grant: &Grant, language: Language) -> String {
    let mut names: Vec<String> = grant
        .recipients()
        .iter()
        .map(|one| recipient(policies, one, language))
        .collect();
    names.dedup();
    names.join(", ")
}

/// What a form of answer is called.
pub(super) fn form(grant: &Grant) -> Word {
    match grant.form_of() {
        Form::Figures => Word::FormFigures,
        Form::Records => Word::FormRecords,
        Form::Facts => Word::FormFacts,
        Form::Delivery => Word::FormDelivery,
        Form::Translate => Word::FormTranslate,
        Form::Resolve => Word::FormResolve,
        Form::Restrict => Word::FormRestrict,
        Form::Search => Word::FormSearch,
    }
}

/// The title of a dataset.
pub(super) fn dataset<'n>(policies: &'n Policies, name: &'n str, language: Language) -> &'n str {
    let known = name.parse::<Name>().ok();
    let known = known.and_then(|name| policies.catalogue.dataset(&name));
    known.map_or(name, |dataset| dataset.title.in_language(language))
}

/// Whether a purpose acts.
pub(super) fn state(visitor: &Visitor, standing: &Standing, now: Timestamp) -> Markup {
    if standing.acts(now).is_ok() {
        html! { span class="state good" { "✓ " (visitor.say(Word::Acts)) } }
    } else {
        html! { span class="state note" { "– " (visitor.say(Word::Sleeps)) } }
    }
}
