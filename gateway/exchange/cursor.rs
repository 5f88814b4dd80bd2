//! Where a page of records ended, sealed: only for this client, this request, these policies, and not for long.

use data_encoding::BASE64URL_NOPAD;
use doelpoort_core::lp::Part;
use doelpoort_core::party::{Caller, Staff};
use doelpoort_core::policy::Policies;
use doelpoort_core::pseudonym::Pseudonym;
use doelpoort_core::pseudonymise::Pseudonymised;
use doelpoort_core::request::Request;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Asked, Refusal};
use crate::gateway::Gateway;

/// How long a cursor can be used, in seconds.
const LIFETIME_S: i64 = 15 * 60;

/// An opened cursor.
#[derive(Deserialize, Serialize)]
pub(crate) struct Cursor {
    last: String,
    staff: Option<String>,
    case: Option<String>,
    expires_s: i64,
    /// The epoch that released the rows; none where they are read as they are now.
    epoch: Option<Date>,
    #[serde(skip)]
    after: Option<Pseudonym>,
}

impl Cursor {
    /// Opens the cursor of a request, if it has one.
    pub(crate) fn open(
        gateway: &Gateway,
        caller: &Caller,
        policies: &Policies,
        asked: &Asked<'_>,
        request: &Request,
        now: Timestamp,
    ) -> Result<Option<Self>, Refusal> {
        let Request::Records(records) = request else {
            return Ok(None);
        };
        let Some(text) = &records.page.cursor else {
            return Ok(None);
        };
        let sealed = BASE64URL_NOPAD
            .decode(text.as_bytes())
            .map_err(|_| Refusal::Cursor)?;
        let aad = context(caller, policies, asked).ok_or(Refusal::Cursor)?;
        let plain = gateway
            .keyring()
            .cursor
            .open(&aad, &sealed)
            .map_err(|_| Refusal::Cursor)?;
        let mut cursor: Self = serde_json::from_slice(&plain).map_err(|_| Refusal::Cursor)?;
        if cursor.expires_s <= now.as_second() {
            return Err(Refusal::Cursor);
        }
        let last = Pseudonym::parse(&cursor.last).map_err(|_| Refusal::Cursor)?;
        // Rows are in the order of their pseudonyms: after a rotation there is no place to go on from.
        if Some(last.version()) != gateway.keyring().exit_version() {
            return Err(Refusal::Cursor);
        }
        cursor.after = Some(last);
        Ok(Some(cursor))
    }

    /// The cursor of the next page, if there is one.
    pub(crate) fn next(
        gateway: &Gateway,
        caller: &Caller,
        policies: &Policies,
        asked: &Asked<'_>,
        staff: Option<&Staff>,
        page: &Pseudonymised,
        now: Timestamp,
    ) -> Result<Option<String>, Refusal> {
        let Some(last) = page.next() else { return Ok(None) };
        let cursor = Self {
            last: last.as_str().to_owned(),
            staff: staff.map(|staff| staff.subject.clone()),
            case: staff.and_then(|staff| staff.case.clone()),
            expires_s: now.as_second() + LIFETIME_S,
            epoch: page.epoch(),
            after: None,
        };
        let plain = serde_json::to_vec(&cursor).map_err(|_| Refusal::Internal)?;
        let aad = context(caller, policies, asked).ok_or(Refusal::Internal)?;
        let sealed = gateway
            .keyring()
            .cursor
            .seal(&aad, &plain, &gateway.random)
            .map_err(|_| Refusal::Internal)?;
        Ok(Some(BASE64URL_NOPAD.encode(&sealed)))
    }

    /// Whether a page goes on where the last one ended: a newer epoch has other pseudonyms, and no place to go on from.
    pub(crate) fn leads_to(&self, page: &Pseudonymised) -> Result<(), Refusal> {
        if self.epoch == page.epoch() {
            Ok(())
        } else {
            Err(Refusal::Cursor)
        }
    }

    /// The pseudonym after which the page begins.
    pub(crate) fn last(&self) -> Option<&Pseudonym> {
        self.after.as_ref()
    }

    /// The person who was proved on the first page; a valid cursor stands in for the assertion.
    pub(crate) fn staff(&self) -> Option<Staff> {
        self.staff.clone().map(|subject| Staff {
            subject,
            proved: true,
            case: self.case.clone(),
        })
    }
}

/// What a cursor is bound to.
fn context(caller: &Caller, policies: &Policies, asked: &Asked<'_>) -> Option<Vec<u8>> {
    let mut aad = b"dsg-cursor\x01".to_vec();
    let digest = asked.digest()?;
    for part in [
        caller.client.as_str().as_bytes(),
        digest.as_bytes(),
        &policies.digest,
    ] {
        Part::new(part).ok()?.append_to(&mut aad);
    }
    Some(aad)
}
