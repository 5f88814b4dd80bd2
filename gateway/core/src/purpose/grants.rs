//! What a purpose can allow: one type for each form of answer.

use crate::anonymity::Anonymity;
use crate::catalogue::{Dimension, FieldName, Name};
use crate::figures::suppress::Suppression;
use crate::identifier::IdentifierKind;
use crate::party::Slug;

use super::{Holders, Limit, Measure, Recipient};

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
    /// Asking the holder which pupil a pseudonym means.
    Resolve(ResolveGrant),
    /// Restrictions and objections of a holder's own pupils may be entered and lifted.
    Restrict(RestrictGrant),
    /// A pupil's place in the log, for the data protection officer.
    Search(SearchGrant),
    /// Pseudonyms of one recipient and purpose become those of another.
    Translate(TranslateGrant),
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
    /// Filters that always apply.
    pub only: Vec<(FieldName, String)>,
    /// About which pupils.
    pub scope: Scope,
    /// How the asking person is known.
    pub staff: StaffRule,
    /// The reason's code, where this is the emergency procedure: each use is marked in the log and always looked at.
    pub break_glass: Option<Name>,
    /// What limits the answer further.
    pub conditions: Conditions,
    /// How much.
    pub limit: Limit,
}

/// How the figures of a grant are protected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Mechanism {
    /// Two layers of keyed noise.
    #[default]
    CellKey,
    /// True counts of rows as they are now, for who has a right to them.
    Exact(Entitlement),
    /// A static table, published once: small cells are hidden with others, and what is shown is rounded.
    SuppressRound(Suppression),
}

impl Mechanism {
    /// Its name in purposes and answers.
    pub fn name(&self) -> &'static str {
        match self {
            Self::CellKey => "cell-key",
            Self::Exact(_) => "exact",
            Self::SuppressRound(_) => "suppress-round",
        }
    }
}

/// By what a recipient may have true counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entitlement {
    /// They are of the rows that it holds itself, and of no others.
    OwnRows,
    /// This article of law gives it the figure.
    Article(String),
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
    /// How they are protected.
    pub mechanism: Mechanism,
    /// Rounding base of what is shown; 1 is none.
    pub round: u32,
    /// Released figures below this are hidden as small ones are; 0 hides no more than the protection class does.
    pub show_from: u32,
    /// How many dimensions may be crossed besides one of geography.
    pub max_dimensions: u8,
    /// What limits the answer further.
    pub conditions: Conditions,
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
    /// Days after a rotation of the exit root, or a merge, during which rows also carry the pseudonyms of before; 0 for none.
    pub overlap_days: u32,
    /// Across what a pseudonym stays the same.
    pub link: LinkScope,
    /// That rows are released when an epoch closes, so that no pupil stands out among them; none: read when asked.
    pub anonymous: Option<KAnonymous>,
    /// Rows a page.
    pub page_max: u32,
    /// What limits the answer further.
    pub conditions: Conditions,
    /// How much.
    pub limit: Limit,
}

/// Records that are released once an epoch: each pupil is among at least `k` who are alike in all that is not sensitive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KAnonymous {
    /// How many are alike at least.
    pub k: Anonymity,
    /// The population whose epochs they are.
    pub population: Name,
    /// The population's calendar.
    pub epochs: Name,
}

/// Pseudonyms that the recipient got under one purpose become those of another recipient and purpose, delivered to
/// that one. A purpose names both; nobody sees both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TranslateGrant {
    /// Who may send pseudonyms.
    pub recipients: Vec<Recipient>,
    /// The dataset whose rows both purposes give under pseudonyms.
    pub dataset: Name,
    /// Whose rows.
    pub holders: Holders,
    /// The purpose under which the recipient got them.
    pub from: Name,
    /// Who gets the translated ones.
    pub to: Slug,
    /// The purpose under whose pseudonyms it knows the pupils.
    pub to_purpose: Name,
    /// How the asking person is known.
    pub staff: StaffRule,
    /// Pseudonyms a day.
    pub per_day: u32,
    /// How much.
    pub limit: Limit,
}

