//! Pseudonyms a second and core on an answer of 35,000 pupils, JSON excluded, beside the bare HMAC of `ring` that each
//! of them needs. Fails below half of it.
//!
//! libpep's transcryption is shown as information: it makes another promise (nobody who computes sees which pupil is
//! meant, and it turns pseudonyms of one domain into those of another without a table), and pays for it with elliptic curves.

use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use doelpoort_core::pseudonym::{DomainKey, ExitRoot, Pseudonym, SubjectId};
use libpep::prelude::{self as pep, ElGamalEncryptable as _};
use ring::hmac;

/// Pupils of Almere.
const PUPILS: u32 = 35_000;
/// The answer is measured in parts of so many pupils: short enough to be done between two turns of other programs.
const PART: usize = 1_000;
/// Each part is measured so often, in turns, and the best counts: the machine may be busy.
const TURNS: usize = 25;
/// Transcryptions that are measured.
const TRANSCRYPTED: u32 = 500;
/// At least this part of the bare HMAC.
const GOAL: f64 = 0.5;

fn main() -> ExitCode {
    let subjects: Vec<SubjectId> = (0..PUPILS).map(subject).collect();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
    let domain = domain();
    let (mut bare, mut issued) = (Duration::ZERO, Duration::ZERO);
    for part in subjects.chunks(PART) {
        let (mut macs_took, mut pseudonyms_took) = (Duration::MAX, Duration::MAX);
        for _ in 0..TURNS {
            macs_took = macs_took.min(timed(|| macs(&key, part)));
            pseudonyms_took = pseudonyms_took.min(timed(|| pseudonyms(&domain, part)));
        }
        bare += macs_took;
        issued += pseudonyms_took;
    }
    let transcrypted = transcrypt();
    let (bare, issued) = (each_second(PUPILS, bare), each_second(PUPILS, issued));
    let part = issued / bare;
    println!("bare HMAC-SHA256 (ring)   {bare:>12.0} a second and core");
    println!("pseudonyms, as text       {issued:>12.0} a second and core: {part:.2} of it (goal {GOAL})");
    println!("libpep transcryption      {transcrypted:>12.0} a second and core; another promise:");
    println!(
        "    whoever transcrypts sees neither pupil nor pseudonym. Ours is computed by a gateway that knows both."
    );
    if part >= GOAL {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn subject(number: u32) -> SubjectId {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    bytes[4..].copy_from_slice(&[0x5a; 12]);
    SubjectId::from_bytes(bytes)
}

/// What every pseudonym needs at least: one HMAC over the tag and the id, kept.
fn macs(key: &hmac::Key, subjects: &[SubjectId]) -> Vec<hmac::Tag> {
    let mac = |subject: &SubjectId| {
        let mut context = hmac::Context::with_key(key);
        context.update(b"dsg-psn\x01\x00\x10");
        context.update(subject.as_bytes());
        context.sign()
    };
    subjects.iter().map(mac).collect()
}

/// As an answer does it: the key of the domain once, then a text for each pupil.
fn pseudonyms(domain: &DomainKey, subjects: &[SubjectId]) -> Vec<Pseudonym> {
    subjects.iter().map(|subject| domain.pseudonym(subject)).collect()
}

fn domain() -> DomainKey {
    let empty = Default::default();
    DomainKey::derive(
        &ExitRoot::from_bytes([7; 32]),
        1.try_into().unwrap(),
        &"almere".parse().unwrap(),
        &"00000099000000002000".parse().unwrap(),
        &"case-consultation".parse().unwrap(),
        &empty,
        &empty,
    )
}

fn transcrypt() -> f64 {
    let rng = &mut rand::rng();
    let (_, global) = pep::make_global_keys(rng);
    let transcryptor = pep::Transcryptor::new(
        pep::PseudonymizationSecret::from(b"pseudonymization secret".to_vec()),
        pep::RekeyingSecret::from(b"rekeying secret".to_vec()),
    );
    let domains = ["school", "partnership"].map(pep::PseudonymizationDomain::from);
    let sessions = ["session-a", "session-b"].map(pep::EncryptionContext::from);
    let keys = pep::make_session_keys(&global, &sessions[0], transcryptor.rekeying_secret());
    let info = transcryptor.transcryption_info(&domains[0], &domains[1], &sessions[0], &sessions[1]);
    let encrypted: Vec<_> = (0..TRANSCRYPTED)
        .map(|_| pep::encrypt(&pep::Pseudonym::random(rng), &keys.public(), rng))
        .collect();
    let took = timed(|| {
        for one in &encrypted {
            black_box(transcryptor.transcrypt(one, &info, &keys.public(), rng));
        }
    });
    each_second(TRANSCRYPTED, took)
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let began = Instant::now();
    black_box(work());
    began.elapsed()
}

fn each_second(count: u32, took: Duration) -> f64 {
    f64::from(count) / took.as_secs_f64()
}
