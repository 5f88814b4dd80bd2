use super::*;

/// The nonce in `request.tsq`.
const NONCE: u64 = 0x4142_4344_4546_4748;
const NOTE: &str = include_str!("../../../../../tests/vectors/timestamp/note.txt");
const REQUEST: &[u8] = include_bytes!("../../../../../tests/vectors/timestamp/request.tsq");
/// P-384, SHA-384, the certificate named by SHA-256.
const EC: &[u8] = include_bytes!("../../../../../tests/vectors/timestamp/ec.tsr");
/// RSA, SHA-256, the certificate named by SHA-1, fractions of a second.
const RSA: &[u8] = include_bytes!("../../../../../tests/vectors/timestamp/rsa.tsr");
/// The content of `EC`, signed with a certificate for signing code.
const OTHER_USE: &[u8] = include_bytes!("../../../../../tests/vectors/timestamp/other-use.der");
const AUTHORITY: &[u8] = include_bytes!("../../../../../tests/vectors/timestamp/authority.der");
const STRANGER: &[u8] = include_bytes!("../../../../../tests/vectors/timestamp/stranger.der");

fn authorities() -> [CertificateDer<'static>; 1] {
    [CertificateDer::from(AUTHORITY)]
}

fn accepted(response: &[u8]) -> Result<Stamp, StampError> {
    accept(response, &imprint(NOTE), NONCE, &authorities())
}

#[test]
fn the_request_is_byte_for_byte_another_implementation_s() {
    assert_eq!(request(&imprint(NOTE), NONCE).unwrap(), REQUEST);
}

#[test]
fn responses_of_openssl_are_accepted_and_their_tokens_verify_again() {
    for response in [EC, RSA] {
        let stamp = accepted(response).unwrap();
        assert!(stamp.time_us > 1_795_000_000_000_000, "{}", stamp.time_us);
        assert_eq!(
            verify(&stamp.token, &imprint(NOTE), &authorities()),
            Ok(stamp.clone())
        );
        assert!(response.ends_with(&stamp.token));
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let authorities = authorities();
    let stranger = [CertificateDer::from(STRANGER)];
    for response in [EC, RSA] {
        let asked =
            |note: &str, nonce, by: &[CertificateDer<'_>]| accept(response, &imprint(note), nonce, by);
        assert_eq!(asked("another", NONCE, &authorities), Err(StampError::Imprint));
        assert_eq!(asked(NOTE, NONCE + 1, &authorities), Err(StampError::Nonce));
        assert_eq!(asked(NOTE, NONCE, &stranger), Err(StampError::Authority));
        assert_eq!(asked(NOTE, NONCE, &[]), Err(StampError::Authority));
    }
    assert_eq!(
        verify(OTHER_USE, &imprint(NOTE), &authorities),
        Err(StampError::Authority)
    );
    // Status 2, and nothing else.
    assert_eq!(
        accepted(&[0x30, 5, 0x30, 3, 2, 1, 2]),
        Err(StampError::Refused(2))
    );
    assert_eq!(
        accepted(&[0x30, 5, 0x30, 3, 2, 1, 0]),
        Err(StampError::Refused(0))
    );
}

/// Some bytes are not signed (the status, the order of certificates); changed, they change nothing that is believed.
#[test]
fn no_changed_byte_gives_another_time() {
    for response in [EC, RSA] {
        let good = accepted(response).unwrap();
        let mut changed = response.to_vec();
        let mut refused = 0;
        for place in 0..changed.len() {
            changed[place] ^= 0x01;
            match accepted(&changed) {
                Ok(stamp) => assert_eq!(stamp.time_us, good.time_us, "byte {place}"),
                Err(_) => refused += 1,
            }
            changed[place] ^= 0x01;
            assert!(accepted(&changed[..place]).is_err(), "cut at {place}");
        }
        assert!(
            refused > response.len() * 9 / 10,
            "{refused} of {}",
            response.len()
        );
    }
}
