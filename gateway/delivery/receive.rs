//! Rows are read, checked, pseudonymised and staged, a batch at a time; nothing of it is visible yet.

use std::sync::Arc;

use doelpoort_core::catalogue::{Dataset, Name, RowReader, school_year_days};
use doelpoort_core::lp::Part;
use doelpoort_core::party::Oin;
use doelpoort_core::policy::decide::Permit;
use doelpoort_core::request::InputError;
use doelpoort_core::scope::OwnSites;
use jiff::Timestamp;
use tokio::io::AsyncRead;

use super::row::{CheckedRow, Checks, row_key, stored_values};
use super::rows::{Bounds, ReadError, Rows};
use super::{DeliveryAsked, DeliveryRefusal};
use crate::exchange::Refusal;
use crate::gateway::Gateway;
use crate::store::delivery::{Batch, Finished, Mode, NewDelivery, RowError, STAGE_ROWS_MAX, StagedRow};
use crate::store::subjects::{Assertion, Sighting};
use crate::telemetry::RowOutcome;

/// A delivery that has begun.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) id: i64,
    pub(super) holder: Oin,
    pub(super) mode: Mode,
    pub(super) period: String,
}

/// What was taken in.
#[derive(Clone, Debug)]
pub struct Received {
    /// The delivery's id.
    pub id: i64,
    /// Rows accepted.
    pub accepted: i64,
    /// Rows rejected.
    pub rejected: i64,
    /// Identifier pairs that the holder asserted for the first time.
    pub(super) linked: usize,
    /// The keyed digest of what was sent.
    pub(super) digest: [u8; 32],
}

impl Gateway {
    pub(super) async fn open_delivery(
        &self,
        permit: &Permit<'_>,
        asked: &DeliveryAsked<'_>,
        now: Timestamp,
    ) -> Result<Opened, DeliveryRefusal> {
        let (holder, mode) = (permit.principal().clone(), asked.mode());
        let period = asked.period.unwrap_or_default().to_owned();
        let new = NewDelivery {
            dataset: permit.dataset(),
            period: &period,
            holder: &holder,
            deliverer: permit.recipient(),
            mode,
        };
        let id = self.store.open_delivery(new, now.as_microsecond()).await?;
        Ok(Opened {
            id,
            holder,
            mode,
            period,
        })
    }

    /// Reads the rows to the end. When the body breaks off or is too large, what was staged is given up.
    pub(super) async fn receive(
        &self,
        permit: &Permit<'_>,
        opened: &Opened,
        asked: &DeliveryAsked<'_>,
        body: impl AsyncRead + Unpin + Send,
    ) -> Result<Received, DeliveryRefusal> {
        let outcome = self.stage_all(permit, opened, asked, body).await;
        if outcome.is_err()
            && let Err(error) = self
                .store
                .fail(opened.id, self.clock.now().as_microsecond())
                .await
        {
            tracing::warn!(%error, "a broken delivery will be swept when its lease has passed");
        }
        outcome
    }

    async fn stage_all(
        &self,
        permit: &Permit<'_>,
        opened: &Opened,
        asked: &DeliveryAsked<'_>,
        body: impl AsyncRead + Unpin + Send,
    ) -> Result<Received, DeliveryRefusal> {
        let policies = permit.policies();
        let reader = RowReader::new(&policies.catalogue, permit.dataset()).ok_or(Refusal::Internal)?;
        let holder = policies
            .organisations
            .by_oin(&opened.holder)
            .ok_or(Refusal::Internal)?;
        let checks = Checks {
            reader,
            holder: &opened.holder,
            sites: OwnSites::of(policies, permit.dataset(), &opened.holder),
            kinds: &holder.identifiers,
            changes: opened.mode == Mode::Changes,
            period: school_year_days(&opened.period),
        };
        let bounds = Bounds {
            bytes: self.bounds.delivery_bytes_max,
            row_bytes: usize::try_from(self.bounds.delivery_row_bytes_max).unwrap_or(usize::MAX),
            rows: self.bounds.delivery_rows_max,
        };
        let digest = self.keyring().digest.begin("delivery");
        let mut rows = Rows::new(body, asked.format, bounds, digest).await?;
        let mut tally = Tally::default();
        let mut batch = Checked::default();
        while let Some((number, sent)) = rows.next().await? {
            match checks.check(number, &sent, rows.header()) {
                Ok(row) => batch.rows.push(row),
                Err(errors) => {
                    batch.rejected += 1;
                    batch.errors.extend(errors);
                }
            }
            if batch.is_full() {
                let staged = self
                    .stage_batch(checks.reader.dataset(), opened, std::mem::take(&mut batch))
                    .await?;
                tally.add(&staged);
            }
        }
        tally.add(&self.stage_batch(checks.reader.dataset(), opened, batch).await?);
        Ok(Received {
            id: opened.id,
            accepted: tally.accepted,
            rejected: tally.rejected,
            linked: tally.linked,
            digest: rows.digest(),
        })
    }

