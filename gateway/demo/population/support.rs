//! Support that the partnerships allocate to pupils of regular schools, and requests for it.

use jiff::civil::Date;
use serde::Serialize;

use super::calendar::{between, end_of_july, later, school_day};
use super::child::{Child, Schooling};
use super::code::{Brin6, SwvNumber};
use super::declaration::{SWV_PRIMARY, SWV_SECONDARY};
use super::draw::Draws;
use super::rows::{Pupil, Sector, codes};
use super::school_year;
use super::world::World;

/// Requests a year for an examination, support with giftedness, or at the help desk, each as a share of the pupils of
/// regular schools: **an assumption**.
const REQUESTS: [(SupportKind, f64); 3] = [
    (SupportKind::Examination, 0.004),
    (SupportKind::Giftedness, 0.003),
    (SupportKind::HelpDesk, 0.0025),
];
/// How long an allocation has lasted at most, in days: **an assumption**.
const ALLOCATED_DAYS: i32 = 600;
/// How far back a request is kept, in days.
const REQUESTED_DAYS: i32 = 365;
/// Days until a request is decided: **an assumption**.
const DECIDED_AFTER_DAYS: i32 = 60;
/// How a request ends: **an assumption**.
const ENDS: [(SupportStatus, f64); 3] = [
    (SupportStatus::Closed, 0.9),
    (SupportStatus::Withdrawn, 0.06),
    (SupportStatus::Inadmissible, 0.04),
];
/// Share of the arrangements that are a place in a group: **an assumption**.
const IN_GROUP: f64 = 0.3;
/// Share of the allocations without an end: **an assumption**.
const WITHOUT_END: f64 = 0.4;
/// Support questions and their weights: **an assumption**.
const QUESTIONS: [(SupportQuestion, f64); 6] = [
    (SupportQuestion::Learning, 0.28),
    (SupportQuestion::Task, 0.16),
    (SupportQuestion::Behaviour, 0.30),
    (SupportQuestion::Language, 0.14),
    (SupportQuestion::Physical, 0.05),
    (SupportQuestion::Other, 0.07),
];

codes! {
    /// The kind of support.
    SupportKind {
        /// Education arrangement.
        Arrangement = "arrangement",
        /// Custom agreement.
        Custom = "custom",
        /// As the partnership's case system calls it.
        Ita = "ita",
        /// Support with giftedness.
        Giftedness = "giftedness",
        /// An examination.
        Examination = "examination",
        /// A question at the help desk.
        HelpDesk = "help-desk",
    }
}

codes! {
    /// What the pupil needs support with.
    SupportQuestion {
        /// Learning.
        Learning = "learning",
        /// Working attitude.
        Task = "task",
        /// Behaviour.
        Behaviour = "behaviour",
        /// Language.
        Language = "language",
        /// Physical and motor.
        Physical = "physical",
        /// Giftedness.
        Giftedness = "giftedness",
        /// Something else.
        Other = "other",
    }
}

codes! {
    /// How far it is.
    SupportStatus {
        /// Requested.
        Requested = "requested",
        /// Running.
        Active = "active",
        /// Closed.
        Closed = "closed",
        /// Withdrawn.
        Withdrawn = "withdrawn",
        /// Not dealt with.
        Inadmissible = "inadmissible",
    }
}

/// A row of `support`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SupportRow {
    /// ECK iD.
    pub pupil: Pupil,
    /// What kind.
    pub kind: SupportKind,
    /// What it is about.
    pub question: SupportQuestion,
    /// How far it is.
    pub status: SupportStatus,
    /// The school.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<Brin6>,
    /// The group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provision: Option<String>,
    /// The first day.
    pub from: Date,
    /// The first day after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
    /// What it costs, in cents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_cents: Option<u32>,
}

