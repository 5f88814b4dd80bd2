//! What the demo does and shows: each step in a sentence, with what really came out.

mod others;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use doelpoort_core::audit::note::Verifier;
use doelpoort_core::audit::receipt;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::population::Population;
use super::setup::{Consulents, ORIGIN, Setup};
use super::{DemoError, Options};
use crate::client::{Answer, Ask, Client, ClientError};
use crate::clock::{Clock, OffsetClock};
use crate::gateway::Gateway;
use crate::log;

/// Rows of an answer that the demo shows.
const ROWS_SHOWN: usize = 6;
/// The school's question, kept to be asked again: nobody else knows the number of a pupil.
const FACTS: &str = "facts.json";

/// Tells the story on the terminal.
pub struct Story {
    delivered: BTreeMap<(String, String), u64>,
    step: usize,
}

impl Story {
    pub(super) fn new() -> Self {
        Self {
            delivered: BTreeMap::new(),
            step: 0,
        }
    }

    pub(super) fn begin(options: &Options, fresh: bool) -> Result<(), DemoError> {
        let folder = options.dir.display();
        say(&format!(
            "Doelpoort {}: purpose or nothing, logged or not answered.",
            env!("CARGO_PKG_VERSION")
        ))?;
        if fresh {
            say(&format!(
                "Fresh keys, certificates and approvals in `{folder}`; only this demo accepts them.\n"
            ))
        } else {
            say(&format!(
                "`{folder}` is there: its story was told, so it only serves. Remove it to start again.\n"
            ))
        }
    }

    /// Makes the population, with a bar.
    pub(super) fn generating(&mut self, options: &Options, now: Timestamp) -> Result<Population, DemoError> {
        let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
        let progress = bar("making the population", 1);
        let population = Population::generate(options.seed, options.pupils, today, &mut |done, total| {
            progress.set_length(total);
            progress.set_position(done);
        })?;
        progress.finish_and_clear();
        self.step(&format!(
            "A synthetic population from DUO's real counts: {} children, {} sites of {} boards.",
            population.children.len(),
            population.sites.len(),
            population.boards().count()
        ))?;
        say(
            "   Test-range numbers only; children under 4, those nowhere enrolled and all absence are assumptions.",
        )?;
        Ok(population)
    }

    pub(super) fn delivering(rows: u64) -> ProgressBar {
        bar("delivering", rows)
    }

    pub(super) fn delivered(&mut self, client: &str, dataset: &str, rows: u64) {
        *self
            .delivered
            .entry((client.to_owned(), dataset.to_owned()))
            .or_default() += rows;
    }

    pub(super) fn deliveries(&mut self) -> Result<(), DemoError> {
        self.step("Two SIS vendors for their boards, the municipality and the partnerships delivered, each over mutual TLS:")?;
        for ((client, dataset), rows) in &self.delivered {
            say(&format!("   {client:<24} {dataset:<14} {rows:>7} rows"))?;
        }
        say("   The numbers in them became subjects and were dropped.")
    }

    /// Everything after the deliveries.
    pub(super) async fn tell(
        &mut self,
        setup: &Setup,
        gateway: &Arc<Gateway>,
        population: &Population,
        clock: &Arc<OffsetClock>,
    ) -> Result<(), DemoError> {
        let open = |id: &str| {
            let clock: Arc<dyn Clock> = Arc::<OffsetClock>::clone(clock);
            Client::open_with_clock(&setup.client(id), clock)
        };
        let closed = gateway.close_epoch("children", None).await?;
        self.step(&format!(
            "The epoch of {} closed: {} cells may be shown, once and for all, under {} purposes.",
            closed.date,
            closed.cells,
            closed.purposes.len()
        ))?;
        let dashboard = open("swv-po-dashboard")?;
        let named = self.named(&dashboard).await?;
        self.composed(&dashboard).await?;
        let consulent = open("swv-po-consulent")?;
        self.records(&consulent).await?;
        self.facts(&open("vendor-alpha-school")?, population, setup)
            .await?;
        self.others(&open("board-41676-dashboard")?, &open("municipality-dashboard")?)
            .await?;
        self.refused(&dashboard).await?;
        self.refused_number(&consulent).await?;
        self.verified(setup, gateway, &named).await
    }

    async fn named(&mut self, dashboard: &Client) -> Result<Answer, DemoError> {
        let ask = Ask {
            purpose: "youth-atlas".to_owned(),
            question: "children-by-district".to_owned(),
            ..Ask::default()
        };
        let answer = dashboard.ask(&ask).await?;
        self.step(
            "A dashboard of the partnership asked a named question, `youth-atlas/children-by-district`:",
        )?;
        show(&answer)?;
        Ok(answer)
    }

