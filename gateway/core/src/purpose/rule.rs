//! The hard rules that a purpose file is checked against. Each can be set aside only by an exception that
//! names an article.

use jiff::civil::{Date, date};

use super::names::Names;
use super::{Grant, HardRule, Holders, Purpose, Scope, StaffRule};
use crate::catalogue::{About, Dataset, FieldName, ProtectionClass};
use crate::document::Table;
use crate::identifier::IdentifierKind;
use crate::party::{Organisation, OrganisationKind};

const YOUTH_CARE: &str = "youth-care";
/// WPO 18a(13), WVO 2020 2.47(16): three years, in months.
const SWV_DATA_MONTHS_MAX: u32 = 36;

impl HardRule {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::NoBsnToSwv,
        Self::SwvDataToOwnSchool,
        Self::SwvDataThreeYears,
        Self::DpiaWhereSensitive,
        Self::YouthCareAsFigures,
        Self::StaffProved,
    ];

    /// The rule's name in `exceptions`.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoBsnToSwv => "no-bsn-to-swv",
            Self::SwvDataToOwnSchool => "swv-data-to-own-school",
            Self::SwvDataThreeYears => "swv-data-three-years",
            Self::DpiaWhereSensitive => "dpia-where-sensitive",
            Self::YouthCareAsFigures => "youth-care-as-figures",
            Self::StaffProved => "staff-proved",
        }
    }

    /// The law that it comes from, for messages.
    pub fn article(self) -> &'static str {
        match self {
            Self::NoBsnToSwv => "WPO art. 178a, UAVG art. 46",
            Self::SwvDataToOwnSchool | Self::SwvDataThreeYears => {
                "WPO art. 18a lid 13, WVO 2020 art. 2.47 lid 16"
            }
            Self::DpiaWhereSensitive => "AVG art. 35",
            Self::YouthCareAsFigures => "AVG art. 5 lid 1 onder c, art. 9",
            Self::StaffProved => "AVG art. 5 lid 2, art. 32",
        }
    }

    fn broken(self, message: &str) -> String {
        format!("{message} (hard rule `{}`: {})", self.name(), self.article())
    }
}

/// Notes each hard rule that the grant breaks.
pub(super) fn check(table: &Table<'_, '_>, grant: &Grant, names: &Names<'_>) {
    let broken = [
        (HardRule::NoBsnToSwv, bsn_to_swv(grant, names)),
        (HardRule::SwvDataToOwnSchool, swv_data_to_others(grant, names)),
        (HardRule::YouthCareAsFigures, youth_care(grant)),
        (HardRule::StaffProved, staff_unproved(grant, names)),
    ];
    for (rule, message) in broken {
        if let Some(message) = message.filter(|_| names.holds(rule)) {
            table.error(rule.broken(&message));
        }
    }
    let never = [
        marked_rows(grant, names),
        foreign_deliverer(grant, names),
        about_nobody(grant, names),
    ];
    for message in never.into_iter().flatten() {
        table.error(message);
    }
}

/// Notes each hard rule that the purpose breaks as a whole.
pub(super) fn check_whole(table: &Table<'_, '_>, purpose: &Purpose, names: &Names<'_>) {
    let broken = [
        (HardRule::DpiaWhereSensitive, dpia_missing(purpose, names)),
        (HardRule::SwvDataThreeYears, kept_too_long(purpose, names)),
    ];
    for (rule, message) in broken {
        if let Some(message) = message.filter(|_| names.holds(rule)) {
            table.error(rule.broken(&message));
        }
    }
}

/// Where sensitive data are granted, the impact assessment must be named.
fn dpia_missing(purpose: &Purpose, names: &Names<'_>) -> Option<String> {
    let mut grants = purpose.grants.iter();
    let sensitive = grants.find(|grant| grant.class(names.catalogue) == ProtectionClass::Sensitive)?;
    purpose.dpia.is_none().then(|| {
        format!(
            "missing key `dpia`: a grant on `{}` concerns sensitive data",
            sensitive.dataset()
        )
    })
}

