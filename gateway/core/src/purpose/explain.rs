//! Why a warning of `policy check` is in order: it stands in the purpose, so whoever signs has read it.

use super::names::text;
use crate::document::{Table, Value};
use crate::text::Text;

/// A warning that the purpose's authors know of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Which one.
    pub warning: Warning,
    /// About which grant, counted from 0; none: wherever it is found in this purpose.
    pub grant: Option<usize>,
    /// Why it is in order.
    pub because: Text,
}

/// What `policy check` warns of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Warning {
    /// A required approval ends soon.
    ApprovalEnds,
    /// The impact assessment is older than the purpose's last change.
    DpiaOlder,
    /// Figures tell more of one pupil than the population's bound allows.
    FigureBound,
    /// An explanation of nothing.
    IdleExplanation,
    /// Two records grants share fields by which many pupils would be unique.
    JointUniqueness,
    /// A holder that keeps its rows at home would learn something of another holder's rows.
    LiveSourceLeak,
    /// A sensitive field is granted.
    SensitiveFields,
    /// No named question and no case of the decision table uses the grant.
    UnusedGrant,
    /// The purpose ends soon, or has ended.
    ValidityEnds,
    /// A recipient could recognise rows that it delivers itself.
    Watermark,
}

impl Warning {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::ApprovalEnds,
        Self::DpiaOlder,
        Self::FigureBound,
        Self::IdleExplanation,
        Self::JointUniqueness,
        Self::LiveSourceLeak,
        Self::SensitiveFields,
        Self::UnusedGrant,
        Self::ValidityEnds,
        Self::Watermark,
    ];

    /// Its name, in `[[explain]]` and in what `policy check` says.
    pub fn name(self) -> &'static str {
        match self {
            Self::ApprovalEnds => "approval-ends",
            Self::DpiaOlder => "dpia-older",
            Self::FigureBound => "figure-bound",
            Self::IdleExplanation => "idle-explanation",
            Self::JointUniqueness => "joint-uniqueness",
            Self::LiveSourceLeak => "live-source-leak",
            Self::SensitiveFields => "sensitive-fields",
            Self::UnusedGrant => "unused-grant",
            Self::ValidityEnds => "validity-ends",
            Self::Watermark => "watermark",
        }
    }

    /// Whether it stands in the way like an error, unless the purpose explains it and so has it signed.
    pub fn is_grave(self) -> bool {
        match self {
            Self::FigureBound | Self::JointUniqueness | Self::LiveSourceLeak | Self::Watermark => true,
            Self::ApprovalEnds
            | Self::DpiaOlder
            | Self::IdleExplanation
            | Self::SensitiveFields
            | Self::UnusedGrant
            | Self::ValidityEnds => false,
        }
    }
}

/// One `[[explain]]`: `warning`, `because`, and `grant` where it is about one grant only.
pub(super) fn explanation(table: &Table<'_, '_>) -> Option<Explanation> {
    let warnings = Warning::ALL.map(|warning| (warning.name(), warning));
    let warning = table
        .required("warning")
        .and_then(|value| value.choice("warning", &warnings));
    let grant = table.if_there("grant", |value| {
        usize::try_from(value.integer(0..=u32::MAX)?).ok()
    });
    let because = table.required("because").and_then(because);
    table.finish();
    Some(Explanation {
        warning: warning?,
        grant: grant.ok()?,
        because: because?,
    })
}

/// A text, or `{ nl = "…", en = "…" }`.
fn because(value: Value<'_, '_>) -> Option<Text> {
    if value.as_text().is_some() {
        return value.words().map(Text::same);
    }
    text(value)
}