    async fn composed(&mut self, dashboard: &Client) -> Result<(), DemoError> {
        let answer = dashboard
            .query(body(json!({
                "purpose": "neighbourhood-absence",
                "form": "figures",
                "epoch": "latest",
                "groupBy": ["enrolment.neighbourhood@neighbourhood"],
                "measures": ["pupils"],
            })))
            .await?;
        let hidden = answer
            .rows()
            .iter()
            .filter(|row| row.0.iter().any(|(name, _)| name == "hidden"))
            .count();
        self.step("It composed one of its own: children absent without permission, by neighbourhood:")?;
        show(&answer)?;
        say(&format!(
            "   {hidden} of {} cells are too small to show; nothing tells how small.",
            answer.rows().len()
        ))
    }

    async fn records(&mut self, consulent: &Client) -> Result<(), DemoError> {
        let answer = consulent
            .query(body(json!({
                "purpose": "case-consultation",
                "form": "records",
                "fields": ["pseudonym", "enrolment.site", "enrolment.year-group", "absence.since", "absence.weeks"],
                "onBehalfOf": { "case": "overleg 2026-11" },
            })))
            .await?;
        self.step(&format!(
            "A consulent asked the records of her own caseload: {} pupils under pseudonyms that nobody else gets:",
            answer.rows().len()
        ))?;
        show(&answer)
    }

    async fn facts(
        &mut self,
        school: &Client,
        population: &Population,
        setup: &Setup,
    ) -> Result<(), DemoError> {
        let (own, other) = pupils(school, population)?;
        let question = json!({
            "purpose": "admissibility-status",
            "actingFor": school.settings().holder,
            "pupils": [{ "ref": "our own pupil", "eckId": own }, { "ref": "somebody else's", "eckId": other }],
            "fields": ["admissibility.kind", "admissibility.outcome", "admissibility.valid-until"],
            "onBehalfOf": { "case": "zorgoverleg" },
        });
        std::fs::write(setup.dir().join(FACTS), format!("{question:#}\n"))?;
        let answer = school.facts(body(question)).await?;
        self.step(
            "A school asked the status of its own pupil's admissibility, and tried one that is not its own:",
        )?;
        show(&answer)
    }

    async fn refused(&mut self, dashboard: &Client) -> Result<(), DemoError> {
        let asked = dashboard
            .query(body(json!({
                "purpose": "youth-atlas",
                "form": "figures",
                "groupBy": ["resident.neighbourhood", "admissibility.kind"],
                "measures": ["pupils"],
            })))
            .await;
        let problem = match asked {
            Err(ClientError::Refused(problem)) => problem,
            Err(error) => return Err(error.into()),
            Ok(_) => {
                return Err(DemoError::Story(
                    "a question beyond its grant was answered".to_owned(),
                ));
            }
        };
        self.step("The dashboard asked for more than its purpose grants, and was refused with the reason:")?;
        for line in problem.to_string().lines() {
            say(&format!("   {line}"))?;
        }
        Ok(())
    }

    async fn verified(&mut self, setup: &Setup, gateway: &Gateway, named: &Answer) -> Result<(), DemoError> {
        let kept = setup.dir().join("answer.json");
        std::fs::write(&kept, named.text())?;
        let key = std::fs::read_to_string(setup.gateway("keys/log.vkey"))?;
        let verifier = Verifier::parse(key.trim())
            .map_err(|_| DemoError::Story("the log's key is unreadable".to_owned()))?;
        let (receipt, digest) = receipt::split_answer(named.text())
            .ok_or_else(|| DemoError::Story("the answer carries no receipt".to_owned()))?;
        let proven = receipt::verify(receipt, &verifier, Some(&digest))
            .map_err(|error| DemoError::Story(format!("the receipt does not hold: {error}")))?;
        let report = log::verify(gateway.store(), &verifier, None).await?;
        if !report.is_intact() {
            return Err(DemoError::Story(report.to_string()));
        }
        self.step(&format!(
            "Every access is in the log `{ORIGIN}`, checked from its first entry with the public key alone:"
        ))?;
        for line in report.to_string().lines() {
            say(&format!("   {line}"))?;
        }
        say(&format!(
            "   The receipt of the first answer proves entry {} of {}.",
            proven.index, proven.size
        ))
    }

    pub(super) fn took(time: Duration) -> Result<(), DemoError> {
        say(&format!("\nAll of it took {:.1} s.", time.as_secs_f64()))
    }

