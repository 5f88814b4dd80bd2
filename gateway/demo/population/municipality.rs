//! What the municipality knows besides who lives where: youth care, and exemptions from compulsory education.

use jiff::civil::Date;
use serde::Serialize;

use super::calendar::{Calendar, between, later};
use super::child::Child;
use super::rows::{Pupil, codes};
use super::world::World;

/// Share of a year's children with youth care who have it on one day: **an assumption**.
const ON_ONE_DAY: f64 = 0.5;
/// How long it has lasted at most, in days: **an assumption**.
const YOUTH_CARE_DAYS: i32 = 400;
/// Share with a second form beside the first: **an assumption**.
const SECOND_FORM: f64 = 0.15;
/// Children are in youth care of the municipality until this age, in years.
const YOUTH_CARE_BEFORE_AGE: i16 = 18;
/// Share of the children of school age without a school who have an exemption: **an assumption**, about the national
/// rate (7,389 exempted by article 5(a) in 2021/2022).
const EXEMPTED: f64 = 0.76;
/// The articles and their weights: **an assumption**.
const KINDS: [(ExemptionKind, f64); 5] = [
    (ExemptionKind::Unfit, 0.84),
    (ExemptionKind::Denomination, 0.06),
    (ExemptionKind::Abroad, 0.05),
    (ExemptionKind::Travelling, 0.02),
    (ExemptionKind::OtherEducation, 0.03),
];
/// Education is compulsory from this age, in years.
const COMPULSORY_FROM_AGE: i16 = 5;

codes! {
    /// The form of youth care.
    YouthCareForm {
        /// Ambulatory.
        Ambulatory = "ambulatory",
        /// In the young person's network.
        Network = "network",
        /// By the neighbourhood team.
        NeighbourhoodTeam = "neighbourhood-team",
        /// Day care.
        DayCare = "day-care",
        /// With a stay.
        Residential = "residential",
    }
}

codes! {
    /// The article of the exemption.
    ExemptionKind {
        /// Article 5(a).
        Unfit = "5a",
        /// Article 5(b).
        Denomination = "5b",
        /// Article 5(c).
        Abroad = "5c",
        /// Article 5a.
        Travelling = "art-5a",
        /// Article 15.
        OtherEducation = "15",
    }
}

/// A row of `youth-care`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct YouthCareRow {
    /// BSN.
    pub pupil: Pupil,
    /// The form.
    pub form: YouthCareForm,
    /// The first day.
    pub from: Date,
}

/// A row of `exemption`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ExemptionRow {
    /// BSN.
    pub pupil: Pupil,
    /// The article.
    pub kind: ExemptionKind,
    /// The first day.
    pub from: Date,
}

/// The youth care that this child has today.
pub(crate) fn youth_care(child: &Child, world: &World) -> Vec<YouthCareRow> {
    let Calendar { today, count_date } = world.calendar;
    let adult = Calendar::birthday(child.birth_date, YOUTH_CARE_BEFORE_AGE) <= today;
    let lives_here = child.lives_in_almere && child.resident_until.is_none();
    let Some(resident_from) = child.resident_from.filter(|_| lives_here && !adult) else {
        return Vec::new();
    };
    let mut draws = world.chance.pupil("youth-care", child.number);
    let sector = child.schooling.as_ref().map(|schooling| schooling.sector);
    let age = age(child.birth_date, count_date);
    if !draws.happens(world.parameters.youth_care.in_year(age, sector) * ON_ONE_DAY) {
        return Vec::new();
    }
    let forms = [
        YouthCareForm::Ambulatory,
        YouthCareForm::Network,
        YouthCareForm::NeighbourhoodTeam,
        YouthCareForm::DayCare,
        YouthCareForm::Residential,
    ];
    let mut first = || draws.pick(forms.into_iter().zip(world.parameters.youth_care.forms));
    let (one, other) = (first(), first());
    let second = draws.happens(SECOND_FORM);
    let from = between(
        later(today, -YOUTH_CARE_DAYS).max(resident_from),
        today,
        &mut draws,
    );
    let other = other.filter(|other| second && Some(*other) != one);
    one.into_iter()
        .chain(other)
        .map(|form| YouthCareRow {
            pupil: Pupil::of_municipality(&child.numbers),
            form,
            from,
        })
        .collect()
}

/// The exemption of a child of school age without a school, if it has one.
pub(crate) fn exemption(child: &Child, world: &World) -> Option<ExemptionRow> {
    let today = world.calendar.today;
    let compulsory = Calendar::birthday(child.birth_date, COMPULSORY_FROM_AGE);
    let lives_here = child.lives_in_almere && child.resident_until.is_none();
    if child.schooling.is_some() || !lives_here || compulsory > today {
        return None;
    }
    let mut draws = world.chance.pupil("exemption", child.number);
    if !draws.happens(EXEMPTED) {
        return None;
    }
    Some(ExemptionRow {
        pupil: Pupil::of_municipality(&child.numbers),
        kind: draws.pick(KINDS.into_iter())?,
        from: compulsory.max(world.calendar.school_year(0)),
    })
}

fn age(birth: Date, on: Date) -> i16 {
    let had_birthday = (on.month(), on.day()) >= (birth.month(), birth.day());
    on.year() - birth.year() - i16::from(!had_birthday)
}
