//! A purpose document: why data may be used, by whom, in which form, within which limits.

pub mod docs;
mod explain;
mod grant;
mod grants;
mod indicator;
mod measure;
mod names;
mod parse;
mod question;
mod rate;
mod reach;
mod reference;
mod retention;
mod rule;
mod sound;
#[cfg(test)]
mod tests;

use jiff::civil::Date;

use crate::catalogue::{Dimension, Name};
use crate::party::{OrganisationKind, Slug};
use crate::text::Text;

pub use explain::{Explanation, Warning};
pub use grants::{
    Conditions, DeliveryGrant, Entitlement, FactsGrant, FieldGrant, FiguresGrant, Generalise, Grant,
    HolderRule, KAnonymous, KeyPeriod, LinkScope, Mechanism, RecordsGrant, ResolveGrant, RestrictGrant,
    Scope, SearchGrant, StaffRule, TranslateGrant,
};
pub use indicator::{Indicator, Term};
pub use measure::{InvalidMeasure, Measure};
pub use rate::InvalidRate;
pub use retention::keep_days;
pub(crate) use retention::months;

/// One purpose, as `policies/purposes/<id>.toml` states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purpose {
    /// Name, equal to the file's.
    pub id: Name,
    /// Counts up; never reused for other bytes.
    pub version: u32,
    /// What it is called.
    pub title: Text,
    /// Why it is needed, for a parent to read.
    pub why: Text,
    /// Who decides on it and by which law (AVG 4(7)).
    pub controllers: Vec<Controller>,
    /// Legal basis (AVG 6 and 9).
    pub basis: Basis,
    /// Impact assessment (AVG 35); required where a sensitive field is granted.
    pub dpia: Option<Dpia>,
    /// Days on which it acts.
    pub valid: Validity,
    /// The day of its last change of substance, where the file says it; the impact assessment must be younger.
    pub changed: Option<Date>,
    /// How long a recipient may keep what it gets, an ISO 8601 duration.
    pub retention: String,
    /// Where to ask about it.
    pub contact: String,
    /// Hard rules that a named article sets aside.
    pub exceptions: Vec<Exception>,
    /// Why warnings of `policy check` are in order; part of what is signed.
    pub explanations: Vec<Explanation>,
    /// What it grants. Nothing else is granted.
    pub grants: Vec<Grant>,
    /// Named questions.
    pub questions: Vec<Question>,
}

/// A controller and the law that gives it this task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Controller {
    /// The controller.
    pub organisation: Slug,
    /// Law and article.
    pub law: String,
}

/// Legal basis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Basis {
    /// Point of AVG 6(1).
    pub avg: String,
    /// Exception of AVG 9(2) with its national law; none where no special category is used.
    pub special: Option<String>,
}

/// Data protection impact assessment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dpia {
    /// Its reference at the controller.
    pub reference: String,
    /// The day it was adopted.
    pub date: Date,
}

/// First and last day on which a purpose acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// First day.
    pub from: Date,
    /// Last day, inclusive.
    pub until: Date,
}

/// A hard rule that a purpose sets aside, and the article that allows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// The rule.
    pub rule: HardRule,
    /// Law and article.
    pub article: String,
}

/// The rules that hold for every purpose unless an article is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HardRule {
    /// The SWV gets no BSN or onderwijsnummer.
    NoBsnToSwv,
    /// Health-related data that the SWV holds reach nobody but the pupil's own school board.
    SwvDataToOwnSchool,
    /// They are kept for three years at most.
    SwvDataThreeYears,
    /// Where data are sensitive, the impact assessment is named.
    DpiaWhereSensitive,
    /// Youth care leaves as figures only.
    YouthCareAsFigures,
    /// Records and facts prove the person who asks.
    StaffProved,
}

/// Clients with a role, of one organisation or of all of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// Whose clients.
    pub who: Party,
    /// The role that the client must have.
    pub role: String,
}

/// One organisation or all of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Party {
    /// This one.
    Organisation(Slug),
    /// Each of this kind.
    Kind(OrganisationKind),
}

/// Whose rows a grant touches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holders {
    /// Every organisation of the dataset's holder kind.
    All,
    /// These.
    Listed(Vec<Slug>),
}

/// A named question within one figures grant of its purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Name, unique in its purpose.
    pub name: Name,
    /// What it is called.
    pub title: Text,
    /// Which grant it asks under, counted from 0.
    pub grant: usize,
    /// Dimensions it groups by.
    pub group_by: Vec<Dimension>,
    /// Its filters, besides those of the grant.
    pub only: Vec<(Dimension, String)>,
    /// What it counts; nothing where it is an indicator.
    pub measures: Vec<Measure>,
    /// The ratio that it is, of cells that the purpose's grants show.
    pub indicator: Option<Indicator>,
}

/// How much may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Requests per client.
    pub requests: Rate,
    /// Cells per recipient and epoch; figures only.
    pub cells: Option<u32>,
}

/// So many per period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub count: u32,
    /// Per which period.
    pub per: Per,
}

/// The period of a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Per {
    /// `s`
    Second,
    /// `min`
    Minute,
    /// `h`
    Hour,
    /// `d`
    Day,
}

impl Purpose {
    /// Whether it acts on this day.
    pub fn valid_on(&self, day: Date) -> bool {
        self.valid.from <= day && day <= self.valid.until
    }
}
