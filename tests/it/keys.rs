//! The gateway's own keys, while it runs: versions come and go, a hardware module comes and goes, and nothing is lost,
//! doubled or shown.

mod caseload;
mod command;
mod hardening;
mod hsm;
mod of_parties;
mod refusals;
mod reseal;
mod rotation;
mod under_load;
