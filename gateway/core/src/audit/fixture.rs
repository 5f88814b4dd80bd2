//! What the tests of this module share: a decided entry, its private part, a register.

use super::ldv::Register;
use super::leaf::{Event, Form, Kind, Leaf, Micros, PurposeVersion};
use super::private::{Private, ResultPart, StaffPart};
use crate::pseudonym::SubjectId;

/// 2026-11-22T10:00:00Z, a Sunday; 11:00 in the Netherlands.
pub(crate) const SUNDAY: Micros = 1_795_341_600_000_000;

pub(crate) const RECIPIENT: &str = "00000099000000072001";

pub(crate) fn register() -> Register {
    Register {
        url: "https://gateway.example/v1/register".to_owned(),
        origin: "gateway.example/audit/2026".to_owned(),
    }
}

/// Records under a purpose, decided like this 12 ms after they were asked for.
pub(crate) fn decided(decision: &str) -> Leaf {
    let mut event = Event::new(Kind::AccessDecided, [5; 16]);
    event.decision = Some(decision.to_owned());
    event.clause = Some("case-consultation/grant/0".to_owned());
    event.form = Some(Form::Records);
    event.dataset = Some("enrolment".to_owned());
    event.recipient = Some(RECIPIENT.to_owned());
    event.policy = Some([0xee; 32]);
    event.purpose = Some(PurposeVersion {
        id: "case-consultation".to_owned(),
        version: 2,
    });
    event.requested_at = Some(SUNDAY);
    event.trace = Some([0xab; 16]);
    event.span = Some([0xcd; 8]);
    Leaf {
        time: SUNDAY + 12_345,
        replica: [0; 16],
        sequence: 0,
        event,
    }
}

/// Asked by this person about these pupils, of whom `rows` were found.
pub(crate) fn private(staff: &str, pupils: &[u8], rows: u64) -> Private {
    let mut private = Private::default();
    private.staff = Some(StaffPart {
        subject: staff.to_owned(),
        proved: true,
        case: Some("@case".to_owned()),
        released_by: None,
    });
    private.subjects = pupils
        .iter()
        .map(|pupil| SubjectId::from_bytes([*pupil; 16]))
        .collect();
    private.result = Some(ResultPart {
        rows,
        ..ResultPart::default()
    });
    private
}
