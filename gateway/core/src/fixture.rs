//! A world for tests: the shipped policies approved with keys of the tests, and those who ask under them.

use std::sync::LazyLock;

use jiff::Timestamp;

use crate::catalogue::{Dimension, FieldName, Name};
use crate::party::{Caller, Organisation, Staff, TokenPurpose};
use crate::policy::Policies;
use crate::policy::decide::{Denial, Permit, decide};
use crate::policy::tests::approved_with_mandate;
use crate::purpose::{FiguresGrant, Grant};
use crate::request::Request;

/// A BSN of the test range.
pub(crate) const BSN: &str = "999990019";
/// The board that gave `vendor-alpha` a mandate, and for which its school asks.
pub(crate) const BOARD: &str = "board-41676";

/// The shipped policies, approved by everybody; `vendor-alpha` has a mandate of [`BOARD`] for `admissibility` alone.
pub(crate) fn policies() -> &'static Policies {
    static POLICIES: LazyLock<Policies> = LazyLock::new(approved_with_mandate);
    &POLICIES
}

pub(crate) fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub(crate) fn field(text: &str) -> FieldName {
    text.parse().unwrap()
}

pub(crate) fn dimension(text: &str) -> Dimension {
    policies().catalogue.dimension(text).unwrap()
}

pub(crate) fn organisation(slug: &str) -> &'static Organisation {
    policies().organisations.by_slug(&slug.parse().unwrap()).unwrap()
}

/// A program of this organisation with this role, whose token names every purpose.
pub(crate) fn caller(slug: &str, role: &str) -> Caller {
    let organisation = organisation(slug);
    Caller {
        organisation: organisation.oin.clone(),
        slug: organisation.slug.clone(),
        client: format!("{slug}-{role}").parse().unwrap(),
        roles: vec![role.to_owned()],
        acting_for: Vec::new(),
        purposes: policies()
            .purposes
            .iter()
            .map(|(id, standing)| TokenPurpose {
                id: id.clone(),
                manifest_digest: standing.manifest_digest,
            })
            .collect(),
    }
}

/// The program of `vendor-alpha` that acts for [`BOARD`].
pub(crate) fn vendor(role: &str) -> Caller {
    Caller {
        acting_for: vec![organisation(BOARD).oin.clone()],
        ..caller("vendor-alpha", role)
    }
}

/// A member of staff whose identity provider signed, with a case.
pub(crate) fn staff() -> Staff {
    Staff {
        subject: "c-17".to_owned(),
        proved: true,
        case: Some("2026-17".to_owned()),
    }
}

pub(crate) fn query(body: &serde_json::Value) -> Request {
    Request::query(&policies().catalogue, body.to_string().as_bytes())
        .unwrap_or_else(|errors| panic!("{errors:#?}"))
}

pub(crate) fn facts(caller: &Caller, body: &serde_json::Value) -> Request {
    Request::facts(
        &policies().catalogue,
        &caller.organisation,
        body.to_string().as_bytes(),
    )
    .unwrap_or_else(|errors| panic!("{errors:#?}"))
}

/// The decision for a caller who says for whom it asks.
pub(crate) fn decided(caller: &Caller, request: &Request) -> Result<Permit<'static>, Denial> {
    decide(policies(), caller, Some(&staff()), request, now())
}

pub(crate) fn figures_grant<'p>(policies: &'p Policies, purpose: &str, position: usize) -> &'p FiguresGrant {
    match &policies.purposes[&name(purpose)].purpose.grants[position] {
        Grant::Figures(grant) => grant,
        other => panic!("{} is no figures grant", other.form()),
    }
}
