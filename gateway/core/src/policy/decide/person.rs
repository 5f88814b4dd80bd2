//! Who asks, and who releases it with them.

use std::collections::BTreeSet;

use crate::party::Staff;
use crate::purpose::StaffRule;

use super::denial::{Denial, DenialCode};

/// The person who asks, if known as the grant wants it, and with a case; nobody where the rows are about nobody.
pub(super) fn asks(rule: StaffRule, staff: Option<&Staff>) -> Result<Option<Staff>, Denial> {
    if rule == StaffRule::None {
        return Ok(None);
    }
    let Some(staff) = staff else {
        return Err(Denial::new(DenialCode::StaffMissing));
    };
    if rule == StaffRule::Proved && !staff.proved {
        return Err(Denial::new(DenialCode::StaffNotProved));
    }
    if staff.case.is_none() {
        return Err(Denial::new(DenialCode::CaseMissing));
    }
    Ok(Some(staff.clone()))
}

/// Whether enough different persons, each proved, release a request together.
pub(super) fn release(least: u32, persons: &[&Staff]) -> Result<(), Denial> {
    if persons.iter().any(|person| !person.proved) {
        return Err(Denial::new(DenialCode::StaffNotProved));
    }
    let different: BTreeSet<&str> = persons.iter().map(|person| person.subject.as_str()).collect();
    let enough = usize::try_from(least).is_ok_and(|least| different.len() >= least);
    if enough {
        Ok(())
    } else {
        Err(Denial::new(DenialCode::SecondPersonMissing))
    }
}
