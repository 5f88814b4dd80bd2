//! `doelpoort policy check`.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use doelpoort_core::policy::{Dormant, Standing, StandingState};
use jiff::Timestamp;

use super::Check;
use crate::policies;

pub(super) fn check(args: &Check, now: Timestamp, out: &mut impl Write) -> Result<ExitCode, Box<dyn Error>> {
    let policies = match policies::load(&args.policies, &args.deployment, now) {
        Ok(policies) => policies,
        Err(error) => {
            writeln!(out, "{error}")?;
            return Ok(ExitCode::FAILURE);
        }
    };
    for standing in policies.purposes.values() {
        purpose(standing, now, out)?;
    }
    writeln!(
        out,
        "{} purposes, {} mandates",
        policies.purposes.len(),
        policies.mandates.len()
    )?;
    Ok(ExitCode::SUCCESS)
}

fn purpose(standing: &Standing, now: Timestamp, out: &mut impl Write) -> std::io::Result<()> {
    let purpose = &standing.purpose;
    write!(out, "{} {}: ", purpose.id, purpose.version)?;
    match (standing.acts(now), &standing.state) {
        (Ok(()), StandingState::Active { until }) => {
            writeln!(
                out,
                "active; valid until {}, approved until {until}",
                purpose.valid.until
            )
        }
        (Err(Dormant::NotYetValid), _) => writeln!(out, "asleep; valid from {}", purpose.valid.from),
        (Err(Dormant::Expired), _) => writeln!(out, "asleep; was valid until {}", purpose.valid.until),
        (_, StandingState::Active { until }) => writeln!(out, "asleep; approved until {until}"),
        (_, StandingState::Asleep { missing }) => {
            writeln!(
                out,
                "asleep; valid until {}, not approved by:",
                purpose.valid.until
            )?;
            missing
                .iter()
                .try_for_each(|one| writeln!(out, "  {} as {}: {}", one.organisation, one.role, one.reason))
        }
    }
}
