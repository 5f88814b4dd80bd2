//! What others do with their purposes: a board, the municipality, and a partnership that asks for what it may never have.

use serde_json::json;

use super::super::DemoError;
use super::{Story, body, say, show};
use crate::client::{Ask, Client, ClientError};

/// Of the test range; nobody has it.
const BSN: &str = "999990019";

impl Story {
    /// A board's dashboard, and the table of provisions.
    pub(super) async fn others(&mut self, board: &Client, municipality: &Client) -> Result<(), DemoError> {
        let report = board
            .ask(&Ask {
                purpose: "board-report".to_owned(),
                question: "truants-by-board".to_owned(),
                ..Ask::default()
            })
            .await?;
        self.step(
            "A school board read its report: pupils absent without permission, beside the other boards:",
        )?;
        show(&report)?;
        let places = municipality
            .query(body(json!({
                "purpose": "provision-overview",
                "form": "records",
                "fields": ["provision.name", "provision.places", "provision.taken"],
                "only": { "provision.kind": "group" },
            })))
            .await?;
        self.step("The municipality read the provisions, a table without persons, so without pseudonyms:")?;
        show(&places)
    }

    /// A partnership is not among the users of the citizen service number.
    pub(super) async fn refused_number(&mut self, consulent: &Client) -> Result<(), DemoError> {
        let asked = consulent
            .facts(body(json!({
                "purpose": "support-advice",
                "pupils": [{ "ref": "a pupil", "bsn": BSN }],
                "fields": ["enrolment.site"],
                "onBehalfOf": { "case": "advies 2026-31" },
            })))
            .await;
        let problem = match asked {
            Err(ClientError::Refused(problem)) => problem,
            Err(error) => return Err(error.into()),
            Ok(_) => {
                return Err(DemoError::Story(
                    "a partnership asked by BSN and was answered".to_owned(),
                ));
            }
        };
        self.step("A consulent named a pupil by BSN, which a partnership may not use, and was refused:")?;
        say(&format!(
            "   {} {}: {}",
            problem.status, problem.code, problem.title
        ))
    }
}
