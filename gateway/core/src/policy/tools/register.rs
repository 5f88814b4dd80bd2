//! The register of processing activities (AVG art. 30), made from purposes, organisations and datasets.
//!
//! Its JSON has the shape of the Dutch draft register API (`ProcessingActivityVersion` and `Entity` of the logbook of
//! data processing, v0.1) with terms of the Data Privacy Vocabulary. Art. 30 asks for more than that draft knows; what
//! it lacks (controllers, holders, articles, the last day) stands beside it, and there are several recipients.

mod page;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use crate::catalogue::{About, FieldName, Name};
use crate::party::{Organisation, OrganisationKind, Slug};
use crate::policy::{Policies, Standing, sha256};
use crate::purpose::{Grant, Purpose};
use crate::text::Text;

pub use page::{csv, html};

/// The whole register.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Register {
    /// Each purpose, in order of its name.
    pub processing_activities: Vec<Activity>,
    /// Each organisation that an activity names.
    pub entities: Vec<Entity>,
}

/// One purpose. What stands first is of the draft API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Activity {
    /// Derived from the purpose's name, so that it stays (RFC 9562, version 8).
    pub id: String,
    /// Whether it acts now: approved by all who must, and within its days.
    pub active: bool,
    /// The version that is in force.
    pub latest_version: u32,
    /// Its title in Dutch.
    pub name: String,
    /// The version.
    pub version: u32,
    /// DPV `Purpose`.
    pub purpose: &'static str,
    /// DPV data subjects.
    pub data_subjects: BTreeSet<&'static str>,
    /// DPV legal bases.
    pub legal_basis: Vec<&'static str>,
    /// DPV technical and organisational measures.
    pub measures: Vec<Measure>,
    /// What is processed and how long a recipient may keep it.
    pub personal_data: PersonalData,
    /// DPV processing.
    pub processing_options: BTreeSet<&'static str>,
    /// Who receives.
    pub recipients: Vec<Role>,
    /// The first moment of its first day, in UTC.
    pub valid_from: String,
    /// The purpose's name in this gateway.
    pub purpose_id: Name,
    /// Its title.
    pub title: Text,
    /// Why it is needed.
    pub description: Text,
    /// Its last day.
    pub valid_until: String,
    /// Who decides on it, and by which law.
    pub controllers: Vec<Controller>,
    /// Whose rows it touches.
    pub holders: Vec<Role>,
    /// Point of AVG 6(1).
    pub avg: String,
    /// Exception of AVG 9(2), with its national law.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub special: Option<String>,
    /// Reference and date of the impact assessment (AVG 35).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dpia: Option<String>,
    /// Where to ask about it.
    pub contact: String,
    /// The forms in which something is given.
    pub forms: BTreeSet<&'static str>,
}

/// One measure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Measure {
    /// `Technical` or `Organisational`.
    pub measure_type: &'static str,
    /// DPV term.
    pub measure: &'static str,
}

/// Categories of data, and how long a recipient may keep them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PersonalData {
    /// Names of fields; of a delivery, of all fields of its dataset.
    pub categories: BTreeSet<String>,
    /// ISO 8601 duration.
    pub retention_period: String,
}

/// An organisation in its part.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Role {
    /// DPV legal role.
    pub legal_role: &'static str,
    /// The organisation's id in `entities`.
    pub entity_id: String,
}

/// A controller and the law that gives it the task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Controller {
    /// The organisation's id in `entities`.
    pub entity_id: String,
    /// Law and article.
    pub law: String,
}

/// An organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entity {
    /// DPV entity.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Derived from the OIN, so that it stays (RFC 9562, version 8).
    pub id: String,
    /// Its name; its short name where public data give none.
    pub name: String,
    /// Its OIN.
    pub oin: String,
    /// Its short name.
    pub slug: Slug,
}

/// The register as it stands at `now`.
pub fn register(policies: &Policies, now: Timestamp) -> Register {
    let activities: Vec<Activity> = policies
        .purposes
        .values()
        .map(|standing| activity(policies, standing, now))
        .collect();
    let named: BTreeSet<&str> = activities.iter().flat_map(entities_of).collect();
    let entities = policies.organisations.iter().map(entity);
    let entities = entities
        .filter(|entity| named.contains(entity.id.as_str()))
        .collect();
    Register {
        entities,
        processing_activities: activities,
    }
}

