//! What can be wrong with a configuration, said with file, line and hint.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

/// One mistake in `gateway.toml` or in an override of it.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file, or a file that it names, cannot be read.
    #[error("cannot read `{}`: {why}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        why: String,
    },
    /// A mistake at a place in the file.
    #[error("{place}: {message}\n{excerpt}")]
    At {
        /// File, line and column.
        place: String,
        /// What is wrong, with a hint.
        message: String,
        /// The line with a caret below it.
        excerpt: String,
    },
    /// A mistake in an environment override.
    #[error("environment variable `{name}`: {message}")]
    Override {
        /// The variable.
        name: String,
        /// What is wrong, with a hint.
        message: String,
    },
    /// A setting that must be given, or whose value cannot be.
    #[error("{file}: `{section}.{key}` {message}")]
    Value {
        /// The file.
        file: String,
        /// The table.
        section: &'static str,
        /// The key.
        key: &'static str,
        /// What is wrong.
        message: String,
    },
    /// A path names a systemd credential and there is no credentials folder.
    #[error("`credential:{name}` needs systemd's credentials folder, and there is none")]
    NoCredentials {
        /// The credential.
        name: String,
    },
}

/// All mistakes of one configuration, in the order of the file.
#[derive(Debug)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.0.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        Self(vec![error])
    }
}

/// An error at a span of the text, with its line shown and a caret below.
pub(super) fn at(file: &str, text: &str, span: Range<usize>, message: String) -> ConfigError {
    let before = text.get(..span.start).unwrap_or(text);
    let line_number = before.matches('\n').count() + 1;
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
    let line = text
        .get(line_start..)
        .and_then(|rest| rest.lines().next())
        .unwrap_or_default();
    let marked = text
        .get(span)
        .unwrap_or_default()
        .lines()
        .next()
        .unwrap_or_default();
    let carets = "^".repeat(marked.chars().count().max(1));
    let number = line_number.to_string();
    let margin = " ".repeat(number.len());
    let indent = " ".repeat(column - 1);
    ConfigError::At {
        place: format!("{file}:{line_number}:{column}"),
        message,
        excerpt: format!("{margin} |\n{number} | {line}\n{margin} | {indent}{carets}"),
    }
}

/// `; did you mean …`, when one of the known names is close to what was written.
pub(super) fn hint<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let nearest = known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(written, name), name))
        .min_by_key(|(distance, _)| *distance);
    match nearest {
        Some((distance, name)) if distance <= 1 + written.len() / 3 => {
            format!("; did you mean `{name}`?")
        }
        _ => String::new(),
    }
}
