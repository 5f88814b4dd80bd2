#![no_main]

//! What others send us, or we read of others: proofs, requests of witnesses, trust policies, tile paths, cosignatures,
//! time stamps.

use doelpoort_core::audit::cosignature::WitnessKey;
use doelpoort_core::audit::proof::Proof;
use doelpoort_core::audit::quorum::Policy;
use doelpoort_core::audit::tile::Resource;
use doelpoort_core::audit::timestamp;
use doelpoort_core::audit::witness::AddCheckpoint;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = timestamp::accept(bytes, &[0; 32], 0, &[]);
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(proof) = Proof::parse(text) {
        assert_eq!(proof.to_text(), text);
    }
    if let Ok(request) = AddCheckpoint::parse(text) {
        assert_eq!(request.to_text(), text);
    }
    if let Some(Resource::Hashes(tile)) = Resource::parse(text) {
        assert_eq!(tile.path(), text);
    }
    let _ = Policy::parse(text);
    if let Ok(key) = WitnessKey::new("w", [1; 32]) {
        let _ = key.find("text\n", text);
    }
});
