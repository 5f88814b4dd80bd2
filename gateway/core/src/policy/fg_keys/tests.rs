//! What is no list of keys. Signatures are tried where gateways start (`tests/it`).

use super::*;

fn payload(keys: &[(&str, u8)]) -> Payload {
    Payload {
        deployment: "test".to_owned(),
        organisation: "00000099000000072001".to_owned(),
        keys: keys
            .iter()
            .map(|(month, key)| (month.parse().unwrap(), BASE64.encode(&[*key; 32])))
            .collect(),
        iat: 0,
    }
}

#[test]
fn each_month_has_a_key_and_each_another() {
    let months = payload(&[("2026-11", 1), ("2026-12", 2)]).months().unwrap();
    assert_eq!(months.len(), 2);
    assert_eq!(payload(&[("2026-11", 1), ("2026-12", 1)]).months(), None);
    assert_eq!(payload(&[]).months(), None);
    let mut short = payload(&[("2026-11", 1)]);
    short.keys.insert("2026-12".parse().unwrap(), "AAAA".to_owned());
    assert_eq!(short.months(), None);
}
