//! `doelpoort policy withdraw`: an approver takes back what its organisation approved.

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Parser;
use doelpoort_core::catalogue::Name;
use doelpoort_core::party::Slug;
use doelpoort_core::policy::Withdrawal;
use jiff::Timestamp;

use super::key::ApproverKey;
use super::sign::SignError;
use crate::client;
use crate::clock::SystemClock;
use crate::policies;

/// What is withdrawn, by whom, and where to.
#[derive(Debug, Parser)]
pub(super) struct Withdraw {
    /// The purpose; with `--all` none
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    purpose: Option<Name>,
    /// Everything that the organisation approved, and the mandates that it signed
    #[arg(long)]
    all: bool,
    /// One grant of the purpose, counted from 0, as the policies folder has it
    #[arg(long, requires = "purpose")]
    grant: Option<usize>,
    /// The policies folder
    #[arg(long)]
    policies: PathBuf,
    /// Short name of the organisation that withdraws
    #[arg(long)]
    organisation: Slug,
    /// Private key of its approver, PKCS#8 in PEM: Ed25519 or P-256
    #[arg(long)]
    key: PathBuf,
    /// Name of the gateway's deployment, as in its configuration
    #[arg(long)]
    deployment: String,
    /// Address of the gateway; left out: what is signed is printed, for anyone to bring
    #[arg(long, value_name = "URL", requires = "ca")]
    to: Option<String>,
    /// Authority of the gateway's certificate, PEM
    #[arg(long, value_name = "FILE", requires = "to")]
    ca: Option<PathBuf>,
}

pub(super) async fn withdraw(
    args: &Withdraw,
    now: Timestamp,
    out: &mut impl Write,
) -> Result<(), Box<dyn Error>> {
    let text = sign(args, now)?;
    let (Some(gateway), Some(authority)) = (&args.to, &args.ca) else {
        writeln!(out, "{text}")?;
        return Ok(());
    };
    let answer = client::bring_withdrawal(gateway, authority, &text, Arc::new(SystemClock)).await?;
    writeln!(out, "{answer}")?;
    Ok(())
}

fn sign(args: &Withdraw, now: Timestamp) -> Result<String, Box<dyn Error>> {
    let draft = policies::draft(&args.policies)?;
    let key = ApproverKey::read(&args.key)?;
    let organisation = draft.organisations.by_slug(&args.organisation);
    let organisation = organisation.ok_or_else(|| SignError::Unknown {
        kind: "organisation",
        slug: args.organisation.clone(),
    })?;
    let manifest = match (&args.purpose, args.grant) {
        (Some(purpose), Some(_)) => {
            let found = draft.purposes.get(purpose);
            let (_, manifest) = found.ok_or_else(|| SignError::UnknownPurpose(purpose.clone()))?;
            Some(manifest.digest())
        }
        _ => None,
    };
    let public = key.signing_key().public_key();
    let mut listed = draft.keys.keys(&organisation.oin).iter();
    let listed = listed.find(|one| one.key == public);
    let kid = &listed
        .ok_or_else(|| SignError::NotAnApprover(organisation.slug.clone()))?
        .kid;
    let withdrawal = Withdrawal {
        organisation: Some(organisation.oin.clone()),
        purpose: args.purpose.clone(),
        grant: args.grant,
        manifest,
        at: now,
    };
    Ok(withdrawal.sign(&args.deployment, kid, key.signing_key())?)
}
