//! The hard rules that a purpose file is checked against. Each can be set aside only by an exception that
//! names an article.

use super::names::Names;
use super::{Grant, HardRule, Holders, Scope, StaffRule};
use crate::catalogue::{About, ProtectionClass};
use crate::document::Table;
use crate::identifier::IdentifierKind;
use crate::party::{Organisation, OrganisationKind};

const YOUTH_CARE: &str = "youth-care";

impl HardRule {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::NoBsnToSwv,
        Self::SwvDataToOwnSchool,
        Self::YouthCareAsFigures,
        Self::StaffProved,
    ];

    /// The rule's name in `exceptions`.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoBsnToSwv => "no-bsn-to-swv",
            Self::SwvDataToOwnSchool => "swv-data-to-own-school",
            Self::YouthCareAsFigures => "youth-care-as-figures",
            Self::StaffProved => "staff-proved",
        }
    }
}

/// Notes each hard rule that the grant breaks.
pub(super) fn check(table: &Table<'_, '_>, grant: &Grant, names: &Names<'_>) {
    let broken = [
        (HardRule::NoBsnToSwv, bsn_to_swv(grant, names)),
        (HardRule::SwvDataToOwnSchool, swv_data_to_others(grant, names)),
        (HardRule::YouthCareAsFigures, youth_care(grant)),
        (HardRule::StaffProved, staff_unproved(grant)),
    ];
    for (rule, message) in broken {
        if let Some(message) = message.filter(|_| names.holds(rule)) {
            table.error(format!("{message} (hard rule `{}`)", rule.name()));
        }
    }
    for message in [marked_rows(grant, names), foreign_deliverer(grant, names)]
        .into_iter()
        .flatten()
    {
        table.error(message);
    }
}

fn bsn_to_swv(grant: &Grant, names: &Names<'_>) -> Option<String> {
    let Grant::Facts(facts) = grant else { return None };
    let swv = grant
        .receiving(names.organisations)
        .into_iter()
        .any(|party| party.kind == OrganisationKind::Swv);
    (swv && facts.identifiers.contains(&IdentifierKind::Bsn)).then(|| "an SWV gets no BSN".to_owned())
}

/// WPO 18a(13), WVO 2020 2.47(16).
fn swv_data_to_others(grant: &Grant, names: &Names<'_>) -> Option<String> {
    let own_school = matches!(
        grant.scope()?,
        Scope::OwnBoard | Scope::OwnSchool | Scope::OwnSite
    );
    let held = grant
        .named_datasets()
        .into_iter()
        .filter_map(|name| names.catalogue.dataset(name));
    let held =
        held.filter(|dataset| dataset.holder_kind == OrganisationKind::Swv && dataset.about == About::Pupil);
    let dataset = held.into_iter().find(|dataset| {
        let fields = dataset.fields.iter().map(|field| field.class).max();
        dataset.class.max(fields.unwrap_or_default()) == ProtectionClass::Sensitive
    })?;
    let lawful = |party: &Organisation| {
        party.kind == OrganisationKind::SchoolBoard && own_school || is_only_holder(grant.holders(), party)
    };
    let all_lawful = grant.receiving(names.organisations).into_iter().all(lawful);
    (!all_lawful).then(|| {
        format!(
            "`{}` is held by the SWV and goes to the pupil's own school board only",
            dataset.name
        )
    })
}

fn is_only_holder(holders: Option<&Holders>, party: &Organisation) -> bool {
    matches!(holders, Some(Holders::Listed(slugs)) if slugs.iter().all(|slug| *slug == party.slug))
}

fn youth_care(grant: &Grant) -> Option<String> {
    grant.scope()?;
    let named = grant
        .named_datasets()
        .into_iter()
        .any(|name| name.as_str() == YOUTH_CARE);
    named.then(|| "youth care leaves as figures only".to_owned())
}

fn staff_unproved(grant: &Grant) -> Option<String> {
    let staff = match grant {
        Grant::Facts(grant) => grant.staff,
        Grant::Records(grant) => grant.staff,
        Grant::Restrict(grant) => grant.staff,
        Grant::Translate(grant) => grant.staff,
        Grant::Delivery(_) | Grant::Figures(_) | Grant::Resolve(_) => return None,
    };
    (staff == StaffRule::Stated).then(|| format!("{} prove the person who asks", grant.form()))
}

/// A recipient that delivers a field which pseudonymised records return could mark rows and read them back.
fn marked_rows(grant: &Grant, names: &Names<'_>) -> Option<String> {
    let Grant::Records(records) = grant else {
        return None;
    };
    let receiving = grant.receiving(names.organisations);
    let delivers = |party: &&Organisation| records.holders.admits(party, names.organisations);
    let kinds: Vec<_> = receiving
        .into_iter()
        .filter(delivers)
        .map(|party| party.kind)
        .collect();
    let marked = grant.fields().into_iter().find(|field| {
        let dataset = names.catalogue.dataset(&field.dataset);
        dataset.is_some_and(|dataset| dataset.about == About::Pupil && kinds.contains(&dataset.holder_kind))
    })?;
    Some(format!(
        "a recipient delivers `{marked}` itself, so it could mark rows and read them back"
    ))
}

fn foreign_deliverer(grant: &Grant, names: &Names<'_>) -> Option<String> {
    let Grant::Delivery(delivery) = grant else {
        return None;
    };
    let kind = names.catalogue.dataset(&delivery.dataset)?.holder_kind;
    let foreign = grant
        .receiving(names.organisations)
        .into_iter()
        .find(|party| party.kind != kind)?;
    Some(format!(
        "`{}` is not of the kind that holds `{}`",
        foreign.slug, delivery.dataset
    ))
}
