//! How much figures tell of one bit of one pupil: printed by `policy check`, and refused where it is too much.

use super::super::words::{self, both};
use super::Found;
use crate::catalogue::Name;
use crate::figures::bound::{AttributeBound, bounds};
use crate::policy::Draft;
use crate::purpose::{Purpose, Warning};
use crate::text::Text;

/// The bound of each attribute of each population that figures are about.
pub fn of(draft: &Draft) -> Vec<(Name, AttributeBound)> {
    let purposes = || draft.purposes.values().map(|(purpose, _)| purpose);
    let populations = draft.catalogue.populations();
    populations
        .flat_map(|population| {
            let found = bounds(&draft.catalogue, population, purposes());
            found.into_iter().map(|bound| (population.name.clone(), bound))
        })
        .collect()
}

/// What keeps a set from coming into force: an attribute over its bound, and no purpose that shares it says why that is
/// in order.
pub fn refusals(draft: &Draft) -> Vec<String> {
    let explained = |purpose: &Name| {
        let purpose = draft.purposes.get(purpose).map(|(purpose, _)| purpose);
        purpose.is_some_and(|purpose| {
            purpose
                .explanations
                .iter()
                .any(|one| one.warning == Warning::FigureBound)
        })
    };
    over(draft)
        .into_iter()
        .filter(|found| !explained(&found.purpose))
        .map(|found| format!("purpose `{}`: {}", found.purpose, found.message.en))
        .collect()
}

/// One finding for each attribute that is over its bound, at the purpose that tips it over.
pub(super) fn over(draft: &Draft) -> Vec<Found> {
    let bounds = of(draft);
    bounds
        .iter()
        .filter(|(_, bound)| !bound.holds())
        .filter_map(|(population, bound)| {
            Some(Found {
                purpose: tipping(draft, population, bound)?,
                grant: None,
                warning: Warning::FigureBound,
                message: message(draft, bound),
            })
        })
        .collect()
}

/// The first purpose, by name, with which those up to it are over: taking it away would mend it.
fn tipping(draft: &Draft, population: &Name, bound: &AttributeBound) -> Option<Name> {
    let population = draft.catalogue.population(population)?;
    let sharing: Vec<&Purpose> = bound
        .purposes
        .iter()
        .filter_map(|(name, _)| draft.purposes.get(name).map(|(purpose, _)| purpose))
        .collect();
    let tips = |until: &usize| {
        let some = sharing.iter().take(until + 1).copied();
        let bounds = bounds(&draft.catalogue, population, some);
        bounds
            .iter()
            .any(|one| one.attribute == bound.attribute && !one.holds())
    };
    let place = (0..sharing.len()).find(tips)?;
    sharing.get(place).map(|purpose| purpose.id.clone())
}

fn message(draft: &Draft, bound: &AttributeBound) -> Text {
    let sharing: Vec<String> = bound
        .purposes
        .iter()
        .map(|(purpose, cells)| format!("`{purpose}` ({cells})"))
        .collect();
    let sharing = sharing.join(", ");
    let field = words::field(&draft.catalogue, &bound.attribute);
    let per_cent = |thousandths: u16| format!("{}.{} %", thousandths / 10, thousandths % 10);
    let (once, three) = (per_cent(bound.in_one), per_cent(bound.in_three_years));
    let (once_max, three_max) = (per_cent(bound.limits.0), per_cent(bound.limits.1));
    let cells = bound.cells;
    both(
        format!(
            "{}: {cells} cellen die met één gegeven van één leerling anders zijn; wie verder alles weet raadt goed met kans {once} (hoogstens {once_max}), \
             in drie jaar {three} (hoogstens {three_max}); gedeeld door {sharing}",
            field.nl
        ),
        format!(
            "{}: {cells} cells that are another with one bit of one pupil; who knows all else guesses right with probability {once} (at most \
             {once_max}), in three years {three} (at most {three_max}); shared by {sharing}",
            field.en
        ),
    )
}

/// What `policy check` prints: one line an attribute.
pub fn lines(draft: &Draft) -> Vec<String> {
    of(draft)
        .iter()
        .map(|(population, bound)| {
            let verdict = if bound.holds() { "within" } else { "over" };
            format!("bound of `{population}`, {verdict}: {}", message(draft, bound).en)
        })
        .collect()
}
