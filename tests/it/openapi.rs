//! The API's description is a file of the repository, so that no change of the API is an accident.

use std::path::Path;

/// Fails after every change of the API; look at the difference, then
/// `cargo run -- openapi > docs/openapi.json` writes the file anew.
#[test]
fn the_description_is_the_one_in_docs() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    let made = doelpoort::http::description().to_pretty_json().unwrap();
    assert!(
        written.trim_end() == made.trim_end(),
        "the API has changed; if that is meant: cargo run -- openapi > docs/openapi.json"
    );
}
