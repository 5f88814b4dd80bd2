//! The rows that the demo's parties deliver, spelled as in the catalogue.

use std::str::FromStr;

use jiff::civil::Date;
use serde::Serialize;

use super::code::{Brin6, Neighbourhood, Pc4, SwvNumber};

/// How a row names its pupil: a school gives both numbers, the municipality the BSN, a partnership the
/// ECK iD.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pupil {
    /// BSN, nine digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bsn: Option<String>,
    /// ECK iD, 64 hex digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eck_id: Option<String>,
}

impl std::fmt::Debug for Pupil {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pupil(..)")
    }
}

/// A list of codes of the catalogue: the variants and how they are written.
macro_rules! codes {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $code:literal,)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$doc])* $variant,)+
        }

        impl $name {
            /// The code as the catalogue writes it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)+
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}

pub(super) use codes;

codes! {
    /// The kind of school.
    Sector {
        /// Regular primary education.
        Bo = "BO",
        /// Special primary education.
        Sbo = "SBO",
        /// Special education.
        So = "SO",
        /// Special secondary education.
        Vso = "VSO",
        /// Secondary education.
        Vo = "VO",
        /// Practical education.
        Pro = "PRO",
    }
}

impl FromStr for Sector {
    type Err = UnknownSector;

    fn from_str(text: &str) -> Result<Self, UnknownSector> {
        let sectors = [Self::Bo, Self::Sbo, Self::So, Self::Vso, Self::Vo, Self::Pro];
        sectors
            .into_iter()
            .find(|sector| sector.as_str() == text)
            .ok_or(UnknownSector)
    }
}

/// The text names no sector.
#[derive(Debug, thiserror::Error)]
#[error("no such sector")]
pub struct UnknownSector;

codes! {
    /// Whether an absence was allowed.
    AbsenceKind {
        /// Allowed, as with illness.
        Authorised = "authorised",
        /// Not allowed.
        Unauthorised = "unauthorised",
    }
}

codes! {
    /// Why a pupil is absent.
    AbsenceReason {
        /// Illness.
        Medical = "medical",
        /// Mental health or overload.
        MentalHealth = "mental-health",
        /// Waits for a place that fits.
        WaitingForPlace = "waiting-for-place",
        /// A conflict with the school, or suspended.
        SchoolConflict = "school-conflict",
        /// The parents' choice or view.
        Parents = "parents",
        /// Something else.
        Other = "other",
    }
}

codes! {
    /// How far the handling of a report is.
    AbsenceStatus {
        /// Reported, nobody has looked at it yet.
        Reported = "reported",
        /// Somebody is working on it.
        UnderWay = "in-progress",
        /// Handled.
        Closed = "closed",
    }
}

codes! {
    /// The funding category of a declaration.
    Category {
        /// Low.
        L = "L",
        /// Middle.
        M = "M",
        /// High.
        H = "H",
    }
}

codes! {
    /// What became of an application.
    Outcome {
        /// No decision yet.
        Pending = "pending",
        /// Granted.
        Granted = "granted",
        /// Refused.
        Refused = "refused",
        /// Withdrawn by the applicant.
        Withdrawn = "withdrawn",
        /// Not dealt with.
        Inadmissible = "inadmissible",
    }
}

codes! {
    /// Which partnership funds a pupil's support.
    FundingSwv {
        /// That of Almere for primary education.
        Primary = "PO2401",
        /// That of Almere for secondary education.
        Secondary = "VO2401",
        /// Another one.
        Other = "OTHER",
    }
}

/// A row of `enrolment`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct EnrolmentRow {
    /// BSN and ECK iD.
    pub pupil: Pupil,
    /// The site.
    pub site: Brin6,
    /// The first day.
    pub from: Date,
    /// The first day after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
    /// The kind of school.
    pub sector: Sector,
    /// The year group, in the codes of UWLR.
    pub year_group: &'static str,
    /// The digits of the home's postcode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postcode: Option<Pc4>,
    /// The home's neighbourhood, or `ELSEWHERE`.
    pub neighbourhood: String,
    /// Date of birth.
    pub birth_date: Date,
    /// Who funds the support.
    pub funding_swv: FundingSwv,
}

/// A row of `absence`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct AbsenceRow {
    /// BSN and ECK iD.
    pub pupil: Pupil,
    /// The first day of absence.
    pub since: Date,
    /// The first day back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
    /// Authorised or not.
    pub kind: AbsenceKind,
    /// Why, as far as known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<AbsenceReason>,
    /// Whether the pupil is a stay-at-home.
    pub stay_at_home: bool,
    /// How far the handling is.
    pub status: AbsenceStatus,
    /// Lesson hours missed.
    pub hours: u32,
}

/// A row of `admissibility`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct AdmissibilityRow {
    /// ECK iD.
    pub pupil: Pupil,
    /// SBO, SO, VSO or PRO.
    pub kind: Sector,
    /// The site that applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applicant_site: Option<Brin6>,
    /// The day of receipt.
    pub received: Date,
    /// The day on which it was complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub complete: Option<Date>,
    /// The day of the decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided: Option<Date>,
    /// What became of it.
    pub outcome: Outcome,
    /// The funding category, for SO and VSO.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// The number of the decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// The first day of the declaration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<Date>,
    /// The last day of the declaration: 31 July.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Date>,
}

/// A row of `resident`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ResidentRow {
    /// BSN.
    pub pupil: Pupil,
    /// Date of birth.
    pub birth_date: Date,
    /// The home's neighbourhood.
    pub neighbourhood: Neighbourhood,
    /// The first day on which this holds.
    pub from: Date,
    /// The first day on which it no longer holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
    /// The site attended, in Almere or elsewhere; none: nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<Brin6>,
}

/// A row of `caseload`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CaseloadRow {
    /// The member of staff.
    pub staff: String,
    /// A site that this one looks after.
    pub site: Brin6,
    /// The first day.
    pub from: Date,
    /// The first day after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
}

/// A row of `site`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SiteRow {
    /// The site.
    pub brin6: Brin6,
    /// Its name.
    pub name: String,
    /// Its board's number, or `UNKNOWN`.
    pub board: String,
    /// The kind of school.
    pub sector: Sector,
    /// Its partnership.
    pub swv: SwvNumber,
    /// The neighbourhood it stands in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub neighbourhood: Option<Neighbourhood>,
}
