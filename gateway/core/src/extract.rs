//! What was read: raw rows on their way through, never out.
//!
//! An [`Extract`] cannot be serialised, prints counts only, and is wiped when dropped.
//!
//! ```compile_fail,E0277
//! // Raw rows cannot be serialised.
//! fn leak(extract: &doelpoort_core::extract::Extract) -> String {
//!     serde_json::to_string(extract).unwrap_or_default()
//! }
//! ```
//!
//! ```
//! // What an epoch says of its sources can.
//! fn say(completeness: &doelpoort_core::extract::Completeness) -> String {
//!     serde_json::to_string(completeness).unwrap_or_default()
//! }
//! ```

use std::fmt;

use jiff::Timestamp;
use zeroize::Zeroize;

use crate::catalogue::Value;
use crate::party::Oin;
use crate::pseudonym::SubjectId;

/// Raw rows, released cells, or the rows of named pupils.
pub enum Extract {
    /// Rows of a table that was released at the close of an epoch.
    Anonymous(EpochRows),
    /// The values of released cells in the order of the plan; `None` where nothing may be shown.
    Cells(EpochCells),
    /// A row for each named pupil, in the order of the request.
    Facts(Vec<FactRow>),
    /// Who holds each pupil that a pseudonym names, in the order of the request.
    Held(Vec<Option<Held>>),
    /// One row a pupil, with its fields in the order of the columns.
    Rows(Vec<RawRow>),
}

/// Whose row a named pupil has, and by which reference of its own that holder knows it.
#[derive(Clone)]
pub struct Held {
    /// The holder.
    pub holder: Oin,
    /// The row's number in its dataset.
    pub row: i64,
    /// The holder's own reference, as it is sealed at rest; none where it sent none.
    pub reference: Option<Vec<u8>>,
}

/// Rows of one closed epoch, each as coarse as it was released.
pub struct EpochRows {
    /// The count date.
    pub epoch: jiff::civil::Date,
    /// One row a pupil, with its fields in the order of the columns.
    pub rows: Vec<RawRow>,
}

/// Cells of one closed epoch.
pub struct EpochCells {
    /// The count date.
    pub epoch: jiff::civil::Date,
    /// When it closed, and how complete it was.
    pub completeness: Completeness,
    /// The protected value of each planned cell.
    pub values: Vec<Option<i64>>,
    /// The same cells of the earlier epoch, where one is asked.
    pub earlier: Option<Box<EpochCells>>,
}

/// How complete an epoch's sources were, fixed when it closed.
#[derive(Clone, Debug, Default, Eq, PartialEq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Completeness {
    /// Each dataset's expected holders.
    pub sources: Vec<SourceState>,
}

/// One holder's part in one dataset at the close of an epoch.
#[derive(Clone, Debug, Eq, PartialEq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceState {
    /// The dataset.
    pub dataset: String,
    /// The holder's OIN.
    pub holder: String,
    /// When its delivery was made visible, in microseconds UTC; none: it was missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_of_us: Option<i64>,
}

/// One pupil's row.
pub struct RawRow {
    /// The pupil.
    pub subject: SubjectId,
    /// Its fields; `None` where the pupil has none.
    pub values: Vec<Option<Value>>,
    /// Under which other subjects its rows stood before two of the pupil's numbers were merged.
    pub formerly: Vec<Former>,
}

/// A subject under which rows of a pupil stood, and for which they could be given a pseudonym.
#[derive(Clone, Copy)]
pub struct Former {
    /// The subject; it is the same pupil's still.
    pub subject: SubjectId,
    /// Until then.
    pub until: Timestamp,
}

/// What was found about one named pupil; not-yours, unknown and none are one.
pub struct FactRow {
    /// The caller's own mark.
    pub reference: String,
    /// The fields, if there is a row in scope.
    pub values: Option<Vec<Option<Value>>>,
}

impl Extract {
    /// How many rows or cells were read.
    pub fn len(&self) -> usize {
        match self {
            Self::Anonymous(released) => released.rows.len(),
            Self::Cells(cells) => cells.values.len(),
            Self::Facts(rows) => rows.len(),
            Self::Held(held) => held.iter().flatten().count(),
            Self::Rows(rows) => rows.len(),
        }
    }

    /// Whether nothing was read.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for Extract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Extract({} rows)", self.len())
    }
}

impl Drop for RawRow {
    fn drop(&mut self) {
        self.values.iter_mut().for_each(wipe);
    }
}

impl Drop for FactRow {
    fn drop(&mut self) {
        self.values.iter_mut().flatten().for_each(wipe);
    }
}

fn wipe(value: &mut Option<Value>) {
    if let Some(Value::Text(text)) = value {
        text.zeroize();
    }
    *value = None;
}
