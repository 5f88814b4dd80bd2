//! What a token says its bearer may ask. It is a summary: every request is decided anew.

use doelpoort_core::party::{Client, Oin, Organisation, TokenPurpose};
use doelpoort_core::policy::{Mandate, Policies};
use doelpoort_core::purpose::{Grant, Party, Recipient};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Purposes and boards for a token.
pub(crate) struct Entitlement {
    /// Acting purposes in which the client receives or delivers, in order of name.
    pub(crate) purposes: Vec<TokenPurpose>,
    /// Boards whose mandate is valid today, in order of OIN.
    pub(crate) acting_for: Vec<Oin>,
}

impl Entitlement {
    /// The purposes, separated by spaces (RFC 6749 section 3.3).
    pub(crate) fn scope(&self) -> String {
        let names: Vec<String> = self
            .purposes
            .iter()
            .map(|purpose| purpose.id.to_string())
            .collect();
        names.join(" ")
    }
}

/// In whose name a client asks.
#[derive(Clone, Copy)]
pub(crate) enum InTheNameOf<'o> {
    /// Its own, or that of whoever mandated it.
    Anybody,
    /// This board's alone.
    Board(&'o Oin),
}

/// What this client of this organisation may ask now (days are counted in UTC), for itself or for a board that mandated it.
pub(crate) fn of(
    policies: &Policies,
    organisation: &Organisation,
    client: &Client,
    name: InTheNameOf<'_>,
    now: Timestamp,
) -> Entitlement {
    let today = now.to_zoned(TimeZone::UTC).date();
    let mandates: Vec<(&Mandate, &Organisation)> = policies
        .mandates
        .iter()
        .filter(|mandate| mandate.vendor == organisation.oin)
        .filter(|mandate| match name {
            InTheNameOf::Anybody => true,
            InTheNameOf::Board(board) => mandate.board == *board,
        })
        .filter(|mandate| mandate.from <= today && today <= mandate.until)
        .filter_map(|mandate| Some((mandate, policies.organisations.by_oin(&mandate.board)?)))
        .collect();
    let own = matches!(name, InTheNameOf::Anybody);
    let granted = |grant: &Grant| {
        (own && names(grant, organisation, client))
            || mandates.iter().any(|(mandate, board)| {
                mandate.datasets.contains(grant.dataset()) && names(grant, board, client)
            })
    };
    let purposes = policies
        .purposes
        .iter()
        .filter(|(_, standing)| standing.acts(now).is_ok() && standing.purpose.grants.iter().any(granted))
        .map(|(id, standing)| TokenPurpose {
            id: id.clone(),
            manifest_digest: standing.manifest_digest,
        })
        .collect();
    let mut acting_for: Vec<Oin> = mandates
        .iter()
        .map(|(mandate, _)| mandate.board.clone())
        .collect();
    acting_for.sort();
    acting_for.dedup();
    Entitlement { purposes, acting_for }
}

/// Whether the grant names the organisation, in a role that the client has.
fn names(grant: &Grant, organisation: &Organisation, client: &Client) -> bool {
    grant.recipients().iter().any(|Recipient { who, role }| {
        let meant = match who {
            Party::Organisation(slug) => *slug == organisation.slug,
            Party::Kind(kind) => *kind == organisation.kind,
        };
        meant && client.roles.contains(role)
    })
}
