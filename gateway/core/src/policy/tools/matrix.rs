//! Everything that anyone can get: recipient × purpose × grant × dataset × field × form, with how coarse it is, about
//! whom, and for whom the recipient acts.

#[cfg(test)]
mod tests;

use serde::Serialize;

use super::items::{Item, items};
use crate::catalogue::Name;
use crate::party::{Organisation, Slug};
use crate::policy::{Mandate, Policies};
use crate::purpose::{Grant, Holders, Scope, StaffRule};

/// One thing that one program of one organisation can get under one grant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The organisation whose program asks or delivers.
    pub recipient: Slug,
    /// The board that it acts for, under a mandate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acting_for: Option<Slug>,
    /// The role that the program must have.
    pub role: String,
    /// The purpose.
    pub purpose: Name,
    /// Its version.
    pub version: u32,
    /// Which grant, counted from 0.
    pub grant: usize,
    /// The form of the answer.
    pub form: &'static str,
    /// The dataset whose rows it is about.
    pub dataset: Name,
    /// The field; none for the row as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<Name>,
    /// What may be done with it: `see`, `exists`, `group`, `filter`, `count`, `deliver`.
    #[serde(rename = "use")]
    pub action: &'static str,
    /// How coarse: `exact`, `month`, the level of a hierarchy; for a count, the measure.
    #[serde(rename = "as")]
    pub level: String,
    /// The only code, where the grant fixes one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// About which pupils; none for figures and deliveries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<&'static str>,
    /// How the person who asks must be known; none where nobody is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub staff: Option<&'static str>,
    /// Whose rows: `all`, `own`, or short names.
    pub holders: String,
    /// How often.
    pub limit: String,
    /// The programs that have the role today; none: nobody can use it yet.
    pub clients: Vec<String>,
}

/// The names of a row's columns, in the order of [`Row::cells`].
pub const COLUMNS: [&str; 17] = [
    "recipient",
    "actingFor",
    "role",
    "purpose",
    "version",
    "grant",
    "form",
    "dataset",
    "field",
    "use",
    "as",
    "value",
    "scope",
    "staff",
    "holders",
    "limit",
    "clients",
];

impl Row {
    /// The row as text, column by column.
    pub fn cells(&self) -> [String; 17] {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        [
            self.recipient.to_string(),
            text(self.acting_for.as_ref().map(Slug::as_str)),
            self.role.clone(),
            self.purpose.to_string(),
            self.version.to_string(),
            self.grant.to_string(),
            self.form.to_owned(),
            self.dataset.to_string(),
            text(self.field.as_ref().map(Name::as_str)),
            self.action.to_owned(),
            self.level.clone(),
            text(self.value.as_deref()),
            text(self.scope),
            text(self.staff),
            self.holders.clone(),
            self.limit.clone(),
            self.clients.join(" "),
        ]
    }
}

/// Everything that anyone can get while every purpose acts: whoever sleeps today may wake tomorrow.
pub fn matrix(policies: &Policies) -> Vec<Row> {
    let mut rows = Vec::new();
    for standing in policies.purposes.values() {
        for (position, grant) in standing.purpose.grants.iter().enumerate() {
            let items = items(&policies.catalogue, grant);
            for (recipient, acting_for, role) in recipients(policies, grant) {
                let row = |item: &Item| Row {
                    recipient: recipient.slug.clone(),
                    acting_for: acting_for.map(|board| board.slug.clone()),
                    role: role.to_owned(),
                    purpose: standing.purpose.id.clone(),
                    version: standing.purpose.version,
                    grant: position,
                    form: grant.form(),
                    dataset: item.dataset.clone(),
                    field: item.field.as_ref().map(|field| field.field.clone()),
                    action: item.action.name(),
                    level: item.level.clone(),
                    value: item.value.clone(),
                    scope: grant.scope().map(scope_name),
                    staff: staff(grant).map(staff_name),
                    holders: holders(grant),
                    limit: grant.limit().requests.to_string(),
                    clients: clients(recipient, role),
                };
                rows.extend(items.iter().map(row));
            }
        }
    }
    rows.sort();
    rows
}

/// Who a grant reaches: its recipients, and whoever acts for one of them under a mandate where the form allows it.
fn recipients<'p>(
    policies: &'p Policies,
    grant: &'p Grant,
) -> Vec<(&'p Organisation, Option<&'p Organisation>, &'p str)> {
    let mut found = Vec::new();
    for recipient in grant.recipients() {
        let named = policies
            .organisations
            .iter()
            .filter(|party| recipient.names(party));
        for party in named {
            found.push((party, None, recipient.role.as_str()));
            let mandated = mandates(policies, grant, party);
            found.extend(mandated.map(|vendor| (vendor, Some(party), recipient.role.as_str())));
        }
    }
    found.sort_by_key(|(party, board, role)| (&party.slug, board.map(|board| &board.slug), *role));
    found.dedup_by_key(|(party, board, role)| (&party.slug, board.map(|board| &board.slug), *role));
    found
}

fn mandates<'p>(
    policies: &'p Policies,
    grant: &'p Grant,
    board: &'p Organisation,
) -> impl Iterator<Item = &'p Organisation> {
    let by_mandate = match grant {
        Grant::Delivery(_) | Grant::Facts(_) | Grant::Records(_) | Grant::Restrict(_) => true,
        Grant::Figures(_) | Grant::Resolve(_) | Grant::Search(_) | Grant::Translate(_) => false,
    };
    let covers = move |mandate: &&Mandate| {
        by_mandate && mandate.board == board.oin && mandate.datasets.contains(grant.dataset())
    };
    let vendors = policies.mandates.iter().filter(covers);
    vendors.filter_map(|mandate| policies.organisations.by_oin(&mandate.vendor))
}

fn clients(organisation: &Organisation, role: &str) -> Vec<String> {
    let with_role = organisation
        .clients
        .iter()
        .filter(|client| client.roles.iter().any(|one| one == role));
    with_role.map(|client| client.id.to_string()).collect()
}

fn holders(grant: &Grant) -> String {
    if matches!(grant, Grant::Figures(figures) if figures.counts_own_rows()) {
        return "own".to_owned();
    }
    match grant.holders() {
        None => "own".to_owned(),
        Some(Holders::All) => "all".to_owned(),
        Some(Holders::Listed(slugs)) => slugs.iter().map(Slug::as_str).collect::<Vec<_>>().join(" "),
    }
}

/// How the person who asks must be known.
pub(super) fn staff(grant: &Grant) -> Option<StaffRule> {
    match grant {
        Grant::Facts(grant) => Some(grant.staff),
        Grant::Records(grant) => Some(grant.staff),
        Grant::Resolve(_) | Grant::Search(_) => Some(StaffRule::Proved),
        Grant::Restrict(grant) => Some(grant.staff),
        Grant::Translate(grant) => Some(grant.staff),
        Grant::Delivery(_) | Grant::Figures(_) => None,
    }
}

pub(super) fn staff_name(rule: StaffRule) -> &'static str {
    match rule {
        StaffRule::None => "none",
        StaffRule::Proved => "proved",
        StaffRule::Stated => "stated",
    }
}

pub(super) fn scope_name(scope: Scope) -> &'static str {
    match scope {
        Scope::Caseload => "caseload",
        Scope::OwnBoard => "own-board",
        Scope::OwnSchool => "own-school",
        Scope::OwnSite => "own-site",
        Scope::Everything => "everything",
    }
}
