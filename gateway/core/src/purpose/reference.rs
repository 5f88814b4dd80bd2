//! What a purpose names of other purposes: whose pseudonyms are translated or resolved.

use crate::catalogue::Name;
use crate::party::{Organisation, Organisations};

use super::{Grant, Purpose};

impl Purpose {
    /// Whether this purpose gives an organisation rows of a dataset under pseudonyms.
    pub fn gives_pseudonyms(&self, organisation: &Organisation, dataset: &Name) -> bool {
        self.grants.iter().any(|grant| match grant {
            Grant::Records(records) => {
                records.dataset == *dataset && records.recipients.iter().any(|one| one.names(organisation))
            }
            _ => false,
        })
    }

    /// What its grants name of other purposes and those do not give, a sentence each. To be asked when all purposes
    /// are read.
    pub fn unmet<'p>(
        &self,
        purpose: impl Fn(&Name) -> Option<&'p Purpose>,
        organisations: &Organisations,
    ) -> Vec<String> {
        let mut unmet = Vec::new();
        let mut needs = |of: &Name, party: &Organisation, dataset: &Name| {
            let Some(found) = purpose(of) else {
                unmet.push(format!("unknown purpose `{of}`"));
                return;
            };
            if !found.gives_pseudonyms(party, dataset) {
                unmet.push(format!(
                    "purpose `{of}` gives `{}` no records of `{dataset}`, so it has no pseudonyms of it",
                    party.slug
                ));
            }
        };
        for grant in &self.grants {
            let receiving = grant.receiving(organisations);
            match grant {
                Grant::Resolve(resolve) => {
                    for party in receiving {
                        needs(&resolve.of, party, &resolve.dataset);
                    }
                }
                Grant::Translate(translate) => {
                    for party in receiving {
                        needs(&translate.from, party, &translate.dataset);
                    }
                    if let Some(party) = organisations.by_slug(&translate.to) {
                        needs(&translate.to_purpose, party, &translate.dataset);
                    }
                }
                Grant::Delivery(_)
                | Grant::Facts(_)
                | Grant::Figures(_)
                | Grant::Records(_)
                | Grant::Restrict(_) => {}
            }
        }
        unmet.dedup();
        unmet
    }
}