fn entities_of(activity: &Activity) -> impl Iterator<Item = &str> {
    let parts = activity.recipients.iter().chain(&activity.holders);
    let controllers = activity.controllers.iter().map(|one| one.entity_id.as_str());
    parts.map(|part| part.entity_id.as_str()).chain(controllers)
}

fn activity(policies: &Policies, standing: &Standing, now: Timestamp) -> Activity {
    let purpose = &standing.purpose;
    let datasets = datasets(policies, purpose);
    Activity {
        id: uuid("purpose", purpose.id.as_str()),
        active: standing.acts(now).is_ok(),
        latest_version: purpose.version,
        name: purpose.title.nl.clone(),
        version: purpose.version,
        purpose: dpv_purpose(&purpose.basis.avg),
        data_subjects: subjects(policies, &datasets),
        legal_basis: legal_basis(&purpose.basis.avg),
        measures: measures(purpose),
        personal_data: PersonalData {
            categories: categories(policies, purpose),
            retention_period: purpose.retention.clone(),
        },
        processing_options: purpose.grants.iter().flat_map(processing).copied().collect(),
        recipients: recipients(policies, purpose),
        valid_from: format!("{}T00:00:00Z", purpose.valid.from),
        purpose_id: purpose.id.clone(),
        title: purpose.title.clone(),
        description: purpose.why.clone(),
        valid_until: purpose.valid.until.to_string(),
        controllers: controllers(policies, purpose),
        holders: holders(policies, purpose),
        avg: purpose.basis.avg.clone(),
        special: purpose.basis.special.clone(),
        dpia: purpose
            .dpia
            .as_ref()
            .map(|dpia| format!("{} ({})", dpia.reference, dpia.date)),
        contact: purpose.contact.clone(),
        forms: purpose.grants.iter().map(Grant::form).collect(),
    }
}

fn datasets(policies: &Policies, purpose: &Purpose) -> BTreeSet<Name> {
    let grants = purpose.grants.iter();
    grants
        .flat_map(|grant| grant.datasets(&policies.catalogue))
        .collect()
}

fn subjects(policies: &Policies, datasets: &BTreeSet<Name>) -> BTreeSet<&'static str> {
    let datasets = datasets
        .iter()
        .filter_map(|name| policies.catalogue.dataset(name));
    let subjects = datasets.flat_map(|dataset| match dataset.about {
        About::Pupil => ["Student", "VulnerableHuman"].as_slice(),
        About::Staff => ["Employee"].as_slice(),
        About::Provision | About::Site => [].as_slice(),
    });
    subjects.copied().collect()
}

fn dpv_purpose(avg: &str) -> &'static str {
    match avg {
        "6(1)(c)" => "LegalCompliance",
        _ => "PublicBenefit",
    }
}

fn legal_basis(avg: &str) -> Vec<&'static str> {
    match avg {
        "6(1)(a)" => vec!["Consent"],
        "6(1)(b)" => vec!["Contract"],
        "6(1)(c)" => vec!["LegalObligation"],
        "6(1)(d)" => vec!["VitalInterest"],
        "6(1)(e)" => vec!["PublicInterest", "OfficialAuthorityOfController"],
        "6(1)(f)" => vec!["LegitimateInterest"],
        _ => Vec::new(),
    }
}

/// What the gateway does for each form; what organisations do themselves they add.
fn measures(purpose: &Purpose) -> Vec<Measure> {
    let technical = |measure| Measure {
        measure_type: "Technical",
        measure,
    };
    let organisational = |measure| Measure {
        measure_type: "Organisational",
        measure,
    };
    let mut measures = vec![
        technical("AuthenticationProtocols"),
        technical("AccessControlMethod"),
        technical("EncryptionInTransfer"),
        technical("ActivityMonitoring"),
        organisational("Policy"),
        organisational("LegalAgreement"),
    ];
    let has = |wanted: fn(&Grant) -> bool| purpose.grants.iter().any(wanted);
    if has(|grant| matches!(grant, Grant::Records(_))) {
        measures.push(technical("Pseudonymisation"));
    }
    if has(|grant| matches!(grant, Grant::Figures(_))) {
        measures.push(technical("Deidentification"));
    }
    if purpose.dpia.is_some() {
        measures.push(organisational("DPIA"));
    }
    measures
}

