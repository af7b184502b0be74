//! Signatures: HMAC-SHA-256 of the parameters exactly as they are sent, in hexadecimal.

use aws_lc_rs::hmac;

/// Digits of a signature.
pub(crate) const SIGNATURE_DIGITS: usize = 64;
const HEX: &[u8; 16] = b"0123456789abcdef";

/// A secret, ready to sign with.
#[derive(Clone)]
pub(crate) struct Signer(hmac::Key);

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer")
    }
}

impl Signer {
    pub(crate) fn new(secret: &str) -> Signer {
        Signer(hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()))
    }

    /// The signature of `payload`.
    pub(crate) fn sign(&self, payload: &[u8]) -> String {
        let mut text = String::with_capacity(SIGNATURE_DIGITS);
        for byte in hmac::sign(&self.0, payload).as_ref() {
            for half in [byte >> 4, byte & 0xf] {
                text.push(char::from(HEX[usize::from(half)]));
            }
        }
        text
    }

    /// Is this the signature of the parts, one after the other? Compared in constant time.
    pub(crate) fn verifies(&self, parts: &[&[u8]], signature: &str) -> bool {
        let Some(given) = bytes(signature) else { return false };
        let mut context = hmac::Context::with_key(&self.0);
        parts.iter().for_each(|part| context.update(part));
        aws_lc_rs::constant_time::verify_slices_are_equal(context.sign().as_ref(), &given).is_ok()
    }
}

fn bytes(hex: &str) -> Option<[u8; SIGNATURE_DIGITS / 2]> {
    if hex.len() != SIGNATURE_DIGITS || !hex.is_ascii() {
        return None;
    }
    let mut bytes = [0; SIGNATURE_DIGITS / 2];
    for (byte, digits) in bytes.iter_mut().zip(hex.as_bytes().chunks(2)) {
        let digit = |at: usize| char::from(digits[at]).to_digit(16);
        *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_signatures_are_made_and_verified() {
        let table = [
            (
                "2b5eb11e18796d12d88f13dc27dbbd02c2cc51ff7059765ed9821957d82bb4d9",
                "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=9000&timeInForce=GTC&recvWindow=5000&timestamp=1591702613943",
                "3c661234138461fcc7a7d8746c6558c9842d4e10870d2ecbedf7777cad694af9",
            ),
            (
                "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j",
                "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559",
                "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71",
            ),
            // Of the WebSocket API, which signs all parameters in the order of their names, the key among them.
            (
                "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j",
                "apiKey=vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A&newOrderRespType=ACK&price=52000.00&quantity=0.01000000&recvWindow=100&side=SELL&symbol=BTCUSDT&timeInForce=GTC&timestamp=1645423376532&type=LIMIT",
                "cc15477742bd704c29492d96c7ead9414dfd8e0ec4a00f947bb5bb454ddbd08a",
            ),
        ];
        for (secret, payload, signature) in table {
            let signer = Signer::new(secret);
            assert_eq!(signer.sign(payload.as_bytes()), signature);
            let (query, body) = payload.as_bytes().split_at(20);
            assert!(signer.verifies(&[query, body], signature), "query and body are signed without anything between");
            assert!(signer.verifies(&[payload.as_bytes()], &signature.to_uppercase()));
            for wrong in ["", "zz", &signature[1..], &signature.replace('a', "b")] {
                assert!(!signer.verifies(&[payload.as_bytes()], wrong), "{wrong}");
            }
        }
    }
}
