//! Who may decide: approvals, the approvers' keys, the way back that there is not, withdrawals.

mod activation;
mod keys;
mod older;
mod replicas;
mod signed;
mod stream;
mod waking;
mod withdrawal;

use doelpoort::client::{Answer, ClientError};
use doelpoort::gateway::ReloadError;
use doelpoort_core::audit::leaf::Leaf;
use serde_json::json;

use crate::support::world::World;
use crate::support::world::ask::figures;

/// The atlas of the city, asked by the partnership.
async fn atlas(world: &World) -> Result<Answer, ClientError> {
    world
        .client("swv-po-dashboard")
        .query(figures(&[], json!({})))
        .await
}

/// Reads the policies again; why they are refused.
async fn refused(world: &World) -> String {
    match world.gateway.reload_policies().await {
        Err(ReloadError::Unfit(error)) => error.to_string(),
        other => panic!("not refused: {other:?}"),
    }
}

/// The last entry of the log: kind, decision, clause.
async fn told(world: &World) -> String {
    let leaf = world.last_entries(1).await.remove(0);
    line(&leaf)
}

fn line(leaf: &Leaf) -> String {
    let event = &leaf.event;
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    format!(
        "{} {} {}",
        event.kind.name(),
        text(&event.decision),
        text(&event.clause)
    )
}
