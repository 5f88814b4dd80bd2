//! `example-keys`: the published certificates and keys in `keys-example/`, made anew. For maintainers.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use doelpoort_core::catalogue::Catalogue;
use doelpoort_core::party::{ClientId, Organisations};
use jiff::Timestamp;

use super::CliError;
use crate::demo::pki::{FolderOptions, Plan, Validity};
use crate::tls::EXAMPLE_ISSUER;

/// Days that the examples are valid, under the fixed clock of the tests.
const EXAMPLE_DAYS: u32 = 365;

/// `doelpoort example-keys`.
#[derive(Debug, Args)]
pub(super) struct ExampleKeys {
    /// The policies folder whose organisations get keys
    #[arg(long, value_name = "DIR", default_value = "policies")]
    policies: PathBuf,
    /// Where they go
    #[arg(long, value_name = "DIR", default_value = "keys-example")]
    to: PathBuf,
    /// The moment at which the tests' clock stands
    #[arg(long)]
    now: Timestamp,
    /// A person for a client, and who releases requests with them: `client-id=organisation:subject[+other]`
    #[arg(long = "staff", value_name = "CLIENT=SLUG:SUBJECT[+OTHER]", value_parser = staff)]
    staff: Vec<(ClientId, FolderOptions)>,
}

impl ExampleKeys {
    pub(super) fn run(self) -> Result<(), CliError> {
        let mut organisations = self.organisations()?;
        let options: BTreeMap<_, _> = self.staff.into_iter().collect();
        let plan = Plan {
            folder: &self.to,
            gateway: "https://localhost:8443",
            authority: EXAMPLE_ISSUER,
            validity: Validity::around(self.now, EXAMPLE_DAYS),
            options: &options,
        };
        let made = plan.make(&mut organisations);
        made.map(drop).map_err(|why| CliError::Told(why.to_string()))
    }

    fn organisations(&self) -> Result<Organisations, CliError> {
        let mut catalogue = Vec::new();
        for folder in ["datasets", "hierarchies", "maps", "populations"] {
            for entry in std::fs::read_dir(self.policies.join(folder))? {
                let path = entry?.path();
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                catalogue.push((format!("{folder}/{name}"), std::fs::read_to_string(&path)?));
            }
        }
        catalogue.sort();
        let catalogue = Catalogue::parse(&catalogue).map_err(|errors| all(&errors))?;
        let file = "organisations.toml";
        let text = std::fs::read_to_string(self.policies.join(file))?;
        Organisations::parse(file, &text, &catalogue).map_err(|errors| all(&errors))
    }
}

fn all(errors: &[impl ToString]) -> CliError {
    CliError::Told(
        errors
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n"),
    )
}

/// `client-id=organisation:subject`, `client-id=organisation:subject+other`.
fn staff(text: &str) -> Result<(ClientId, FolderOptions), String> {
    let form = || "write it as `client-id=organisation:subject`".to_owned();
    let (client, person) = text.split_once('=').ok_or_else(form)?;
    let (organisation, subject) = person.split_once(':').ok_or_else(form)?;
    let (subject, released_by) = match subject.split_once('+') {
        Some((subject, other)) => (subject, Some(other.to_owned())),
        None => (subject, None),
    };
    let client = client.parse().map_err(|_| form())?;
    let provider = organisation.parse().map_err(|_| form())?;
    Ok((
        client,
        FolderOptions {
            holder: None,
            staff: Some((provider, subject.to_owned())),
            released_by,
        },
    ))
}
