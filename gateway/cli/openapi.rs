//! `openapi`: the API's description, made from the code.

use super::{CliError, print};

/// Prints the description as JSON (OpenAPI 3.1).
pub(super) fn run() -> Result<(), CliError> {
    let description = crate::http::description();
    let text = description
        .to_pretty_json()
        .map_err(|why| CliError::Told(why.to_string()))?;
    print(&text)?;
    Ok(())
}
