//! How many cells a recipient may ask about in one epoch, as the purpose says.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

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
            let question = question(plan);
            let asked = AskedCells::new(&budget, &question);
            if self.taken_cells.has(&asked) {
                continue;
            }
            if !self.store.take_cells(budget, &question, cells).await? {
                return Err(Refusal::CellsSpent);
            }
            self.taken_cells.keep(asked);
        }
        Ok(())
    }
}

/// The most questions that are kept: 32 bytes each.
const ASKED_MAX: usize = 100_000;

/// Questions whose cells are taken, so that the database is not asked again. What is taken stays taken: a question that
/// is not here may be in the database, never the other way round.
#[derive(Debug, Default)]
pub(crate) struct TakenCells {
    asked: Mutex<HashSet<AskedCells>>,
}

/// One question of one recipient under one clause about one epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct AskedCells([u8; 32]);

impl AskedCells {
    fn new(budget: &CellBudget<'_>, question: &[u8; 32]) -> Self {
        let mut context = Context::new(&SHA256);
        for part in [budget.recipient.as_str(), budget.clause] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        context.update(&budget.epoch.to_be_bytes());
        context.update(question);
        Self(bytes(context))
    }
}

impl TakenCells {
    fn has(&self, asked: &AskedCells) -> bool {
        self.lock().contains(asked)
    }

    fn keep(&self, question: AskedCells) {
        let mut asked = self.lock();
        if asked.len() >= ASKED_MAX {
            asked.clear();
        }
        asked.insert(question);
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<AskedCells>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
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
    bytes(context)
}

fn bytes(context: Context) -> [u8; 32] {
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}
