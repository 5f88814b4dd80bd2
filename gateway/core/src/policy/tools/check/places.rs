//! On which line of its file each grant of a purpose stands.

use crate::catalogue::Name;
use crate::document;
use crate::policy::PolicyFiles;

/// A purpose's file and the lines of its grants.
pub(super) struct Places {
    pub(super) file: String,
    grants: Vec<usize>,
}

impl Places {
    /// The places in the file of a purpose that was read before.
    pub(super) fn of(files: &PolicyFiles, purpose: &Name) -> Self {
        let name = format!("purposes/{purpose}.toml");
        let text = files.purposes.iter().find(|(file, _)| *file == name);
        let grants = text.and_then(|(file, text)| {
            let lines = document::read(file, text, |table| {
                table.optional("grant")?.each(|grant| Some(grant.line()))
            });
            lines.ok()
        });
        Self {
            file: name,
            grants: grants.unwrap_or_default(),
        }
    }

    /// The line of a grant; of the purpose as a whole, the first.
    pub(super) fn line(&self, grant: Option<usize>) -> usize {
        grant
            .and_then(|position| self.grants.get(position))
            .copied()
            .unwrap_or(1)
    }
}
