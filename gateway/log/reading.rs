//! To whom private parts of the log are sealed.

use std::sync::Arc;

use doelpoort_core::policy::FgKeys;

use super::Log;

impl Log {
    /// The FG's public keys.
    pub fn fg_keys(&self) -> Arc<FgKeys> {
        self.shared.privacy.keys()
    }

    /// From here on private parts are sealed to these keys. A chain of tags that has begun goes on.
    pub fn set_fg_keys(&self, keys: FgKeys) {
        self.shared.privacy.set_keys(keys);
    }
}