fn processing(grant: &Grant) -> &'static [&'static str] {
    match grant {
        Grant::Delivery(_) => &["Obtain", "Organise", "Store"],
        Grant::Facts(_) => &["Disclose", "Use"],
        Grant::Figures(_) | Grant::Records(_) | Grant::Translate(_) => &["Disclose", "Transform", "Use"],
        Grant::Resolve(_) => &["Consult", "Disclose"],
        Grant::Search(_) => &["Consult"],
        Grant::Restrict(_) => &["Restrict", "Store"],
    }
}

fn categories(policies: &Policies, purpose: &Purpose) -> BTreeSet<String> {
    let catalogue = &policies.catalogue;
    let of_grant = |grant: &Grant| -> BTreeSet<FieldName> {
        match (grant, catalogue.dataset(grant.dataset())) {
            (Grant::Delivery(_), Some(dataset)) => dataset
                .fields
                .iter()
                .map(|field| FieldName::new(dataset.name.clone(), field.name.clone()))
                .collect(),
            _ => grant.fields().into_iter().cloned().collect(),
        }
    };
    let fields = purpose.grants.iter().flat_map(of_grant);
    fields.map(|field| field.to_string()).collect()
}

fn recipients(policies: &Policies, purpose: &Purpose) -> Vec<Role> {
    let disclosing = purpose
        .grants
        .iter()
        .filter(|grant| !matches!(grant, Grant::Delivery(_)));
    let receiving = disclosing.flat_map(|grant| grant.receiving(&policies.organisations));
    let role = |party: &Organisation| {
        let controls = purpose
            .controllers
            .iter()
            .any(|one| one.organisation == party.slug);
        let legal_role = match (controls, party.kind) {
            (true, _) if purpose.controllers.len() > 1 => "JointDataControllers",
            (true, _) => "DataController",
            (false, OrganisationKind::Vendor) => "DataProcessor",
            (false, _) => "ThirdParty",
        };
        Role {
            legal_role,
            entity_id: entity(party).id,
        }
    };
    let roles: BTreeSet<Role> = receiving.map(role).collect();
    roles.into_iter().collect()
}

fn holders(policies: &Policies, purpose: &Purpose) -> Vec<Role> {
    let touched = purpose
        .grants
        .iter()
        .flat_map(|grant| grant.touched(&policies.catalogue, &policies.organisations));
    let parties: BTreeMap<&Slug, &Organisation> = touched.map(|party| (&party.slug, party)).collect();
    let role = |party: &&Organisation| Role {
        legal_role: "DataExporter",
        entity_id: entity(party).id,
    };
    parties.values().map(role).collect()
}

fn controllers(policies: &Policies, purpose: &Purpose) -> Vec<Controller> {
    let named = purpose.controllers.iter().filter_map(|one| {
        let party = policies.organisations.by_slug(&one.organisation)?;
        Some(Controller {
            entity_id: entity(party).id,
            law: one.law.clone(),
        })
    });
    named.collect()
}

fn entity(party: &Organisation) -> Entity {
    Entity {
        kind: "LegalEntity",
        id: uuid("organisation", party.oin.as_str()),
        name: party.name.clone().unwrap_or_else(|| party.slug.to_string()),
        oin: party.oin.to_string(),
        slug: party.slug.clone(),
    }
}

/// The same name has the same id on every gateway and after every change (RFC 9562 section 5.8).
fn uuid(what: &str, name: &str) -> String {
    const VERSION: u128 = 8 << 76;
    const VARIANT: u128 = 2 << 62;
    let digest = sha256(format!("doelpoort-register/1/{what}/{name}").as_bytes());
    let head = digest.first_chunk::<16>().copied().unwrap_or_default();
    let bits = u128::from_be_bytes(head) & !(0xf << 76) & !(3 << 62) | VERSION | VARIANT;
    let hex = format!("{bits:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    let parts = [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)];
    parts.join("-")
}
