#![no_main]

#[path = "../entries.rs"]
#[allow(dead_code, reason = "each target uses one of the entries")]
mod entries;

libfuzzer_sys::fuzz_target!(|der: &[u8]| entries::certificate(der));
