//! `doelpoort policy sign` and `doelpoort policy mandate`.

use std::error::Error;
use std::io::Write;
use std::path::Path;

use doelpoort_core::catalogue::Name;
use doelpoort_core::party::{ApproverRole, Organisation, OrganisationKind, Slug};
use doelpoort_core::policy::approval::{self, ApprovalTerms};
use doelpoort_core::policy::jws::SigningKey;
use doelpoort_core::policy::load::approval_file;
use doelpoort_core::policy::manifest::digest_text;
use doelpoort_core::policy::{self, ApprovalRole, Draft, KeyList};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::key::ApproverKey;
use super::{Mandate, Sign};
use crate::policies;

/// Why nothing is signed.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum SignError {
    #[error("unknown purpose `{0}`")]
    UnknownPurpose(Name),
    #[error("`{organisation}` is not asked to approve `{purpose}` as {role}")]
    NotAsked {
        organisation: Slug,
        purpose: Name,
        role: ApprovalRole,
    },
    #[error("`{0}` has no such key for this in the approvers' key list; see `doelpoort policy keys show`")]
    NotAnApprover(Slug),
    #[error("no {kind} is called `{slug}`")]
    Unknown { kind: &'static str, slug: Slug },
    #[error("unknown dataset `{0}`")]
    UnknownDataset(Name),
    #[error("`{0}` is past")]
    Past(Date),
    #[error("the last day lies before the first")]
    Backwards,
}

pub(super) fn sign(args: &Sign, now: Timestamp, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let draft = policies::draft(&args.policies)?;
    let key = ApproverKey::read(&args.key)?;
    let role = ApprovalRole::from(args.role);
    let (purpose, manifest) = draft
        .purposes
        .get(&args.purpose)
        .ok_or_else(|| SignError::UnknownPurpose(args.purpose.clone()))?;
    let asked = draft
        .required(purpose)
        .into_iter()
        .find(|(one, asked)| one.slug == args.organisation && *asked == role);
    let (organisation, _) = asked.ok_or_else(|| SignError::NotAsked {
        organisation: args.organisation.clone(),
        purpose: purpose.id.clone(),
        role,
    })?;
    let kid = key_id(&draft.keys, organisation, key.signing_key(), role.of_key())?;
    let terms = ApprovalTerms {
        deployment: &args.deployment,
        purpose: &purpose.id,
        version: purpose.version,
        role,
        organisation: &organisation.oin,
        issued_at: now,
        expires_at: end_of(args.until)
            .filter(|end| *end > now)
            .ok_or(SignError::Past(args.until))?,
    };
    let text = approval::sign(&terms, manifest, kid, key.signing_key())?;
    let file = approval_file(&purpose.id, &organisation.slug, role);
    write(&args.policies.join("approvals"), &file, &text)?;
    writeln!(out, "approvals/{file}")?;
    writeln!(
        out,
        "{} {} manifest {}",
        purpose.id,
        purpose.version,
        digest_text(&manifest.digest())
    )?;
    Ok(())
}

pub(super) fn mandate(args: &Mandate, now: Timestamp, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let draft = policies::draft(&args.policies)?;
    let key = ApproverKey::read(&args.key)?;
    let board = party(&draft, &args.board, OrganisationKind::SchoolBoard, "school board")?;
    let vendor = party(&draft, &args.vendor, OrganisationKind::Vendor, "vendor")?;
    if let Some(unknown) = args
        .datasets
        .iter()
        .find(|name| draft.catalogue.dataset(name).is_none())
    {
        return Err(SignError::UnknownDataset(unknown.clone()).into());
    }
    if args.until < args.from {
        return Err(SignError::Backwards.into());
    }
    let mandate = policy::Mandate {
        vendor: vendor.oin.clone(),
        board: board.oin.clone(),
        datasets: args.datasets.clone(),
        from: args.from,
        until: args.until,
        agreement: args.agreement.clone(),
    };
    let kid = key_id(&draft.keys, board, key.signing_key(), ApproverRole::Mandate)?;
    let text = mandate.sign(&args.deployment, now, kid, key.signing_key())?;
    let file = format!("{}.{}.jws", board.slug, vendor.slug);
    write(&args.policies.join("mandates"), &file, &text)?;
    writeln!(out, "mandates/{file}")?;
    Ok(())
}

fn party<'d>(
    draft: &'d Draft,
    slug: &Slug,
    kind: OrganisationKind,
    called: &'static str,
) -> Result<&'d Organisation, SignError> {
    let found = draft
        .organisations
        .by_slug(slug)
        .filter(|party| party.kind == kind);
    found.ok_or_else(|| SignError::Unknown {
        kind: called,
        slug: slug.clone(),
    })
}

/// The id under which the organisation lists this key for this role.
pub(in crate::cli) fn key_id<'k>(
    keys: &'k KeyList,
    organisation: &Organisation,
    key: SigningKey<'_>,
    role: ApproverRole,
) -> Result<&'k str, SignError> {
    let public = key.public_key();
    let listed = keys
        .keys(&organisation.oin)
        .iter()
        .find(|one| one.key == public && one.roles.contains(&role));
    listed
        .map(|one| one.kid.as_str())
        .ok_or_else(|| SignError::NotAnApprover(organisation.slug.clone()))
}

/// Midnight (UTC) after a day.
fn end_of(day: Date) -> Option<Timestamp> {
    let next = day.checked_add(1.day()).ok()?;
    next.to_zoned(TimeZone::UTC)
        .ok()
        .map(|midnight| midnight.timestamp())
}

/// Writes beside the file and moves into place, so that a crash leaves the old file or the new one.
pub(super) fn write(folder: &Path, file: &str, text: &str) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let draft = folder.join(format!(".{file}.new"));
    std::fs::write(&draft, format!("{text}\n"))?;
    std::fs::rename(&draft, folder.join(file))
}
