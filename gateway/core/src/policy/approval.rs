//! Approvals: detached signatures under the manifest of a purpose.

use std::fmt;

/// In which role an approval is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ApprovalRole {
    /// As data protection officer (FG) of a controller.
    Fg,
    /// As holder of rows that a grant touches.
    Holder,
}

impl ApprovalRole {
    /// The role's name in files and headers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fg => "fg",
            Self::Holder => "holder",
        }
    }
}

impl fmt::Display for ApprovalRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