    pub(super) fn next_steps(setup: &Setup, once: bool) -> Result<(), DemoError> {
        let dir = setup.dir().display();
        let settings = std::fs::read_to_string(setup.client("swv-po-dashboard").join("client.toml"))?;
        let gateway = settings
            .lines()
            .find_map(|line| line.strip_prefix("gateway = "))
            .unwrap_or_default();
        let gateway = gateway.trim_matches('"');
        say(&if once {
            format!(
                "\nMade in {dir}. Without `--once` it serves on {gateway}; then try, in another terminal:"
            )
        } else {
            format!("\nServing on {gateway}. Try, in another terminal:")
        })?;
        let commands = [
            format!(
                "doelpoort ask youth-atlas nowhere-enrolled-by-district --client {dir}/clients/municipality-dashboard"
            ),
            format!(
                "doelpoort ask neighbourhood-absence stay-at-homes-by-district --client {dir}/clients/swv-po-dashboard --format csv"
            ),
            format!("doelpoort facts {dir}/{FACTS} --client {dir}/clients/vendor-alpha-school"),
            format!("doelpoort token --client {dir}/clients/swv-po-dashboard"),
            format!(
                "doelpoort audit verify --config {dir}/gateway/gateway.toml --key {dir}/gateway/keys/log.vkey"
            ),
            format!(
                "doelpoort audit monitor --client {dir}/clients/swv-po-fg --key {dir}/gateway/keys/log.vkey --fg-key {dir}/fg/fg-private.toml"
            ),
            format!("doelpoort receipt verify {dir}/answer.json --key {dir}/gateway/keys/log.vkey"),
        ];
        for command in commands {
            say(&format!(
                "   cargo run --release -- {}",
                command.trim_start_matches("doelpoort ")
            ))?;
        }
        Ok(())
    }

    fn step(&mut self, sentence: &str) -> Result<(), DemoError> {
        self.step += 1;
        say(&format!("\n{}. {sentence}", self.step))
    }
}

/// The members of staff who ask: the one with the small caseload, and one of secondary education.
pub(super) fn consulents(population: &Population) -> Consulents {
    let of = |prefix: &str| {
        let rows = population
            .caseload
            .iter()
            .find(|(swv, _)| swv.to_string().starts_with(prefix));
        rows.and_then(|(_, rows)| rows.first())
            .map(|row| row.staff.clone())
            .unwrap_or_default()
    };
    Consulents {
        primary: population.small_caseload.clone(),
        secondary: of("VO"),
    }
}

/// The ECK iD of a pupil with a decision whom the asking board has, and of one whom it has not.
fn pupils(school: &Client, population: &Population) -> Result<(String, String), DemoError> {
    let nobody = || DemoError::Story("the population has no pupil to ask about".to_owned());
    let holder = school.settings().holder.clone().unwrap_or_default();
    let of_board = |own: bool| {
        let rows = population
            .enrolments
            .iter()
            .filter(|(board, _)| holder.ends_with(&board.to_string()) == own);
        let rows = rows.flat_map(|(_, rows)| rows).filter(|row| row.until.is_none());
        rows.filter_map(|row| row.pupil.eck_id.clone())
            .collect::<std::collections::BTreeSet<_>>()
    };
    let (own, others) = (of_board(true), of_board(false));
    let decided: Vec<String> = population
        .admissibility
        .values()
        .flatten()
        .filter(|row| row.valid_until.is_some())
        .filter_map(|row| row.pupil.eck_id.clone())
        .collect();
    let own = decided
        .iter()
        .find(|eck| own.contains(*eck) && !others.contains(*eck))
        .ok_or_else(nobody)?;
    let other = decided
        .iter()
        .find(|eck| others.contains(*eck))
        .ok_or_else(nobody)?;
    Ok((own.clone(), other.clone()))
}

fn body(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(body) => body,
        _ => Map::new(),
    }
}

/// The first rows of an answer.
fn show(answer: &Answer) -> Result<(), DemoError> {
    let rows = answer.rows();
    for row in rows.iter().take(ROWS_SHOWN) {
        let cells: Vec<String> = row
            .0
            .iter()
            .map(|(name, value)| format!("{name} {}", cell(value)))
            .collect();
        say(&format!("   {}", cells.join(" · ")))?;
    }
    if rows.len() > ROWS_SHOWN {
        say(&format!("   … and {} more", rows.len() - ROWS_SHOWN))?;
    }
    Ok(())
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        Value::Object(members) if members.contains_key("code") => {
            let text = |name: &str| members.get(name).and_then(Value::as_str).unwrap_or_default();
            if text("label").is_empty() {
                text("code").to_owned()
            } else {
                text("label").to_owned()
            }
        }
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| format!("{name} {}", cell(value)))
            .collect::<Vec<_>>()
            .join(", "),
        other => other.to_string(),
    }
}

fn bar(what: &str, length: u64) -> ProgressBar {
    let bar = ProgressBar::new(length);
    let style = ProgressStyle::with_template("   {msg} {wide_bar} {pos}/{len}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message(what.to_owned());
    bar
}

fn say(line: &str) -> Result<(), DemoError> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(())
}
