//! A purpose document: why data may be used, by whom, in which form, within which limits.

mod explain;
mod grant;
mod names;
mod parse;
mod question;
mod rate;
mod reach;
mod rule;
#[cfg(test)]
mod tests;

use jiff::civil::Date;

use crate::catalogue::{Dimension, FieldName, Name};
use crate::identifier::IdentifierKind;
use crate::party::{OrganisationKind, Slug};
use crate::text::Text;

pub use explain::{Explanation, Warning};
pub use rate::InvalidRate;

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
    /// Youth care leaves as figures only.
    YouthCareAsFigures,
    /// Records and facts prove the person who asks.
    StaffProved,
}

/// One thing that a purpose allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grant {
    /// Rows may be delivered.
    Delivery(DeliveryGrant),
    /// A few fields about named pupils.
    Facts(FactsGrant),
    /// Protected aggregates.
    Figures(FiguresGrant),
    /// Pseudonymised rows.
    Records(RecordsGrant),
}

/// Who may deliver a dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryGrant {
    /// The dataset.
    pub dataset: Name,
    /// Holders that deliver their own rows; a vendor acts for them under a mandate.
    pub deliverers: Vec<Recipient>,
    /// How much.
    pub limit: Limit,
}

/// A few fields, or existence only, about pupils that the caller names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactsGrant {
    /// Who may ask.
    pub recipients: Vec<Recipient>,
    /// The dataset whose rows answer.
    pub dataset: Name,
    /// Whose rows.
    pub holders: Holders,
    /// Identifiers by which a pupil may be named.
    pub identifiers: Vec<IdentifierKind>,
    /// Fields that may be asked.
    pub fields: Vec<FieldGrant>,
    /// Whether "is there a row" may be asked.
    pub exists: bool,
    /// About which pupils.
    pub scope: Scope,
    /// How the asking person is known.
    pub staff: StaffRule,
    /// How much.
    pub limit: Limit,
}

/// Protected counts over a closed lattice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FiguresGrant {
    /// Who may ask.
    pub recipients: Vec<Recipient>,
    /// Base dataset: only subjects present in it are counted.
    pub dataset: Name,
    /// Whose rows.
    pub holders: Holders,
    /// Who is counted.
    pub population: Name,
    /// Dimensions that may be grouped by, each with its finest level.
    pub group_by: Vec<Dimension>,
    /// Dimensions that may be filtered on, each with its finest level; grouping implies filtering.
    pub filter_by: Vec<Dimension>,
    /// Filters that always apply.
    pub only: Vec<(Dimension, String)>,
    /// What may be counted.
    pub measures: Vec<Measure>,
    /// Name of the population's calendar of count dates.
    pub epochs: Name,
    /// Rounding base of what is shown; 1 is none.
    pub round: u32,
    /// How many dimensions may be crossed besides one of geography.
    pub max_dimensions: u8,
    /// How much.
    pub limit: Limit,
}

/// Pseudonymised rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordsGrant {
    /// Who may ask.
    pub recipients: Vec<Recipient>,
    /// Base dataset: one row of the answer is one of its rows.
    pub dataset: Name,
    /// Whose rows.
    pub holders: Holders,
    /// Fields that may be asked.
    pub fields: Vec<FieldGrant>,
    /// Fields that may be filtered on.
    pub filter_by: Vec<FieldName>,
    /// Filters that always apply.
    pub only: Vec<(FieldName, String)>,
    /// About which pupils.
    pub scope: Scope,
    /// How the asking person is known.
    pub staff: StaffRule,
    /// How long a pseudonym lasts.
    pub key_period: KeyPeriod,
    /// Rows a page.
    pub page_max: u32,
    /// How much.
    pub limit: Limit,
}

/// A field that may be asked, in the coarsest form that serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldGrant {
    /// The field.
    pub field: FieldName,
    /// How it is made coarser; none: as it is.
    pub generalise: Option<Generalise>,
}

/// How a value is made coarser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Generalise {
    /// A date to its year.
    Year,
    /// A date to its month.
    Month,
    /// A code to its ancestor at this level of the field's hierarchy.
    Level(Name),
}

/// About which pupils a records or facts grant answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Pupils at the sites of the asking person's caseload.
    Caseload,
    /// Rows that the acting board holds.
    OwnBoard,
    /// Pupils with a confirmed, undisputed enrolment at a site of the acting board.
    OwnSchool,
    /// Pupils enrolled at the site that the request names, of the acting board.
    OwnSite,
    /// All pupils.
    Everything,
}

/// How the asking person must be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StaffRule {
    /// By an assertion of the recipient's identity provider.
    Proved,
    /// By the recipient's word.
    Stated,
}

/// How long a pseudonym stays the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyPeriod {
    /// As long as the key version.
    None,
    /// One school year, 1 August to 31 July.
    SchoolYear,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measure {
    /// Distinct pupils.
    Pupils,
}

impl Measure {
    /// The measure of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        (name == Self::Pupils.name()).then_some(Self::Pupils)
    }

    /// The measure's name in questions and cells.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pupils => "pupils",
        }
    }
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
    /// What it counts.
    pub measures: Vec<Measure>,
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