    /// Identifiers become subjects and are dropped; the rows are staged in one short transaction.
    async fn stage_batch(
        &self,
        dataset: &Dataset,
        opened: &Opened,
        batch: Checked,
    ) -> Result<Tally, DeliveryRefusal> {
        let now_us = self.clock.now().as_microsecond();
        let tables = Arc::clone(&self.policies.current().tables);
        let table = tables.table(&dataset.name).ok_or(Refusal::Internal)?;
        let identifiers: Vec<_> = batch.rows.iter().flat_map(|row| &row.identifiers).collect();
        let mut found = self
            .keyring()
            .index
            .sightings(&identifiers)
            .await
            .map_err(Refusal::from)?
            .into_iter();
        let sightings: Vec<Vec<Sighting>> = batch
            .rows
            .iter()
            .map(|row| found.by_ref().take(row.identifiers.len()).collect())
            .collect();
        let maker = self.subject_ids.maker(&self.random).ok_or(Refusal::Internal)?;
        let by = Assertion {
            holder: &opened.holder,
            delivery: opened.id,
            now_us,
        };
        let resolved = self
            .store
            .resolve_rows(by, &sightings, &|index| maker.id(index), &tables)
            .await?;

        let linked = resolved.linked;
        let mut staged = Batch {
            errors: batch.errors,
            rejected: batch.rejected,
            ..Batch::default()
        };
        for (checked, subject) in batch.rows.iter().zip(resolved.subjects) {
            let key = row_key(dataset, &checked.row, subject.as_ref());
            if checked.remove {
                staged.removals.push(key);
                continue;
            }
            staged.rows.push(StagedRow {
                number: checked.number,
                row_key: key,
                subject,
                reference: self.sealed_reference(dataset, opened.id, checked)?,
                values: stored_values(dataset, &checked.row),
            });
        }
        let staged = self.store.stage(opened.id, table, staged, now_us).await?;
        Ok(Tally {
            accepted: staged.accepted,
            rejected: staged.rejected,
            linked,
        })
    }

    /// The holder's own name for the pupil, sealed to its table, row and column.
    fn sealed_reference(
        &self,
        dataset: &Dataset,
        delivery: i64,
        checked: &CheckedRow,
    ) -> Result<Option<Vec<u8>>, Refusal> {
        let Some(local) = &checked.local else {
            return Ok(None);
        };
        let aad = reference_context(&dataset.name, delivery, checked.number).ok_or(Refusal::Internal)?;
        let sealed = self.keyring().seal.seal(&aad, local.as_bytes(), &self.random);
        sealed.map(Some).map_err(|_| Refusal::Internal)
    }

    /// All rows are in: too many mistakes, the same as before, or ready to become visible.
    pub(super) async fn finish(
        &self,
        permit: &Permit<'_>,
        opened: &Opened,
        received: Received,
    ) -> Result<(Received, Finished), DeliveryRefusal> {
        let now_us = self.clock.now().as_microsecond();
        let dataset = permit
            .policies()
            .catalogue
            .dataset(permit.dataset())
            .ok_or(Refusal::Internal)?;
        let (accepted, rejected) = (received.accepted.unsigned_abs(), received.rejected.unsigned_abs());
        self.metrics
            .delivery_rows(dataset.name.as_str(), RowOutcome::Accepted, accepted);
        self.metrics
            .delivery_rows(dataset.name.as_str(), RowOutcome::Refused, rejected);
        if !dataset.errors.accepts(accepted + rejected, rejected) {
            self.store.reject(opened.id, now_us).await?;
            let errors = self.store.delivery_errors(opened.id).await?;
            let errors = errors.iter().map(input_error).collect();
            return Err(DeliveryRefusal::Rows {
                errors,
                rejected: received.rejected,
            });
        }
        let finished = self.store.finish(opened.id, &received.digest, now_us).await?;
        Ok((received, finished))
    }
}

/// What the holder's own name for a pupil is sealed to: its table, row and column.
pub(crate) fn reference_context(dataset: &Name, delivery: i64, number: i64) -> Option<Vec<u8>> {
    let mut aad = b"dsg-ref\x01".to_vec();
    let row = [delivery.to_be_bytes(), number.to_be_bytes()].concat();
    for part in [dataset.as_str().as_bytes(), &row, b"reference"] {
        Part::new(part).ok()?.append_to(&mut aad);
    }
    Some(aad)
}

/// What was staged.
#[derive(Default)]
struct Tally {
    accepted: i64,
    rejected: i64,
    linked: usize,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.accepted += other.accepted;
        self.rejected += other.rejected;
        self.linked += other.linked;
    }
}

#[derive(Default)]
struct Checked {
    rows: Vec<CheckedRow>,
    errors: Vec<RowError>,
    rejected: i64,
}

impl Checked {
    fn is_full(&self) -> bool {
        self.rows.len() >= STAGE_ROWS_MAX || self.errors.len() >= STAGE_ROWS_MAX
    }
}

/// A mistake in a row as clients read it.
fn input_error(error: &RowError) -> InputError {
    let code = crate::delivery::record::known_code(&error.code);
    let location = if error.field.is_empty() {
        format!("row {}", error.row)
    } else {
        format!("row {}, {}", error.row, error.field)
    };
    InputError {
        part: "body",
        location,
        code,
        detail: crate::delivery::record::explain(code).to_owned(),
    }
}

impl From<ReadError> for DeliveryRefusal {
    fn from(error: ReadError) -> Self {
        let invalid = |code, detail: &str| {
            let location = String::new();
            Self::Refused(Refusal::Invalid(vec![InputError {
                part: "body",
                location,
                code,
                detail: detail.to_owned(),
            }]))
        };
        match error {
            ReadError::Broken => invalid("body-broken", "the body broke off or cannot be unpacked"),
            ReadError::Header => invalid("bad-header", "the first row must name each column once"),
            ReadError::TooLarge => Self::TooLarge,
        }
    }
}