/// Asking the holder of a pupil's row which pupil a pseudonym means: it goes to that holder's inbox, and no other way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolveGrant {
    /// Who may ask.
    pub recipients: Vec<Recipient>,
    /// The dataset: who holds the pupil's row in it is asked.
    pub dataset: Name,
    /// Which holders may be asked.
    pub holders: Holders,
    /// The purpose under which the recipient got the pseudonyms.
    pub of: Name,
    /// The reasons that may be given; a code and never free text, which could name a child.
    pub reasons: Vec<Name>,
    /// Whether the holder is told the purpose.
    pub shows_purpose: bool,
    /// Whether the holder is told the case.
    pub shows_case: bool,
    /// Days until a request is closed; until then it is pending, whatever happens.
    pub deadline_days: u32,
    /// Persons at the recipient, each proved, who must release a request together; 2 or more.
    pub persons: u32,
    /// Pseudonyms a day.
    pub per_day: u32,
    /// How much.
    pub limit: Limit,
}

/// Entering and lifting restrictions (AVG 18) and objections (AVG 21) of pupils that are the acting board's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestrictGrant {
    /// Who may enter and lift.
    pub recipients: Vec<Recipient>,
    /// The dataset that says who is the board's own pupil.
    pub dataset: Name,
    /// Whose rows.
    pub holders: Holders,
    /// Identifiers by which a pupil may be named.
    pub identifiers: Vec<IdentifierKind>,
    /// About which pupils.
    pub scope: Scope,
    /// How the asking person is known.
    pub staff: StaffRule,
    /// How much.
    pub limit: Limit,
}

/// Finding a pupil's place in the log, for the data protection officer (FG): no row is read, nothing of the pupil told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchGrant {
    /// Who may search.
    pub recipients: Vec<Recipient>,
    /// The dataset whose pupils are looked for.
    pub dataset: Name,
    /// Identifiers by which a pupil may be named.
    pub identifiers: Vec<IdentifierKind>,
    /// The reasons that may be given.
    pub reasons: Vec<Name>,
    /// Persons at the recipient, each proved, who must release a request together; 2 or more.
    pub persons: u32,
    /// Pupils a day.
    pub per_day: u32,
    /// How much.
    pub limit: Limit,
}

/// What limits an answer besides the grant's fields: the strictest of all that applies to a question wins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// How long this grant's answers may be kept, where that is shorter than the purpose's.
    pub retention: Option<String>,
    /// Whether an answer is given without the rows of a holder that sleeps.
    pub partial: bool,
    /// Conditions of single holders.
    pub holder_rules: Vec<HolderRule>,
}

/// What one holder asks for its rows; it holds for every answer that its rows may be in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HolderRule {
    /// The holder.
    pub holder: Slug,
    /// Fields that are not given.
    pub without: Vec<FieldName>,
    /// How long answers may be kept.
    pub retention: Option<String>,
    /// Figures are rounded at least to a multiple of this.
    pub round: Option<u32>,
    /// Figures below this are hidden.
    pub show_from: Option<u32>,
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
    /// A whole number to the band it lies in, `4-7` for a width of 4.
    Band {
        /// How many numbers a band holds; 2 or more.
        width: u32,
    },
    /// A BRIN6 to the school without its site, `16QA`.
    Brin4,
    /// A code to its ancestor at this level of the field's hierarchy.
    Level(Name),
    /// A date to its month, `2026-10`.
    Month,
    /// A postcode to its first two digits.
    Pc2,
    /// A postcode to its four digits, which is all that a field of postcodes holds.
    Pc4,
    /// A date to its quarter, `2026-Q4`.
    Quarter,
    /// A date to its school year, `2026-2027`.
    SchoolYear,
    /// A date to its year, `2026`.
    Year,
}

/// About which pupils a records or facts grant answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Pupils at the sites of the asking person's caseload.
    Caseload,
    /// Rows that the acting board holds, its joined rows included.
    OwnBoard,
    /// Pupils with a confirmed, undisputed enrolment at a site of the acting board.
    OwnSchool,
    /// As [`Self::OwnSchool`], at the one site that the request names.
    OwnSite,
    /// All pupils.
    Everything,
}

/// How the asking person must be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StaffRule {
    /// Not at all: only where the rows are about no person.
    None,
    /// By an assertion of the recipient's identity provider.
    Proved,
    /// By the recipient's word.
    Stated,
}

/// Across what a pseudonym of one recipient and purpose stays the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LinkScope {
    /// All datasets of the purpose.
    Purpose,
    /// The grant's own dataset: the rows of two grants cannot be joined.
    Dataset,
}

/// How long a pseudonym stays the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyPeriod {
    /// As long as the key version.
    None,
    /// One school year, 1 August to 31 July.
    SchoolYear,
}