/// The support of this child, with the partnership that delivers it: none for pupils of special schools, whose place
/// is the support.
pub(crate) fn support(child: &Child, world: &World) -> Vec<(SwvNumber, SupportRow)> {
    let regular = |schooling: &&Schooling| {
        let here = world
            .tables
            .site(schooling.site)
            .is_some_and(super::places::in_almere);
        here && schooling.until.is_none() && matches!(schooling.sector, Sector::Bo | Sector::Vo)
    };
    let Some(schooling) = child.schooling.as_ref().filter(regular) else {
        return Vec::new();
    };
    let number = if schooling.sector == Sector::Bo {
        SWV_PRIMARY
    } else {
        SWV_SECONDARY
    };
    let Ok(swv) = number.parse::<SwvNumber>() else {
        return Vec::new();
    };
    let of = |label| world.chance.pupil(label, child.number);
    let allocated = allocated(child, schooling, swv, world, &mut of("support"));
    let requested = requested(child, schooling, world, &mut of("support-request"));
    allocated
        .into_iter()
        .chain(requested)
        .map(|row| (swv, row))
        .collect()
}

fn allocated(
    child: &Child,
    schooling: &Schooling,
    swv: SwvNumber,
    world: &World,
    draws: &mut Draws,
) -> Option<SupportRow> {
    let parameters = &world.parameters.support;
    if !draws.happens(parameters.allocated(schooling.sector)) {
        return None;
    }
    let kinds = [SupportKind::Arrangement, SupportKind::Custom, SupportKind::Ita];
    let kind = draws.pick(kinds.into_iter().zip(parameters.kinds))?;
    let question = draws.pick(QUESTIONS.into_iter())?;
    let today = world.calendar.today;
    let first = later(today, -ALLOCATED_DAYS).max(schooling.from);
    let from = school_day(between(first, today, draws)).min(today);
    let ends = !draws.happens(WITHOUT_END);
    let next_summer = end_of_july(school_year(today) + 1);
    let in_group = draws.happens(IN_GROUP) && kind == SupportKind::Arrangement;
    let groups: Vec<_> = world.groups.iter().filter(|group| group.swv == swv).collect();
    let place = draws.below(u32::try_from(groups.len()).unwrap_or(0));
    let group = groups.get(usize::try_from(place).unwrap_or(0));
    Some(SupportRow {
        pupil: Pupil::of_swv(&child.numbers),
        kind,
        question,
        status: SupportStatus::Active,
        site: Some(schooling.site),
        provision: group.filter(|_| in_group).map(|group| group.code.clone()),
        from,
        until: ends.then_some(next_summer),
        cost_cents: Some(cost(kind, draws)),
    })
}

/// In steps of 500 euros: **an assumption**.
fn cost(kind: SupportKind, draws: &mut Draws) -> u32 {
    const STEP_CENTS: u32 = 50_000;
    let (least, most) = match kind {
        SupportKind::Arrangement => (8, 24),
        SupportKind::Custom => (4, 18),
        _ => (2, 6),
    };
    (least + draws.below(most - least + 1)) * STEP_CENTS
}

fn requested(child: &Child, schooling: &Schooling, world: &World, draws: &mut Draws) -> Option<SupportRow> {
    let rest = 1.0 - REQUESTS.iter().map(|(_, share)| share).sum::<f64>();
    let options = REQUESTS.into_iter().map(|(kind, share)| (Some(kind), share));
    let kind = draws.pick(options.chain([(None, rest)]))??;
    let today = world.calendar.today;
    let first = later(today, -REQUESTED_DAYS).max(schooling.from);
    let from = between(first, today, draws);
    let decided = later(from, DECIDED_AFTER_DAYS);
    let (end, question) = (draws.pick(ENDS.into_iter())?, draws.pick(QUESTIONS.into_iter())?);
    let open = decided > today;
    let gifted = kind == SupportKind::Giftedness;
    // Support with giftedness goes on once it is allocated.
    let (status, until) = match (open, gifted) {
        (true, _) => (SupportStatus::Requested, None),
        (false, true) => (SupportStatus::Active, None),
        (false, false) => (end, Some(decided)),
    };
    Some(SupportRow {
        pupil: Pupil::of_swv(&child.numbers),
        kind,
        question: if gifted {
            SupportQuestion::Giftedness
        } else {
            question
        },
        status,
        site: (kind != SupportKind::HelpDesk).then_some(schooling.site),
        provision: None,
        from,
        until,
        cost_cents: None,
    })
}
