//! How many cells a recipient may ask about in one epoch, as the purpose says.

use doelpoort_core::extract::Extract;
use doelpoort_core::plan::{FiguresPlan, Plan};
use doelpoort_core::policy::decide::Permit;
use ring::digest::{Context, SHA256};

use super::Refusal;
use crate::gateway::Gateway;
use crate::store::cell_budget::CellBudget;
use crate::store::render::days;

impl Gateway {
    /// Takes the cells of an answer from the recipient's budget. Who asks the same again asks about nothing new.
    pub(super) async fn take_cells(
        &self,
        permit: &Permit<'_>,
        plan: &Plan,
        extract: &Extract,
    ) -> Result<(), Refusal> {
        let (Plan::Figures(plan), Extract::Cells(found), Some(most)) = (plan, extract, permit.limit().cells)
        else {
            return Ok(());
        };
        let cells = i64::try_from(plan.keys().len()).unwrap_or(i64::MAX);
        for epoch in std::iter::once(found).chain(found.earlier.as_deref()) {
            let budget = CellBudget {
                recipient: permit.principal(),
                clause: permit.clause(),
                epoch: days(epoch.epoch),
                most: most.into(),
            };
            if !self.store.take_cells(budget, &question(plan), cells).await? {
                return Err(Refusal::CellsSpent);
            }
        }
        Ok(())
    }
}

/// What stands for a question, however it is spelled: the cells that its answer is made of.
fn question(plan: &FiguresPlan) -> [u8; 32] {
    let mut names: Vec<_> = plan.keys().iter().collect();
    names.sort_unstable();
    let mut context = Context::new(&SHA256);
    for name in names {
        context.update(&(name.len() as u64).to_be_bytes());
        context.update(name.as_bytes());
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}