/// By a recipient, or in the gateway; figures are no data of a pupil.
fn kept_too_long(purpose: &Purpose, names: &Names<'_>) -> Option<String> {
    let reached = purpose
        .grants
        .iter()
        .filter(|grant| !matches!(grant, Grant::Figures(_)));
    let dataset = reached.flat_map(Grant::named_datasets).find_map(|name| {
        names
            .catalogue
            .dataset(name)
            .filter(|dataset| is_swv_data(dataset))
    })?;
    let kept = dataset.retention.as_ref().map(|retention| retention.months);
    if kept.is_none_or(|months| months > SWV_DATA_MONTHS_MAX) {
        return Some(format!("`{}` is kept longer than three years", dataset.name));
    }
    let too_long = longer_than(&purpose.retention, SWV_DATA_MONTHS_MAX);
    too_long.then(|| {
        format!(
            "`retention` is longer than the three years for which `{}` may be kept",
            dataset.name
        )
    })
}

/// Whether an ISO 8601 duration is longer than so many months; what cannot be told is.
fn longer_than(duration: &str, months: u32) -> bool {
    const ANY_DAY: Date = date(2001, 8, 1);
    let end = duration
        .parse::<jiff::Span>()
        .ok()
        .and_then(|span| ANY_DAY.checked_add(span).ok());
    let last = jiff::Span::new()
        .try_months(i64::from(months))
        .ok()
        .and_then(|span| ANY_DAY.checked_add(span).ok());
    end.zip(last).is_none_or(|(end, last)| end > last)
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
    // A row that a board delivered itself does not make a pupil its own: `own-board` is not enough.
    let own_school = matches!(grant.scope()?, Scope::OwnSchool | Scope::OwnSite);
    let held = grant
        .named_datasets()
        .into_iter()
        .filter_map(|name| names.catalogue.dataset(name));
    let dataset = held.into_iter().find(|dataset| is_swv_data(dataset))?;
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

/// Whether an SWV holds it about pupils, with something sensitive in it.
fn is_swv_data(dataset: &Dataset) -> bool {
    let fields = dataset.fields.iter().map(|field| field.class).max();
    let class = dataset.class.max(fields.unwrap_or_default());
    dataset.holder_kind == OrganisationKind::Swv
        && dataset.about == About::Pupil
        && class == ProtectionClass::Sensitive
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

fn staff_unproved(grant: &Grant, names: &Names<'_>) -> Option<String> {
    let staff = match grant {
        Grant::Facts(grant) => grant.staff,
        Grant::Records(grant) => grant.staff,
        Grant::Restrict(grant) => grant.staff,
        Grant::Translate(grant) => grant.staff,
        Grant::Delivery(_) | Grant::Figures(_) | Grant::Resolve(_) | Grant::Search(_) => return None,
    };
    let is_anonymous = matches!(grant, Grant::Records(records) if records.anonymous.is_some());
    let unproved = staff != StaffRule::Proved && !is_anonymous && !is_about_nobody(grant, names);
    unproved.then(|| format!("{} prove the person who asks", grant.form()))
}

/// A table without persons is given whole, and beside no other: there is no pupil to join by.
fn about_nobody(grant: &Grant, names: &Names<'_>) -> Option<String> {
    let Grant::Records(records) = grant else {
        return None;
    };
    let name = grant.dataset();
    let is_place = |field: &&FieldName| {
        let dataset = names.catalogue.dataset(&field.dataset);
        dataset.is_some_and(|dataset| dataset.about == About::Provision)
    };
    if !is_about_nobody(grant, names) {
        let place = grant.fields().into_iter().find(is_place)?;
        return Some(format!(
            "`{place}` is about no pupil, so it cannot stand beside one; grant its dataset by itself"
        ));
    }
    if records.scope != Scope::Everything {
        return Some(format!(
            "`{name}` is about no pupil, so its scope is `everything`"
        ));
    }
    let fields = grant.fields();
    let other = fields.into_iter().find(|field| field.dataset != *name)?;
    Some(format!(
        "`{other}` is not of `{name}`, which nothing can be joined to"
    ))
}

fn is_about_nobody(grant: &Grant, names: &Names<'_>) -> bool {
    let dataset = names.catalogue.dataset(grant.dataset());
    dataset.is_some_and(|dataset| dataset.about == About::Provision)
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
